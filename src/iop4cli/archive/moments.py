"""An archive as it was at the end of a run: which results stood, with which numbers, and what had gone into them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from iop4cli.archive.people import quoted
from iop4cli.archive.store import Store
from iop4cli.errors import NoSuchItem, UsageError

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]
_BACK = re.compile(r"(?:last|@)(?:-(\d+))?")
_ITEM = "step, name, key, parts, status, reason, run, updated"
_INPUTS = "{'input': input, 'role': role, 'value': value, 'value_err': value_err} order by role, input"


@dataclass(frozen=True)
class Moment:
    """An archive at a time in UTC, or as it is now (None); `label` is what people call it."""

    store: Store
    label: str
    time_utc: datetime | None = None
    command: str = ""

    @property
    def sql(self) -> str:
        return "null" if self.time_utc is None else f"timestamp '{self.time_utc.isoformat(sep=' ')}'"


def end_of_run(store: Store, said: str) -> Moment:
    """The moment when a run ended: by its id, the id's first letters, `last` (or @) or `last-1` (or @-1)."""
    runs = store.rows("select id, finished, command from run order by finished, id")
    back = _BACK.fullmatch(said)
    if back:
        place = int(back[1] or 0)
        if place >= len(runs):
            raise NoSuchItem(f"no run {said!r}: {len(runs)} on record; `iop4 log --runs` lists them")
        found = [runs[-1 - place]]
    else:
        found = [run for run in runs if run["id"].startswith(said)]
    if not found:
        raise NoSuchItem(f"no run is called {said!r}; `iop4 log --runs` lists them")
    if len(found) > 1:
        raise UsageError(f"run {said!r} may be {', '.join(run['id'] for run in found)}")
    return Moment(store, found[0]["id"], found[0]["finished"], found[0]["command"])


def results_at(moment: Moment, condition: str, since: Moment | None = None) -> pl.DataFrame:
    """The view `results` as it was, with `run` and `made` of the numbers; flags are those set until then.

    With `since`, another moment of the same archive, only results of which anything was changed between the two.
    A flag that people took back later is not seen: none is kept of it.
    """
    body = _body_of_results(moment.store)
    changed = "true" if since is None else f"id in ({_changed_between(*sorted((since.sql, moment.sql)))})"
    stood = _standing(moment)
    return moment.store.query(
        f"with measurement as ({stood('measurement')}), correction as ({stood('correction')}), "
        f"flag as (select * from main.flag where coalesce(time_utc <= {moment.sql}, true)) "
        f"select r.*, m.run, m.made from (select * from ({body}) where ({condition}) and {changed}) r "
        "join (select id, run, made from measurement) m on m.id = r.id"
    )


def count_at(moment: Moment, condition: str) -> int:
    """How many results stood."""
    stood = _standing(moment)
    rows = moment.store.rows(f"select count(*) as n from ({stood('measurement')}) where {condition}")
    return int(rows[0]["n"])


def inputs_at(moment: Moment, ids: Iterable[str]) -> dict[str, list[Row]]:
    """Frames and calibrators of results, with their values."""
    current = f"select measurement as id, list({_INPUTS}) as inputs from measurement_input group by 1"
    if moment.time_utc is None:
        sql = f"select * from ({current}) where id in (select unnest(?))"
        rows = moment.store.rows(sql, [list(ids)])
    else:
        at = moment.sql
        rows = moment.store.rows(
            f"with wanted as (select unnest(?) as id), past as (select id, inputs from measurement_past "
            f"where id in (from wanted) and made <= {at} and replaced > {at}) "
            "from past union all by name "
            f"select * from ({current}) where id in (from wanted) and id not in (select id from past)",
            [list(ids)],
        )
    return {row["id"]: row["inputs"] or [] for row in rows}


def item_versions(store: Store, names: Iterable[str]) -> list[Row]:
    """What steps did with these items and with all masters, now and before; `replaced` is None for now."""
    chosen = "step = 'mkmaster' or name in (select unnest(?))"
    wanted = sorted(set(names))
    return store.rows(
        f"select {_ITEM}, null::timestamp as replaced from item where {chosen} "
        f"union all select {_ITEM}, replaced from item_past where {chosen} order by replaced nulls last",
        [wanted, wanted],
    )


def software_of_runs(store: Store) -> dict[str, str]:
    """The version of the software by run."""
    return {row["id"]: row["version"] for row in store.rows("select id, version from run")}


def columns_of_correction(store: Store) -> set[str]:
    """Columns of results that the step `correct` makes."""
    rows = store.rows("select column_name as name from information_schema.columns where table_name = 'correction'")
    return {row["name"] for row in rows} - {"measurement", "origin", "notes"} | {"correction_notes"}


def history_of(store: Store, result_id: str) -> list[Row]:
    """A result's numbers as they were and are, oldest first, with the run that made them and its command."""
    own = quoted(result_id)
    columns = "id, origin, step, source, mode, mag, mag_err, p, p_err, chi_deg, chi_err_deg, calibration, run, made"
    return store.rows(
        f"with versions as (select {columns}, replaced, replaced_by from measurement_past where id = {own} "
        f"union all by name select {columns} from measurement where id = {own}) "
        "select v.*, r.command, r.version from versions v left join run r on r.id = v.run order by v.made, v.replaced"
    )


def _standing(moment: Moment) -> Any:
    """Table -> SELECT of its rows that stood at the moment."""

    def select(table: str) -> str:
        if moment.time_utc is None:
            return f"select * from main.{table}"
        past = "replaced, replaced_by, inputs" if table == "measurement" else "replaced, replaced_by"
        return (
            f"select * from main.{table} where made <= {moment.sql} union all by name select * exclude ({past}) "
            f"from main.{table}_past where made <= {moment.sql} and replaced > {moment.sql}"
        )

    return select


def _changed_between(earlier: str, later: str) -> str:
    """SELECT of the ids of results whose numbers, quality or flags were changed between two times."""
    within = f"> {earlier} and {{}} <= {later}"
    parts = [
        f"select {key} from main.{table} where {column} {within.format(column)}"
        for name, key in (("measurement", "id"), ("correction", "measurement"))
        for table, column in ((name, "made"), (f"{name}_past", "made"), (f"{name}_past", "replaced"))
    ]
    parts.append(f"select measurement from main.flag where time_utc {within.format('time_utc')}")
    return " union ".join(parts)


def _body_of_results(store: Store) -> str:
    """The SELECT of the view: read over tables of the past, it gives the results of the past."""
    sql = str(store.rows("select sql from duckdb_views() where view_name = 'results'")[0]["sql"])
    return re.split(r"\bAS\b", sql, maxsplit=1, flags=re.IGNORECASE)[1].strip().rstrip(";")
