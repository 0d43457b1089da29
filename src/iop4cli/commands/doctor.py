"""iop4 doctor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iop4cli.errors import Iop4Error, UsageError
from iop4cli.shell import messages, output, page
from iop4cli.shell.options import ArchiveOptions, Json, takes_options

if TYPE_CHECKING:
    from iop4cli.commands.checks import Checks

EPILOG = """Examples:

  iop4 doctor

  iop4 doctor --json --archive blazars

  iop4 doctor --check

  iop4 doctor --repair --yes

  iop4 doctor instrument my_camera.toml --frame night/frame.fits
"""

_HELP = {"help_option_names": ["-h", "--help"]}
app = typer.Typer(
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode="rich",
    epilog=EPILOG,
    context_settings=_HELP,
)


@app.callback(epilog=EPILOG)
@takes_options
def command(
    options: ArchiveOptions,
    ctx: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Also read every file and compare its checksum, and the whole store.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Offer to mend what can be; asks before each kind. Contains --check.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --repair: don't ask.")] = False,
    forget_lost: Annotated[
        bool,
        typer.Option("--forget-lost", help="With --repair: offer to forget raw frames that are gone."),
    ] = False,
    json: Json = False,
) -> int:
    """Check the set-up: program, archive, store, index files, instruments, files and settings.

    Without --repair it reads only and writes nothing; works outside an archive too. Each check says ok, warning
    or bad; the exit code is 1 if something is bad, with --check or --repair also for warnings of files and rows that
    are not mended. --repair removes what dead runs left, and lets the next `iop4 run` make products again that are
    lost or altered; what people wrote is never removed. `iop4 doctor instrument FILE.toml --frame FRAME` checks
    an instrument's file against a real header.
    """
    from iop4cli.commands.checks import Checks
    from iop4cli.commands.opening import store_flags

    if ctx.invoked_subcommand is not None:
        return 0
    messages.set_verbosity(-1 if options.quiet else options.verbose)
    if (yes or forget_lost) and not repair:
        raise UsageError("--yes and --forget-lost go with --repair")
    thorough = check or repair
    checks = Checks(options.archive, store_flags(options.db, options.lock_timeout), thorough=thorough)
    rows = list(checks.run())
    if json:
        for row in rows:
            output.json_row(row)
        for setting in checks.settings:
            output.json_row({"check": "setting", **setting})
    else:
        _show(rows, checks.settings)
    of_files = {trouble.kind for trouble in checks.troubles}
    n_bad = sum(row["status"] == "bad" and row["check"] not in of_files for row in rows)
    n_bad += _n_not_mended(checks, thorough=thorough, repair=repair, yes=yes, forget_lost=forget_lost)
    if n_bad:
        messages.error(f"{n_bad} of {len(rows)} checks found something broken")
    return 1 if n_bad else 0


def _n_not_mended(checks: Checks, *, thorough: bool, repair: bool, yes: bool, forget_lost: bool) -> int:
    """Kinds of trouble between files and store that count for the exit code."""
    if repair and checks.opened is not None:
        from iop4cli.commands.doctor_repair import mend

        return mend(*checks.opened, checks.troubles, yes=yes, forget_lost=forget_lost)
    return sum(thorough or trouble.is_bad for trouble in checks.troubles)


def _show(rows: list[dict[str, Any]], settings: list[dict[str, Any]]) -> None:
    page.heading("Checks")
    page.table(rows, ("status", "check", "text"))
    if settings:
        page.heading("Settings in force")
        shown = [
            {**row, "from": row["from"] if row["from"] != "default" else None, "value": _value(row["value"])}
            for row in settings
        ]
        page.table(shown, ("name", "value", "unit", "from"))


def _value(value: Any) -> str:
    return "(empty)" if value == "" else str(value)


@app.command("instrument", context_settings=_HELP, epilog=EPILOG)
def instrument(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", show_default=False, help="An instrument's file.")],
    frame: Annotated[
        list[Path] | None,
        typer.Option(
            "--frame",
            metavar="FITS",
            show_default=False,
            help="A raw frame to read with it; may be repeated.",
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Check an instrument's file, and what it makes of the header of a real frame.

    For each fact that a frame must have: its value, which rule or keyword it came from, and what is
    missing. Exit code 1 if the file or a frame has a problem.
    """
    from iop4cli.errors import UsageError
    from iop4cli.instruments.registry import Registry, load_instrument

    if not file.is_file():
        raise UsageError(f"{file}: no such file")
    try:
        known = load_instrument(file)
        registry = Registry.of([*_others(known.name), known])
    except Iop4Error as problem:
        messages.error(str(problem))
        return 1
    if json:
        output.json_row({"file": str(file), "status": "ok", "instrument": known.name, "telescope": known.telescope})
    else:
        _describe(known)
    n_bad = sum(not _check_frame(path, known, registry, as_json=json) for path in frame or ())
    if not frame and not json:
        messages.notice("give --frame FITS to see what it makes of a real header")
    return 1 if n_bad else 0


