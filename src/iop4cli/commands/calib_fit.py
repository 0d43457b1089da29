"""iop4 calib fit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from iop4cli.archive.people import who
from iop4cli.commands.calib_choosing import view_of
from iop4cli.commands.opening import open_archive
from iop4cli.errors import UsageError
from iop4cli.pipeline.calibrating import ZERO_SCATTER
from iop4cli.shell import messages, output
from iop4cli.shell.options import PANEL_HOW, PANEL_ITEMS, ArchiveOptions, Json, takes_options

_HELD = {
    "polarisation": ("q_inst", "u_inst"),
    "zero-angle": ("zero_angle_deg",),
    "efficiency": ("efficiency",),
}


Band = Annotated[
    str | None,
    typer.Option("--band", metavar="BAND", show_default=False, rich_help_panel=PANEL_ITEMS, help="Only in this band."),
]


@takes_options
def fit(
    options: ArchiveOptions,
    instrument: Annotated[
        str, typer.Option("--instrument", metavar="NAME", rich_help_panel=PANEL_ITEMS, help="Of this instrument.")
    ],
    band: Band = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="NIGHT",
            show_default=False,
            rich_help_panel=PANEL_ITEMS,
            help="Standards from this night on; the calibration holds from then on.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="NIGHT",
            show_default=False,
            rich_help_panel=PANEL_ITEMS,
            help="Standards up to this night; the calibration holds so long. Without: until further notice.",
        ),
    ] = None,
    standards: Annotated[
        Path | None,
        typer.Option(
            "--standards",
            metavar="FILE",
            show_default=False,
            rich_help_panel=PANEL_HOW,
            help="Another table of standards (CSV or ECSV), with columns like the shipped one.",
        ),
    ] = None,
    doubtful: Annotated[
        bool,
        typer.Option(
            "--doubtful", rich_help_panel=PANEL_HOW, help="Also standards that the table marks (variable...)."
        ),
    ] = False,
    hold: Annotated[
        list[str] | None,
        typer.Option(
            "--hold",
            metavar="WHAT",
            show_default=False,
            rich_help_panel=PANEL_HOW,
            help="Keep polarisation, zero-angle or efficiency as known before; may be repeated.",
        ),
    ] = None,
    zero_scatter: Annotated[
        float,
        typer.Option(
            "--zero-scatter",
            metavar="FRACTION",
            min=0,
            rich_help_panel=PANEL_HOW,
            help="To what q and u of unpolarised standards are 0.",
        ),
    ] = ZERO_SCATTER,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            show_default=False,
            rich_help_panel=PANEL_HOW,
            help="Its name; else instrument, band and first night.",
        ),
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", rich_help_panel=PANEL_HOW, help="Accept it at once: results become due.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", rich_help_panel=PANEL_HOW, help="Fit and show; store nothing.")
    ] = False,
    json: Json = False,
) -> int:
    """Fit instrumental polarisation, zero angle and efficiency to the results of standard stars.

    Reads the polarimetric results of stars that the table of standards knows by name, alias or place, and writes
    one row to the table [bold]calibration[/bold]; prints its name. Unpolarised stars give the polarisation of the
    instrument, polarised ones zero angle and efficiency, all with one covariance. What the stars do not tell is
    taken, with its error, from the calibration in force. It is used once it is accepted.
    """  # fmt: skip
    from iop4cli.archive.people import add_calibration, decide_calibration
    from iop4cli.commands.calib_showing import show_fit
    from iop4cli.pipeline.calibrating import FitRequest, fit_calibration

    held = [parameter for what in hold or () for parameter in held_numbers(what)]
    opened = open_archive(options)
    request = FitRequest(instrument, band, since, until, standards, doubtful, tuple(held), zero_scatter)
    fitted = fit_calibration(view_of(opened), request, name)
    if not dry_run:
        add_calibration(opened.store, fitted.row, who())
        if accept:
            decide_calibration(opened.store, fitted.row["name"], who(), accepted=True)
    if json:
        output.json_row({**fitted.row, "residuals": fitted.results, "covariance": fitted.fit.cov.tolist()})
    elif output.is_terminal():
        show_fit(fitted)
    else:
        output.line(fitted.row["name"])
    n_out = sum(not row["used"] for row in fitted.results)
    left_out = f", {n_out} left out" if n_out else ""
    stored = (
        "not stored" if dry_run else "accepted" if accept else f"to use it: iop4 calib accept {_quoted(fitted.row)}"
    )
    messages.notice(
        f"{fitted.fit.n_used} measurements{left_out}; chi2 {fitted.fit.chi2:.1f} for {fitted.fit.dof}; {stored}"
    )
    return 0


def held_numbers(what: str) -> tuple[str, ...]:
    """The numbers that --hold keeps."""
    if what not in _HELD:
        raise UsageError(f"--hold {what!r} is none of {', '.join(_HELD)}")
    return _HELD[what]


def _quoted(row: dict[str, object]) -> str:
    return f'"{row["name"]}"'
