"""What `iop4 status` and `iop4 log` ask of the store."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from iop4cli.archive.people import quoted
from iop4cli.archive.store import Store

Row = dict[str, Any]
# A frame that is blocked owes it to an earlier step, whose own row says why. What is done and yet has a
# reason has a flaw that a person should look at.
_TROUBLE = "(status in ('failed', 'impossible') or (status = 'done' and reason <> ''))"
_EPOCH = "split_part(name, '/', 1) || '/' || split_part(name, '/', 2)"
_STEP_ORDER = "list_position(['classify', 'mkmaster', 'reduce', 'solve', 'phot', 'pol', 'correct'], {})"


def night_rows(store: Store, frames: Collection[str] | None, whole_nights: Collection[str] | None) -> list[Row]:
    """A row for each night: how many frames each step has done, and what came of them.

    `frames` limits what is counted (None: all), and then masters are those of `whole_nights`, or those that
    these frames had.
    """
    found = store.tables(_night_queries(frames, whole_nights))
    nights: dict[str, Row] = {}
    for row in found["frames"]:
        nights[row["night"]] = _empty(row["night"]) | row
    for row in found["counts"]:
        night = nights.setdefault(row["night"], _empty(row["night"]))
        night[row["what"]] = row["n"]
    steps: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for row in found["steps"]:
        steps[row["night"]][row["step"]][row["status"]] += row["n"]
    rows = []
    for name in sorted(nights, key=lambda name: (name.split("/")[1], name)):
        night = nights[name]
        counts = steps.get(name, {})
        for step, column in (("reduce", "reduced"), ("solve", "solved"), ("phot", "phot")):
            night[column] = counts.get(step, Counter())["done"]
        night["steps"] = {step: dict(counted) for step, counted in sorted(counts.items())}
        rows.append({"name": night.pop("night"), **night})
    return rows


def empty_night(name: str) -> Row:
    """The row of a night of which nothing is known yet."""
    row = _empty(name)
    return {"name": row.pop("night"), **row, "steps": {}}


def _empty(name: str) -> Row:
    counted = (
        "frames",
        "classified",
        "lights",
        "masters",
        "reduced",
        "solved",
        "phot",
        "groups",
        "results",
        "problems",
    )
    return {"night": name, "instruments": [], **dict.fromkeys(counted, 0)}


def _night_queries(frames: Collection[str] | None, whole_nights: Collection[str] | None) -> dict[str, str]:
    chosen_frames, items, results, masters = _conditions(frames, whole_nights)
    night = "telescope || '/' || night::text"
    return {
        "frames": f"""
            select {night} as night, count(*) as frames, count(*) filter (status = 'done') as classified,
                count(*) filter (kind = 'light') as lights,
                list_sort(list(distinct instrument) filter (instrument is not null)) as instruments
            from frame where {chosen_frames} group by 1""",
        "steps": f"""
            select {_EPOCH} as night, step, status, count(*) as n from item where {items} group by all""",
        "counts": f"""
            select {night} as night, 'results' as what, count(*) as n from measurement
            where {results} group by 1
            union all
            select {night}, 'groups', count(distinct origin) from measurement
            where mode = 'pol' and {results} group by 1
            union all
            select {night}, 'masters', count(*) from master where accepted and {masters} group by 1
            union all
            select {_EPOCH}, 'problems', count(distinct name) from item
            where {_TROUBLE} and {items} group by 1""",
    }


def _conditions(frames: Collection[str] | None, whole_nights: Collection[str] | None) -> tuple[str, str, str, str]:
    """Which rows of frame, item, measurement and master belong to the chosen frames or nights."""
    if frames is None:
        return "true", "true", "true", "true"
    chosen = f"name in {_list(frames)}"
    inputs = f"role like 'frame%' and input in {_list(frames)}"
    results = f"id in (select measurement from measurement_input where {inputs})"
    if whole_nights is not None:
        # What nights hold need not be looked up by frames.
        nights = _list(whole_nights)
        own = f"telescope || '/' || night::text in {nights}"
        return chosen, f"{_EPOCH} in {nights}", own, own
    origins = f"select origin from measurement_input where {inputs}"
    used = f"from reduced where frame in {_list(frames)}"
    masters = f"name in (select bias {used} union select dark {used} union select flat {used})"
    return chosen, f"({chosen} or name in ({origins}))", results, masters


def trouble_rows(store: Store) -> list[Row]:
    """What failed, is impossible, blocked or flawed, with step and reason; steps in the order of the work."""
    return store.rows(trouble_query())


def trouble_query(items: str = "true") -> str:
    """The SELECT of it, of items that fulfil a condition."""
    return (
        f"select step, name, status, reason, updated from item where ({_TROUBLE} or status = 'blocked') and {items} "
        f"order by {_STEP_ORDER.format('step')}, name"
    )


def item_rows(store: Store, names: Collection[str]) -> list[Row]:
    """What each step did with these items, with the command of the run."""
    return store.rows(item_query(names))


def item_query(names: Collection[str]) -> str:
    return f"""
        select i.name, i.step, i.status, i.reason, i.notes, i.parts, i.key, i.version, i.seconds, i.updated,
            i.run, r.command, r.who, r.host, r.version as software
        from item i left join run r on r.id = i.run where i.name in {_list(names)}
        order by {_STEP_ORDER.format("i.step")}, i.name"""


def log_rows(store: Store, conditions: Iterable[str], n_lines: int | None) -> list[Row]:
    """The last lines of the log that fulfil all conditions, oldest first; None: all."""
    return _last(store, "log", "time_utc", conditions, n_lines)


def log_end(store: Store) -> int:
    """The number of the newest line of the log."""
    return int(store.rows("select coalesce(max(rowid), -1) as n from log")[0]["n"])


def log_rows_after(store: Store, conditions: Iterable[str], number: int) -> tuple[list[Row], int]:
    """The lines written since the one of this number, as they were written, and the number of the newest."""
    where = " and ".join(f"({condition})" for condition in (*conditions, f"rowid > {int(number)}"))
    found = store.tables(
        {
            "rows": f"select * from log where {where} order by rowid",
            "end": "select coalesce(max(rowid), -1) as n from log",
        }
    )
    return found["rows"], int(found["end"][0]["n"])


def run_rows(store: Store, conditions: Iterable[str], n_lines: int | None) -> list[Row]:
    """The last runs, oldest first."""
    return _last(store, "run", "started", conditions, n_lines)


def _last(store: Store, table: str, time: str, conditions: Iterable[str], n_lines: int | None) -> list[Row]:
    where = " and ".join(f"({condition})" for condition in conditions) or "true"
    limit = "" if n_lines is None else f"limit {int(n_lines)}"
    return store.rows(f"""
        select * from (select *, rowid as n from {table} where {where} order by {time} desc, n desc {limit})
        order by {time}, n""")


def runs_named(store: Store, condition: str) -> list[str]:
    """The ids of runs, oldest first."""
    return [row["id"] for row in store.rows(f"select id from run where {condition} order by started, id")]


def since_condition(column: str, time_utc: datetime) -> str:
    return f"{column} >= {quoted(time_utc.isoformat(sep=' '))}::timestamp"


def described_tables(store: Store) -> Mapping[str, list[tuple[str, str]]]:
    """The columns (name, type) of each table and view."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in store.rows(
        "select table_name, column_name, data_type from information_schema.columns "
        "where table_schema = 'main' order by table_name, ordinal_position"
    ):
        found.setdefault(row["table_name"], []).append((row["column_name"], row["data_type"]))
    return found


def _list(values: Iterable[str]) -> str:
    return "(" + ", ".join(["null", *(quoted(str(value)) for value in values)]) + ")"
