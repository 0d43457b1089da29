"""iop4 mkmaster."""

from __future__ import annotations

from iop4cli.commands.stepping import run_verb
from iop4cli.shell.options import StepOptions, takes_options

EPILOG = """Examples:

  iop4 mkmaster

  iop4 mkmaster OSN-T090/2022-09-08 --dry-run

  iop4 classify | iop4 mkmaster -
"""


@takes_options
def command(options: StepOptions) -> int:
    """Combine the bias, dark and flat frames of each night.

    Reads the classified calibration frames in raw/; writes master/TELESCOPE/NIGHT/KIND-...-KEY.fits (image and
    its uncertainty) and the table [bold]master[/bold], with the frames used and left out in [bold]master_input[/bold].
    """
    return run_verb(("mkmaster",), options)
