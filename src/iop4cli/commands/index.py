"""iop4 index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iop4cli.commands import index_adding, index_fetching
from iop4cli.commands.index_fields import Asked, InstrumentNames, Scales, SeriesNames, SourceNames, Wish, summary
from iop4cli.commands.index_rows import coverage_row, index_row, index_rows, need_row
from iop4cli.errors import Iop4Error, NoSuchItem, UsageError
from iop4cli.shell import messages, output
from iop4cli.shell.options import ArchiveOptions, Json, takes_options

if TYPE_CHECKING:
    from iop4cli.archive.index_files import BrokenIndex, IndexFile
    from iop4cli.shell.config import Config

HELP = {"help_option_names": ["-h", "--help"]}
EXIT_FOUND = 3
LIST_COLUMNS = (
    *("file", "number", "quads_arcmin", "healpix", "nside", "ra_deg", "dec_deg", "size_bytes", "status", "folder"),
)
EPILOGS = {
    "list": """Examples:

  iop4 index list

  iop4 index list --json | grep '"broken"'

  iop4 index list --archive blazars
""",
    "coverage": """Examples:

  iop4 index coverage

  iop4 index coverage --instrument CAFOS --missing

  iop4 index coverage --check -q || iop4 index fetch -n
""",
    "needs": """Examples:

  iop4 index needs

  iop4 index needs --source "BL Lac" --instrument AndorT90 --scales 2-6

  iop4 index needs --urls | wget -c -i -
""",
    "verify": """Examples:

  iop4 index verify

  iop4 index verify /data/astrometry/index-5203-*.fits

  iop4 index verify --json | grep '"broken"'
""",
}
EPILOG = """Examples:

  iop4 index coverage

  iop4 index fetch -n && iop4 index fetch --scales 2-6

  iop4 index add /data/astrometry && iop4 index list
