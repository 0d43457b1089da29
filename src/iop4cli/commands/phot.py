"""iop4 phot."""

from __future__ import annotations

from iop4cli.commands.stepping import run_verb
from iop4cli.shell.options import StepOptions, takes_options

EPILOG = """Examples:

  iop4 phot

  iop4 phot --band R --param radius_fwhm=2.0

  iop4 phot --show-params
"""


@takes_options
def command(options: StepOptions) -> int:
    """Measure the catalogue's sources on solved frames.

    Reads reduced/, the WCS and the catalogue; writes the tables [bold]aperture[/bold] and [bold]field_star[/bold] and,
    for photometric frames, [bold]measurement[/bold]. The frames of a polarimetric group share one aperture.
    """
    return run_verb(("phot",), options)
