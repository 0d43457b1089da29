"""iop4 plot."""

from __future__ import annotations

import typer

from iop4cli.commands.plot_results import lightcurve, qu

EPILOG = """Examples:

  iop4 plot lightcurve "BL Lac" --band R --unwrap -o bllac.pdf

  iop4 plot lightcurve "BL Lac" --since 2022-09-01

  iop4 plot lightcurve "BL Lac" > bllac.tsv
"""

app = typer.Typer(
    help="Draw results, calibrators, masters and frames: in the terminal, or as PNG, PDF or SVG.",
    no_args_is_help=True, add_completion=False, rich_markup_mode="rich", epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
_HELP = {"help_option_names": ["-h", "--help"]}


app.command("lightcurve", context_settings=_HELP, epilog=EPILOG)(lightcurve)
app.command("qu", context_settings=_HELP, epilog=EPILOG)(qu)
