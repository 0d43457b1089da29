"""What is there, what happened, and the history of one thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from iop4cli.api.frames import frame_of
from iop4cli.errors import NoSuchItem

if TYPE_CHECKING:
    import polars as pl

    from iop4cli.archive.selection import Selection
    from iop4cli.commands.opening import Opened
    from iop4cli.pipeline.view import View

_COUNTS = (
    "name", "instruments", "frames", "classified", "lights", "masters", "reduced", "solved", "phot", "groups",
    "results", "problems", "unclassified",
)  # fmt: skip
_TROUBLE = ("name", "step", "status", "reason", "updated")
_LINE = ("time_utc", "run", "level", "step", "item", "message")
_RUN = ("id", "started", "finished", "command", "version", "host", "who", "exit_code", "n_done", "n_failed")


def status(view: View, selection: Selection, *, why: bool) -> pl.DataFrame:
    """Each night's counts, or what went wrong."""
    from iop4cli.pipeline.overview import Chosen, night_counts, troubles

    chosen = Chosen(view, selection)
    return frame_of(troubles(view, chosen), _TROUBLE) if why else frame_of(night_counts(view, chosen), _COUNTS)


def log(
    opened: Opened, items: Sequence[str], *, run: str | None, step: str | None, level: str | None, since: str | None,
    until: str | None, lines: int | None,
) -> pl.DataFrame:  # fmt: skip
    """Lines of the log."""
    from iop4cli.archive.queries import log_rows
    from iop4cli.pipeline.log_conditions import about_item, between, of_lines, run_named

    conditions = between("time_utc", since, until) + of_lines(run_named(opened.store, run), step, level)
    if items:
        registry = opened.surroundings().registry
        conditions.append(" or ".join(about_item(name, registry) for name in items))
    return frame_of(log_rows(opened.store, conditions, lines), _LINE)


def runs(opened: Opened, *, since: str | None, until: str | None, lines: int | None) -> pl.DataFrame:
    """Runs on record."""
    from iop4cli.archive.queries import run_rows
    from iop4cli.pipeline.log_conditions import between

    return frame_of(run_rows(opened.store, between("started", since, until), lines), _RUN)


def show(view: View, name: str, *, sweep: bool) -> dict[str, Any]:
    """The document of one thing, as JSON has it."""
    from iop4cli.archive.lineage import Names
    from iop4cli.pipeline.lineage import document_of
    from iop4cli.pipeline.swept_result import sweep_rows
    from iop4cli.shell.output import plain

    things = list(dict.fromkeys(Names(view.store, view.surroundings.registry).find(name)))
    if len(things) > 1:
        raise NoSuchItem(f"{name} may be {', '.join(thing.name for thing in things)}: one at a time can be shown")
    document = document_of(view, things[0])
    if sweep and things[0].kind == "result":
        document["sweep"] = sweep_rows(view, things[0].name)
    shown: dict[str, Any] = plain(document)
    return shown
