"""iop4 correct."""

from __future__ import annotations

from iop4cli.commands.stepping import run_verb
from iop4cli.shell.options import StepOptions, takes_options

EPILOG = """Examples:

  iop4 correct

  iop4 correct OSN-T090/2022-09-08

  iop4 correct --param clouds_mag=0.2

  cp my_hosts.csv host_galaxies/ && iop4 correct
"""


@takes_options
def command(options: StepOptions) -> int:
    """Judge each result beside the others of its night, take its host galaxy off, say its quality in words.

    Reads the table measurement; writes [bold]correction[/bold]: the quality bits and text of the view
    [bold]results[/bold], and mag_host, p_host, q_host, u_host with their errors. Flags of people are kept apart
    and are never touched.

    The light of the host in the aperture, in R, is that of Nilsson et al. (2007) for 20 blazars. Tables of your own
    go into the archive's folder [bold]host_galaxies/[/bold], as CSV or ECSV with the columns name,
    aperture_radius_arcsec, fwhm_arcsec, flux_mjy, flux_err_mjy (and reference, if you like); a source there replaces
    the shipped one whole, and its results become due. Between the nodes of a table the flux is interpolated; outside
    it nothing is corrected and host_reason says why. Where a group has no magnitude, one of the same source within
    host_mag_days takes its place, and correction_notes says which.
    """
    return run_verb(("correct",), options)
