"""Results that people choose: by names, filters and conditions, from the view `results`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iop4cli.archive.asking import check_condition, check_only_reads
from iop4cli.archive.epochs import Epoch, NameGlob, parse_frame_name, parse_night
from iop4cli.archive.names import NameIndex, normalise
from iop4cli.archive.people import quoted
from iop4cli.archive.selection import Selection, parse_name
from iop4cli.archive.store import Store
from iop4cli.errors import NoSuchItem, UsageError
from iop4cli.nearest import nearest

if TYPE_CHECKING:
    import polars as pl

    from iop4cli.instruments.registry import Registry

RESULT_ID = re.compile(r"[0-9a-f]{12}")
_ORDER = "order by mjd_utc, source, band, mode, id"


@dataclass(frozen=True)
class Results:
    """Rows of the view in time; `n_flagged` more were left out because people flagged them."""

    frame: pl.DataFrame
    n_flagged: int = 0


def result_columns(store: Store) -> list[str]:
    """The columns of the view, in the promised order."""
    rows = store.rows(
        "select column_name from information_schema.columns where table_name = 'results' order by ordinal_position"
    )
    return [row["column_name"] for row in rows]


def select_results(store: Store, condition: str, columns: Sequence[str], *, flagged: bool) -> Results:
    """The rows of the view that fulfil a condition of `condition_of`, with the types of the columns."""
    found = store.selected(_question(condition, [*map(_name, columns), "flags is not null"]))
    wanted, is_flagged = found.select(found.columns[:-1]), found[found.columns[-1]]
    if flagged or not is_flagged.any():
        return Results(wanted)
    kept = wanted.filter(~is_flagged)
    return Results(kept, wanted.height - kept.height)


def result_rows(store: Store, condition: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    """The same rows, flagged ones too, for what needs but few of them."""
    found = store.answer(_question(condition, [*map(_name, columns)]))
    return [dict(zip(columns, row, strict=True)) for row in found.rows]


def _question(condition: str, listed: Sequence[str]) -> str:
    chosen = f"select * from results where {condition}"
    check_only_reads(chosen)
    return f"select {', '.join(listed)} from ({chosen}) {_ORDER}"


def _name(column: str) -> str:
    return f'"{column}"'


def flagged_ids(store: Store, registry: Registry, selection: Selection, flagged: set[str]) -> list[str]:
    """The ids that a selection means; a flag outlives its result, so its id may be one that no result has."""
    narrowed = selection.filtered or selection.since or selection.until
    if selection.names and not narrowed and all(RESULT_ID.fullmatch(name) for name in selection.names):
        others = tuple(name for name in selection.names if name not in flagged)
        if others:
            condition_of(dataclasses.replace(selection, names=others), store, registry)
        return list(selection.names)
    return result_ids(store, condition_of(selection, store, registry))


def result_ids(store: Store, condition: str) -> list[str]:
    """The ids of the results that fulfil a condition, in time."""
    return [row["id"] for row in result_rows(store, condition, ["id"])]


def condition_of(selection: Selection, store: Store, registry: Registry) -> str:
    """A selection as a condition in SQL on the view; a name or source that nothing bears is an error."""
    parts = []
    if selection.names or selection.from_stdin:
        parts.append(_named(selection.names, store, registry))
    if selection.source:
        parts.append(f"source = {quoted(source_named(store, selection.source))}")
    for column in ("instrument", "band", "mode"):
        value = getattr(selection, column)
        if value:
            parts.append(f"lower({column}) = lower({quoted(value)})")
    if selection.since:
        parts.append(f"night >= {quoted(parse_night(selection.since))}")
    if selection.until:
        parts.append(f"night <= {quoted(parse_night(selection.until))}")
    if selection.where:
        _check_where(store, selection.where)
        # On a line of its own, so that a comment in it ends there.
        parts.append(f"{selection.where}\n")
    return " and ".join(f"({part})" for part in parts) or "true"


def _check_where(store: Store, where: str) -> None:
    """Let a mistake be told of what the user wrote, not of the query around it."""
    try:
        check_condition(where)
        store.answer(f"explain select * from results where ({where}\n)")
    except UsageError as problem:
        reason = str(problem).split("\n\nLINE")[0].removeprefix("SQL: ")
        raise UsageError(f"--where {where!r}: {reason}; `iop4 sql --schema results` lists the columns") from None


def source_named(store: Store, name: str) -> str:
    """The source that a name means, of the catalogue or of what was measured before it left the catalogue."""
    found = store.tables(
        {
            "catalogue": "select name, other_names from source",
            "measured": "select distinct source from measurement where source is not null",
        }
    )
    matched = NameIndex({row["name"]: row["other_names"] or () for row in found["catalogue"]}).find(name)
    measured = [row["source"] for row in found["measured"]]
    matched = matched or [source for source in measured if normalise(source) == normalise(name)]
    if len(matched) > 1:
        raise NoSuchItem(f"{name!r} may be {' or '.join(matched)}")
    if not matched:
        known = {row["name"] for row in found["catalogue"]} | set(measured)
        known |= {other for row in found["catalogue"] for other in row["other_names"] or ()}
        raise NoSuchItem(f"no source is called {name!r}{suggestion(name, known)}")
    return matched[0]


def suggestion(name: str, known: Iterable[str]) -> str:
    """The nearest known name, to be put at the end of a message."""
    near = nearest(name, known)
    return f"; did you mean {near!r}?" if near else ""


def _named(names: Sequence[str], store: Store, registry: Registry) -> str:
    ids = [name for name in names if RESULT_ID.fullmatch(name)]
    items = [parse_name(name, registry) for name in names if not RESULT_ID.fullmatch(name)]
    # A pattern must see all names; else only those that are asked for are read.
    near = "" if any(isinstance(item, NameGlob) for item in items) else f"where name in {_list(map(str, items))}"
    found = store.tables(
        {
            "ids": f"select id from measurement where id in {_list(ids)}",
            "epochs": "select distinct telescope || '/' || night::text as name from frame",
            "frames": f"select name from frame {near}",
            "origins": "select name from "
            f"(select origin as name from measurement_input union select origin from correction) {near}",
        }
    )
    check_ids(store, ids, {row["id"] for row in found["ids"]})
    known = {table: {row["name"] for row in found[table]} for table in ("epochs", "frames", "origins")}
    epochs, products = set(), set()
    for item in items:
        if isinstance(item, NameGlob) and item.filename is None:
            matched = {name for name in known["epochs"] if item.matches_epoch(Epoch(*name.split("/", 1)))}
            epochs |= matched
        elif isinstance(item, NameGlob):
            matched = {name for name in known["frames"] | known["origins"] if item.matches(parse_frame_name(name))}
            products |= matched
        elif isinstance(item, Epoch):
            matched = known["epochs"] & {str(item)}
            epochs |= matched
        else:
            matched = (known["frames"] | known["origins"]) & {str(item)}
            products |= matched
        if not matched:
            raise NoSuchItem(f"{item} matches nothing in this archive; `iop4 status` lists the nights")
    # Only what is asked for, for each of them may look at all rows of a large table.
    parts = [f"id in {_list(ids)}"] if ids or not (epochs or products) else []
    parts += [_of_epoch(epoch) for epoch in sorted(epochs)]
    if products:
        parts.append(
            "id in (select measurement from measurement_input "
            "where origin in {0} or (input in {0} and role like 'frame%') "
            "union select measurement from correction where origin in {0})".format(_list(sorted(products)))
        )
    return " or ".join(parts)


def _of_epoch(epoch: str) -> str:
    telescope, night = epoch.split("/", 1)
    return f"(telescope = {quoted(telescope)} and night = date {quoted(night)})"


def check_ids(store: Store, ids: Iterable[str], known: set[str]) -> None:
    """Ids that no result has are an error that names the nearest."""
    unknown = [name for name in ids if name not in known]
    if unknown:
        every = [row["id"] for row in store.rows("select id from measurement")]
        more = f" (nor {len(unknown) - 1} others)" if len(unknown) > 1 else ""
        raise NoSuchItem(f"no result has the id {unknown[0]}{more}{suggestion(unknown[0], every)}")


def _list(values: Iterable[Any]) -> str:
    """A list of text in SQL; the NULL in it matches nothing, and lets it be empty."""
    return "(" + ", ".join(["null", *(quoted(str(value)) for value in values)]) + ")"
