"""iop4 correct."""

from __future__ import annotations

from iop4cli.commands.stepping import run_verb
from iop4cli.shell.options import StepOptions, takes_options

EPILOG = """Examples:

  iop4 correct

  iop4 correct OSN-T090/2022-09-08

  iop4 correct --param clouds_mag=0.2
"""


@takes_options
def command(options: StepOptions) -> int:
    """Judge each result beside the others of its night, and say its quality in words.

    Reads the table measurement; writes [bold]correction[/bold]: the quality bits and text of the view
    [bold]results[/bold]. Flags of people are kept apart and are never touched.
    """
    return run_verb(("correct",), options)
