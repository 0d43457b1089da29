"""Flags of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iop4cli.api.choosing import selection
from iop4cli.api.frames import frame_of
from iop4cli.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from iop4cli.commands.opening import Opened

_COLUMNS = ("id", "source", "night", "mode", "band", "reason", "who", "time_utc")


def flag(opened: Opened, names: list[str], reason: str) -> list[str]:
    """Flag the results that the names mean."""
    from iop4cli.archive.people import add_flags, who
    from iop4cli.archive.results import condition_of, result_ids

    words = " ".join(reason.split())
    if not words:
        raise UsageError("a reason must say something")
    condition = condition_of(selection(names, {}, few=True), opened.store, opened.surroundings().registry)
    ids = result_ids(opened.store, condition)
    if ids:
        add_flags(opened.store, ids, words, who())
    return ids


def unflag(opened: Opened, names: list[str], reason: str | None) -> list[str]:
    """Take flags back from the results that the names mean."""
    from iop4cli.archive.people import list_flags, remove_flags
    from iop4cli.archive.results import flagged_ids

    words = None if reason is None else " ".join(reason.split())
    known = [row for row in list_flags(opened.store) if words is None or row["reason"] == words]
    asked = selection(names, {}, few=True)
    registry = opened.surroundings().registry
    wanted = set(flagged_ids(opened.store, registry, asked, {row["id"] for row in known}))
    ids = list(dict.fromkeys(row["id"] for row in known if row["id"] in wanted))
    remove_flags(opened.store, ids, words)
    return ids


def flags(opened: Opened) -> pl.DataFrame:
    """All of them, the oldest first."""
    from iop4cli.archive.people import list_flags

    return frame_of(list_flags(opened.store), _COLUMNS)
