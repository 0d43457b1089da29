"""iop4 plot."""

from __future__ import annotations

import typer

from iop4cli.commands.plot_frames import astrometry, finding, frame, growth
from iop4cli.commands.plot_nights import health, masters, zeropoint
from iop4cli.commands.plot_results import lightcurve, modulation, qu, sweep

EPILOG = """Examples:

  iop4 plot lightcurve "BL Lac" --band R --unwrap -o bllac.pdf

  iop4 plot lightcurve "BL Lac" --since 2022-09-01

  iop4 plot qu "BL Lac" --since 2022-09-01 -o qu.pdf

  iop4 plot modulation 804e0c209aef

  iop4 plot growth OSN-T090/2022-09-08/BLLac-0001R0.fit

  iop4 plot sweep 804e0c209aef -o sweep.png

  iop4 plot zeropoint --airmass > zero_points.tsv

  iop4 plot health "BL Lac"

  iop4 plot masters --instrument AndorT90

  iop4 plot astrometry OSN-T090/2022-09-08/BLLac-0001R0.fit -o residuals.png

  iop4 plot finding "BL Lac" -o chart.png

  iop4 plot frame OSN-T090/2022-09-08/BLLac-0001R0.fit -o frame.png
"""

_HELP = {"help_option_names": ["-h", "--help"]}
app = typer.Typer(
    help="Draw results, calibrators, masters, frames: in files (-o), on the terminal; in a pipe the values as a table.",
    no_args_is_help=True, add_completion=False, rich_markup_mode="rich", epilog=EPILOG, context_settings=_HELP,
)  # fmt: skip
for _kind in (lightcurve, qu, modulation, growth, sweep, zeropoint, health, masters, astrometry, finding, frame):
    app.command(_kind.__name__, context_settings=_HELP, epilog=EPILOG)(_kind)