def _others(name: str) -> list[Any]:
    from iop4cli.instruments.registry import Registry
    from iop4cli.shell.config import user_instrument_folder

    found = Registry.load((user_instrument_folder(),)).instruments.values()
    return [other for other in found if other.name != name]


def _describe(known: Any) -> None:
    page.heading(f"instrument {known.name} at {known.telescope}")
    detector, site, analyser = known.detector, known.site, known.analyser
    bands = ", ".join(f"{entry.band} ({entry.name})" for entry in known.calibrations)
    page.pairs(
        {
            "file": "no mistake found",
            "known by": ", ".join(
                " and ".join(f"{k}={v}" for k, v in entry.keywords.items()) for entry in known.recognise
            ),
            "site": f"{site.name}, {site.elevation_m:g} m, "
            f"latitude {site.latitude_deg:g}, longitude {site.longitude_deg:g} deg east",
            "gain": f"{detector.gain_e_per_adu:g} electrons per ADU",
            "saturation": f"{detector.saturation_adu:g} ADU",
            "needs for lights": ", ".join(known.needs("light")) or "no calibration frames",
            "polarimetry": f"angles {', '.join(f'{angle:g}' for angle in analyser.angles_deg)} deg"
            if analyser.angles_deg
            else "none",
            "calibrated bands": bands,
            "photometric systems": "; ".join(
                f"{band}: {system.system}"
                + (
                    f", {system.colour_term:+g} +- {system.colour_term_err:g} ({system.colour})"
                    if system.colour
                    else ""
                )
                for band, system in sorted(known.photometry.items())
            )
            or "the catalogue's, Johnson-Cousins; no colour terms",
            "reference": known.reference,
        }
    )


def _check_frame(path: Path, known: Any, registry: Any, *, as_json: bool) -> bool:
    """Show what the instrument's file makes of one header; whether all is well."""
    from iop4cli.frames.raw import read_header
    from iop4cli.instruments.headers import check

    try:
        header = read_header(path)
    except (Iop4Error, OSError) as problem:
        return _frame_trouble(path, str(problem), as_json=as_json)
    try:
        recognised = registry.recognise(header)
        trouble = (
            "" if recognised.name == known.name else f"the frame is taken for {recognised.name}: mend [[recognise]]"
        )
    except Iop4Error as problem:
        trouble = str(problem)
    rows = [
        {"field": row.field, "value": row.value, "from": row.origin, "problem": row.problem}
        for row in check(known, header, path.name)
    ]
    problems = [row for row in rows if row["problem"]]
    if as_json:
        status = "bad" if problems or trouble else "ok"
        output.json_row({"frame": str(path), "status": status, "recognised": trouble or "yes", "fields": rows})
        return status == "ok"
    page.heading(f"frame {path}")
    page.text(trouble or f"recognised as {known.name}", style="bad" if trouble else "ok")
    page.table(rows, ("field", "value", "from", "problem"))
    if problems:
        messages.error(f"{path}: {len(problems)} field{'s' if len(problems) > 1 else ''} with problems")
    return not problems and not trouble


def _frame_trouble(path: Path, reason: str, *, as_json: bool) -> bool:
    if as_json:
        output.json_row({"frame": str(path), "status": "bad", "reason": reason})
    messages.error(f"{path}: {reason}")
    return False
