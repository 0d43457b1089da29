"""iop4 diff."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iop4cli.archive.layout import CONFIG_NAME
from iop4cli.commands.opening import Opened, open_archive
from iop4cli.errors import NoSuchItem, UsageError
from iop4cli.shell.options import PANEL_HOW, PANEL_ITEMS, ArchiveOptions, Json, takes_options

if TYPE_CHECKING:
    from iop4cli.archive.moments import Moment
    from iop4cli.archive.selection import Selection

EPILOG = """Examples:

  iop4 diff

  iop4 diff last-1 last --source "BL Lac" --sigma 0.5

  iop4 diff --json | iop4 show -
"""


def _filter(flag: str, metavar: str, text: str) -> Any:
    return typer.Option(flag, metavar=metavar, show_default=False, rich_help_panel=PANEL_ITEMS, help=text)


@dataclass(frozen=True, kw_only=True)
class DiffOptions(ArchiveOptions):
    """Which results are compared."""

    source: Annotated[str | None, _filter("--source", "NAME", "Results of this source.")] = None
    instrument: Annotated[str | None, _filter("--instrument", "NAME", "Only of this instrument.")] = None
    band: Annotated[str | None, _filter("--band", "BAND", "Only in this band.")] = None
    mode: Annotated[str | None, _filter("--mode", "phot|pol", "Only photometry or only polarimetry.")] = None
    since: Annotated[str | None, _filter("--since", "NIGHT", "From this night on.")] = None
    until: Annotated[str | None, _filter("--until", "NIGHT", "Up to and with this night.")] = None


@takes_options
def command(
    options: DiffOptions,
    which: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN|ARCHIVE",
            show_default=False,
            rich_help_panel=PANEL_ITEMS,
            help="Two runs (the first letters of an id, `last` or @, `last-1` or @-1; `iop4 log --runs` lists them) or "
            "two archives (folders). One: it and the last run, or this archive and it. None: the last two runs.",
        ),
    ] = None,
    sigma: Annotated[
        float,
        typer.Option(
            "--sigma", metavar="N", min=0, rich_help_panel=PANEL_HOW, help="Moved is what moved by more than N errors."
        ),
    ] = 1.0,
    everything: Annotated[
        bool,
        typer.Option("--all", rich_help_panel=PANEL_HOW, help="Also results that changed by less, and every line."),
    ] = False,
    json: Json = False,
) -> int:
    """Tell which results moved between two runs or two archives, and which input or parameter did it.

    Reads what results are and what they were at the end of each run; writes nothing. How far a value moved is
    in units of its [bold]error in the first[/bold]: the same photons reduced twice differ by much less than that if
    both are right. Where the raw frames differ, as in two archives of frames with the same names, the unit is the
    root of the sum of [bold]both errors[/bold] squared; --json gives both. Results are the same ones if source, mode,
    method and frames are. The exit code is 0 whether or not anything differs.
    """
    from iop4cli.commands.diffing import show_comparison
    from iop4cli.pipeline.differences import compare

    named = list(which or ())
    if len(named) > 2:
        raise UsageError(f"two runs or two archives can be compared, not {len(named)}")
    before, after, registries = _moments(named, options)
    selection = _selection(options)
    conditions = _condition(selection, before, registries[0]), _condition(selection, after, registries[1])
    compared = compare(before, after, conditions, sigma)
    show_comparison(compared, sigma, everything=everything, as_json=json)
    return 0


def _moments(named: list[str], options: DiffOptions) -> tuple[Moment, Moment, tuple[Any, Any]]:
    from iop4cli.archive.moments import Moment, end_of_run

    folders = [name for name in named if _is_archive(name)]
    if folders:
        if len(folders) < len(named):
            raise UsageError(f"{folders[0]} is an archive and {next(n for n in named if n not in folders)!r} is none")
        opened = [open_archive(options)] if len(folders) == 1 else []
        # The address is that of one archive, which is the one that is here.
        own = "" if "IOP4_DB" in os.environ else None
        opened += [open_archive(replace(options, archive=Path(folder), db=own)) for folder in folders]
        stores = [Moment(one.store, str(one.layout.root)) for one in opened]
        return stores[0], stores[1], (_registry(opened[0]), _registry(opened[1]))
    here = open_archive(options)
    first, second = {0: ["last-1", "last"], 1: [*named, "last"], 2: named}[len(named)]
    try:
        moments = end_of_run(here.store, first), end_of_run(here.store, second)
    except NoSuchItem:
        if named:
            raise
        raise NoSuchItem("fewer than two runs are on record: there is nothing to compare") from None
    registry = _registry(here)
    return *moments, (registry, registry)


def _is_archive(name: str) -> bool:
    if (Path(name) / CONFIG_NAME).is_file():
        return True
    if "/" in name or Path(name).is_dir():
        raise UsageError(f"{name} is not an archive: it holds no {CONFIG_NAME}")
    return False


def _registry(opened: Opened) -> Any:
    return opened.surroundings().registry


def _selection(options: DiffOptions) -> Selection:
    from iop4cli.archive.selection import Selection

    if options.mode is not None and options.mode not in {"phot", "pol"}:
        raise UsageError(f"--mode {options.mode!r}: must be phot or pol")
    return Selection(
        source=options.source, instrument=options.instrument, band=options.band, mode=options.mode,
        since=options.since, until=options.until,
    )  # fmt: skip


def _condition(selection: Selection, moment: Moment, registry: Any) -> str:
    from iop4cli.archive.results import condition_of

    return condition_of(selection, moment.store, registry)
