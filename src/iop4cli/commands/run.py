"""iop4 run."""

from __future__ import annotations

from iop4cli.commands.stepping import run_verb
from iop4cli.pipeline.steps import STEP_NAMES
from iop4cli.shell.options import StepOptions, takes_options

EPILOG = """Examples:

  iop4 run

  iop4 run OSN-T090/2022-09-08 -j2

  iop4 run -n --param phot.radius_fwhm=2.0
"""


@takes_options
def command(options: StepOptions) -> int:
    """Do all that is due: classify, mkmaster, reduce, solve, phot, pol, correct.

    Reads raw/ and writes everything else. What is up to date is left alone, so that a second run does nothing; a
    changed parameter, master, catalogue entry, index or instrument file makes just what rests on it due. A frame
    that fails gets a row with the reason, the rest goes on, and the exit code is 3.
    """
    return run_verb(STEP_NAMES, options)