"""

app = typer.Typer(
    help="Index files of astrometry.net: which are here, what they cover; fetch those that the catalogue needs.",
    no_args_is_help=True, add_completion=False, rich_markup_mode="rich", epilog=EPILOG, context_settings=HELP,
)  # fmt: skip


@app.command("list", context_settings=HELP, epilog=EPILOGS["list"])
@takes_options
def list_(options: ArchiveOptions, json: Json = False) -> int:
    """List every index file found: its quads (arcmin), its tile and the tile's middle (degrees), its bytes.

    Reads the headers of the files in the folders of solve.index_path and in your own data folder; works outside
    an archive too. A file that is cut or is no index says so and is not used; nor is one whose name was in a folder
    before. A tile is one of 12 nside^2 of the sky (healpix); none: a file of the whole sky.
    """
    from iop4cli.archive.index_files import examined

    config = _config(options)
    rows = list(index_rows(examined(config.index_folders())))
    _show(rows, json)
    n_broken = sum(row["status"] == "broken" for row in rows)
    searched = ", ".join(map(str, config.index_folders()))
    n_used = sum(row["status"] == "ok" for row in rows)
    messages.notice(f"{n_used} index files in use, {n_broken} broken; searched: {searched}")
    return 0


@app.command("coverage", context_settings=HELP, epilog=EPILOGS["coverage"])
@takes_options
def coverage(
    options: ArchiveOptions,
    source: SourceNames = None,
    instrument: InstrumentNames = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Only targets that some instrument has no file for.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit code 3 if anything is not covered.")] = False,
    json: Json = False,
) -> int:
    """For each target and instrument, how many of the files here may solve its frames; `none` where nothing does.

    Counted are files whose quads fit in the whole frame of the instrument (5 to 100 % of its shorter side) and
    whose tile the frame may touch, as `iop4 solve` has it; of files of the whole sky those that have stars there.
    Calibrators lie in the fields of their targets. Reads the catalogue and the headers of the index files.
    """
    asked = Asked.of(options, Wish(tuple(source or ()), tuple(instrument or ())))
    covered = asked.covered
    bare = {field.source for field, files in covered.items() if not files}
    shown = {field: files for field, files in covered.items() if not missing or field.source in bare}
    if json:
        for field, files in shown.items():
            output.json_row(coverage_row(field, files))
    else:
        instruments = list(dict.fromkeys(field.instrument for field in covered))
        rows: dict[str, dict[str, Any]] = {}
        for field, files in shown.items():
            rows.setdefault(field.source, {"source": field.source})[field.instrument] = len(files) or "none"
        output.table(list(rows.values()), ("source", *instruments))
    n_bare = sum(not files for files in covered.values())
    n_targets = len({field.source for field in covered})
    if not covered:
        messages.notice("the catalogue has no targets: `iop4 catalog import`")
    elif n_bare:
        messages.notice(
            f"{n_bare} of {len(covered)} fields ({len(bare)} of {n_targets} targets) have no index file: "
            "`iop4 index needs` names what would cover them, `iop4 index fetch` gets it"
        )
    else:
        messages.notice(
            f"all {len(covered)} fields of {n_targets} targets are covered by {len(asked.files)} files here"
        )
    return EXIT_FOUND if check and n_bare else 0


@app.command("needs", context_settings=HELP, epilog=EPILOGS["needs"])
@takes_options
def needs(
    options: ArchiveOptions,
    source: SourceNames = None,
    instrument: InstrumentNames = None,
    scales: Scales = None,
    series: SeriesNames = None,
    urls: Annotated[bool, typer.Option("--urls", help="Whole addresses; below index.url, if that is set.")] = False,
    json: Json = False,
) -> int:
    """Name the published index files that the catalogue's fields need and that are not here, one a line.

    A file is needed if its quads fit in an instrument's frame and its tile is one that a target's frame may touch,
    unless a file here has quads of that size there, of whatever series. Series 5200 (Gaia DR2 and Tycho-2) is for
    fields below a degree, 4100 (Tycho-2) for wider ones; 5000 (Gaia DR2) does the work of 5200. Most bytes are those
    of the smallest quads: for a field of 13 arcmin `--scales 2-6` is usually enough. Asks no server.
    """
    asked = Asked.of(options, Wish(tuple(source or ()), tuple(instrument or ()), scales, series))
    needed = asked.needed()
    mirror = asked.opened.config["index.url"]
    rows = [need_row(need, mirror) for need in needed]
    if json:
        for row in rows:
            output.json_row(row)
    elif output.is_terminal() and not urls:
        output.table(rows, ("name", "quads_arcmin", "size_bytes", "sources"))
    else:
        for row in rows:
            output.line(str(row["url"] if urls else row["name"]))
    messages.notice(summary(needed) if needed else "nothing more is needed")
    return 0


@app.command("verify", context_settings=HELP, epilog=EPILOGS["verify"])
@takes_options
def verify(
    options: ArchiveOptions,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILES", show_default=False, help="Index files; none: all that are found."),
    ] = None,
    json: Json = False,
) -> int:
    """Read index files whole and say which are broken; exit code 0 if none is, 3 if some are, 1 if all.

    Every table is as long as its header says, every quad is of stars that are there, and the stars are on the sky.
    astrometry.net publishes no checksums: a wrong digit that leaves all this true is not seen.
    """
    from iop4cli.archive.index_files import BrokenIndex, IndexFile, examined
    from iop4cli.archive.index_structure import check_content

    absent = [path for path in files or () if not path.is_file()]
    if absent:
        raise NoSuchItem(f"no such file: {', '.join(map(str, absent))}")
    found = map(_examined_for_certain, files) if files else examined(_config(options).index_folders())
    counts = {"ok": 0, "broken": 0}
    for one in found:
        if isinstance(one, IndexFile):
            try:
                check_content(one.path)
            except (Iop4Error, OSError, ValueError) as error:
                one = BrokenIndex(one.path, str(error))
        row = index_row(one)
        counts[row["status"]] += 1
        if json:
            output.json_row(row)
        elif row["status"] == "ok":
            output.line(str(one.path))
        else:
            messages.warn(f"{one.path}: {row['reason']}")
    messages.notice(f"{counts['ok']} whole, {counts['broken']} broken")
    if not counts["broken"]:
        return 0
    return EXIT_FOUND if counts["ok"] else 1


def _examined_for_certain(path: Path) -> IndexFile | BrokenIndex:
    from iop4cli.archive.index_files import BrokenIndex, examine

    return examine(path) or BrokenIndex(path, "no index of astrometry.net")


def _config(options: ArchiveOptions) -> Config:
    """The settings, those of an archive where there is one."""
    from iop4cli.archive.layout import find_archive
    from iop4cli.commands.opening import step_settings
    from iop4cli.shell.config import load_config

    messages.set_verbosity(-1 if options.quiet else options.verbose)
    try:
        layout = find_archive(options.archive)
    except UsageError:
        if options.archive is not None:
            raise
        layout = None
    return load_config(layout.config if layout else None, (), step_settings())


def _show(rows: list[dict[str, Any]], json: bool) -> None:
    if json:
        for row in rows:
            output.json_row(row)
        return
    broken = [row for row in rows if row["status"] != "ok"]
    output.table(rows, LIST_COLUMNS)
    for row in broken:
        messages.warn(f"{row['folder']}/{row['file']} is not used: {row['reason']}")


app.command("fetch", context_settings=HELP, epilog=index_fetching.EPILOG)(index_fetching.fetch)
app.command("add", context_settings=HELP, epilog=index_adding.EPILOG)(index_adding.add)
