"""What to work on, said in Python: items and filters as the commands have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

from iop4cli.api.run import Run
from iop4cli.archive.selection import Selection
from iop4cli.errors import UsageError

# An epoch, frame, glob of either or result id; or a run, for what it has done or found up to date.
Item = str | Run
_FOLLOWED = {"done", "current"}


class Filters(TypedDict, total=False):
    """Only items of this source, instrument, band, mode (phot or pol), nights, or rows that fulfil `where` (SQL)."""

    source: str | None
    instrument: str | None
    band: str | None
    mode: str | None
    since: str | None
    until: str | None
    where: str | None


class Chosen(Filters, total=False):
    """The filters, and which results and columns; those that people flagged are left out unless `flagged`."""

    columns: Sequence[str] | str | None
    flagged: bool
    targets: bool


def selection(items: Iterable[Item], filters: Filters, *, few: bool = False) -> Selection:
    """The selection of the pipeline; with `few`, or after a run, no items mean none instead of all."""
    names: list[str] = []
    for item in items:
        if isinstance(item, Run):
            few = True
            names += [row.name for row in item.rows if row.status in _FOLLOWED]
        elif isinstance(item, str):
            names.append(item)
        else:
            raise UsageError(f"{item!r} is no item: give names, or a run")
    unknown = filters.keys() - Filters.__annotations__.keys()
    if unknown:
        raise UsageError(f"{', '.join(sorted(unknown))}: no such filter; {', '.join(Filters.__annotations__)} are")
    if filters.get("mode") not in {None, "phot", "pol"}:
        raise UsageError(f"mode={filters.get('mode')!r}: must be phot or pol")
    return Selection(tuple(dict.fromkeys(names)), from_stdin=few, **filters)


def names_of(items: str | Iterable[str]) -> list[str]:
    """One name, or several (a list, a column of a polars frame)."""
    return [items] if isinstance(items, str) else [str(item) for item in items]
