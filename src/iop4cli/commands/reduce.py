"""iop4 reduce."""

from __future__ import annotations

from iop4cli.commands.stepping import run_verb
from iop4cli.shell.options import StepOptions, takes_options

EPILOG = """Examples:

  iop4 reduce

  iop4 reduce --source 2200+420 --since 2022-09-01

  iop4 reduce 'T090/2209*' --json | iop4 solve -
"""


@takes_options
def command(options: StepOptions) -> int:
    """Reduce raw light frames to electrons.

    Reads raw/ and the masters that fit each frame; writes reduced/TELESCOPE/NIGHT/FILE with the whole raw header,
    a DQ extension of pixel bits and the provenance, and the table [bold]reduced[/bold].
    """
    return run_verb(("reduce",), options)
