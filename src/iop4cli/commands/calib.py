"""iop4 calib."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from iop4cli.archive.people import who
from iop4cli.commands.calib_choosing import all_calibrations, calibrations_named, own_calibration, view_of
from iop4cli.commands.calib_fit import Band, fit
from iop4cli.commands.opening import open_archive
from iop4cli.errors import UsageError
from iop4cli.shell import messages, output
from iop4cli.shell.options import PANEL_ITEMS, ArchiveOptions, Json, takes_options

EPILOG = """Examples:

  iop4 calib fit --instrument CAFOS --since 2022-03-01

  iop4 calib list

  iop4 calib show "CAFOS R 2022-03-01" && iop4 calib plot "CAFOS R 2022-03-01" -o left.pdf

  iop4 calib accept "CAFOS R 2022-03-01" && iop4 run

  iop4 calib reject "CAFOS R 2022-03-01" --reason "the plate slipped"

  iop4 calib export "CAFOS R 2022-03-01" -o cafos_2022.toml
"""

app = typer.Typer(
    help="Polarimetric calibrations: fit them to standards, accept, show.", no_args_is_help=True,
    add_completion=False, rich_markup_mode="rich", epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
_HELP = {"help_option_names": ["-h", "--help"]}
Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="A calibration; see `iop4 calib list`.")]
InstrumentName = Annotated[
    str | None,
    typer.Option("--instrument", metavar="NAME", show_default=False, rich_help_panel=PANEL_ITEMS,
                 help="Only of this instrument."),
]  # fmt: skip
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", show_default=False, help="Why; kept as a note.")]
ToFile = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", show_default=False, help="A file; else stdout.")
]


app.command("fit", context_settings=_HELP, epilog=EPILOG)(fit)


@app.command("list", context_settings=_HELP, epilog=EPILOG)
@takes_options
def list_(options: ArchiveOptions, instrument: InstrumentName = None, band: Band = None, json: Json = False) -> int:
    """List calibrations: the archive's own, newest last, after those of the instruments' files.

    Of the accepted ones that cover a night and band the newest holds, else the instrument's file. Status: proposed
    (fitted, not used), accepted, rejected, or instrument file.
    """
    from iop4cli.commands.calib_showing import LIST_COLUMNS, row_of, show_list

    rows = [row_of(one) for one in all_calibrations(view_of(open_archive(options)), instrument, band)]
    if json:
        for row in rows:
            output.json_row(row)
    elif output.is_terminal():
        show_list(rows)
    else:
        output.table(rows, LIST_COLUMNS)
    return 0


@app.command("show", context_settings=_HELP, epilog=EPILOG)
@takes_options
def show(options: ArchiveOptions, name: Name, json: Json = False) -> int:
    """Show all numbers of a calibration, their correlations, each measurement, and which results use it."""
    from iop4cli.commands.calib_showing import document_of, show_document

    opened = open_archive(options)
    documents = [document_of(opened.store, one) for one in calibrations_named(view_of(opened), name)]
    for document in documents:
        if json:
            output.json_row(document)
        else:
            show_document(document)
    return 0


@app.command("plot", context_settings=_HELP, epilog=EPILOG)
@takes_options
def plot(
    options: ArchiveOptions,
    name: Name,
    to: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="A PNG, PDF or SVG file.")],
) -> int:
    """Draw what is left of each measurement of a standard, in the plane of q and u."""
    from iop4cli.commands.calib_showing import measurements_of, title_of
    from iop4cli.export.calibration_plot import draw_residuals

    one = own_calibration(view_of(open_archive(options)), name)
    if to.suffix.lower() not in {".png", ".pdf", ".svg"}:
        raise UsageError(f"{to}: its name must end in .png, .pdf or .svg")
    if not to.absolute().parent.is_dir():
        raise UsageError(f"{to}: its folder does not exist")
    draw_residuals(to, title_of(one), measurements_of(one), one.about["scatter"] or 0.0)
    output.line(str(to))
    return 0


@app.command("accept", context_settings=_HELP, epilog=EPILOG)
@takes_options
def accept(options: ArchiveOptions, name: Name, reason: Reason = "") -> int:
    """Let `iop4 pol` use a calibration; the results of its instrument, band and nights become due."""
    return _decide(options, name, reason, accepted=True)


@app.command("reject", context_settings=_HELP, epilog=EPILOG)
@takes_options
def reject(options: ArchiveOptions, name: Name, reason: Reason = "") -> int:
    """Use a calibration no more (it is kept); results that used it become due."""
    return _decide(options, name, reason, accepted=False)


@app.command("export", context_settings=_HELP, epilog=EPILOG)
@takes_options
def export(
    options: ArchiveOptions,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAMES", show_default=False, help="Calibrations; none: all accepted ones."),
    ] = None,
    to: ToFile = None,
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="toml|ecsv", show_default=False, help="Else by the file's name, else toml."),
    ] = None,
) -> int:
    """Write calibrations as entries for an instrument's file (TOML) or as a table (ECSV)."""
    from iop4cli.commands.calib_choosing import calibrations_as_text
    from iop4cli.export.atomic import write_text

    text = calibrations_as_text(view_of(open_archive(options)), names or (), form, to)
    if to is None:
        output.write(text)
    else:
        write_text(to, text)
    return 0


def _decide(options: ArchiveOptions, name: str, reason: str, *, accepted: bool) -> int:
    from iop4cli.archive.people import decide_calibration
    from iop4cli.pipeline.calibrations import ACCEPTED, REJECTED, overlapping

    opened = open_archive(options)
    view = view_of(opened)
    one = own_calibration(view, name)
    if one.status == (ACCEPTED if accepted else REJECTED):
        messages.notice(f"{one.name} is {one.status} already")
        return 0
    decide_calibration(opened.store, one.name, who(), accepted=accepted, reason=" ".join(reason.split()))
    output.line(one.name)
    for other in overlapping(one, view.calibrations) if accepted else ():
        newer = one if one.about["made_utc"] >= other.about["made_utc"] else other
        messages.notice(f"{other.name} is accepted too; on the nights of both {newer.name} holds, the newer one")
    messages.notice("the results that this changes are due: `iop4 run -n` lists them")
    return 0
