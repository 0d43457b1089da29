"""iop4 solve."""

from __future__ import annotations

from iop4cli.commands.stepping import run_verb
from iop4cli.shell.options import StepOptions, takes_options

EPILOG = """Examples:

  iop4 solve

  iop4 solve OSN-T090/2022-09-08/BLLac-0001R0.fit --force

  iop4 reduce | iop4 solve - | iop4 phot -
"""


@takes_options
def command(options: StepOptions) -> int:
    """Find the stars of reduced frames, and where on the sky they are.

    Reads reduced/ and astrometry.net index files (IOP4_INDEX_PATH); writes the WCS into the reduced file and the
    tables [bold]wcs[/bold] and [bold]detection[/bold]. What the index files do not solve is matched to the night's
    solved frames of the same field. A wrong solution is worse than none: doubtful ones are refused, with the reason.
    """
    return run_verb(("solve",), options)
