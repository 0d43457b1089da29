"""iop4 pol."""

from __future__ import annotations

from iop4cli.commands.stepping import run_verb
from iop4cli.shell.options import StepOptions, takes_options

EPILOG = """Examples:

  iop4 pol

  iop4 pol --source 'BL Lac' -n

  iop4 pol --param transparency=no --param min_stars=5
"""


@takes_options
def command(options: StepOptions) -> int:
    """Polarisation and magnitude of each source from the frames of a group.

    Reads the tables aperture and field_star; writes [bold]measurement[/bold]. Each exposure is divided by the ensemble
    of field stars, so that clouds do not pass for polarisation; the values without that are kept beside.
    """
    return run_verb(("pol",), options)
