"""How rows are kept as they were when a step replaces them by different ones, as SQL within the same transaction.

A row of `measurement_past`, `correction_past` or `item_past` is the whole row as it was, with when and by which run it
was replaced or removed. `made` and `run` of a measurement say since when and from which run its numbers are as they
are: a step that finds the same numbers again leaves both, and no row in the past. So a row stood at the moment T if
`made` <= T < `replaced`. An item has no such column, for it is only asked what went into it when a result was made.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Kept:
    """A table with a past: its key, and the columns that make a row a different one (none: all but `aside`)."""

    key: tuple[str, ...]
    told_by: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    # Whether rows bear `made` and `run`, and whether rows of measurement_input are kept with them.
    dated: bool = False
    with_inputs: bool = False


KEPT = {
    # The version of the software is no number: it is that of the run that made the row.
    "measurement": Kept(("id",), aside=("version", "run", "made"), dated=True, with_inputs=True),
    "correction": Kept(("measurement",), aside=("run", "made"), dated=True),
    "item": Kept(("step", "name"), told_by=("key", "status")),
}


@dataclass(frozen=True)
class Replacement:
    """Who replaces rows, and when (UTC)."""

    run: str
    when: datetime.datetime

    @property
    def run_sql(self) -> str:
        return "'" + self.run.replace("'", "''") + "'"

    @property
    def when_sql(self) -> str:
        return f"timestamp '{self.when.isoformat(sep=' ')}'"


def keep_past(table: str, columns: Sequence[str], stage: str, chosen: str, replacement: Replacement) -> str:
    """SQL that keeps what will be replaced by the rows of `stage`; `chosen` is the condition of the rows to go.

    To be run before any of the step's rows are changed.
    """
    kept, run, when = KEPT[table], replacement.run_sql, replacement.when_sql
    was, gone = f"was_{stage}", f"gone_{stage}"
    same_key = _equal(kept.key)
    told_by = kept.told_by or [name for name in columns if name not in kept.aside and name not in kept.key]
    same = f"{same_key} and {_equal(told_by)}"
    # By row ids, so that of a large table the other columns are read only where they are wanted.
    statements = [
        f"create or replace temp table {was} as select * from {table} "
        f"where rowid in (select rowid from {table} where {chosen});",
        f"create or replace temp table {gone} as "
        f"select w.* from {was} w where not exists (select 1 from {stage} s where {same});",
        f"insert into {table}_past by name "
        f"select g.*, {when} as replaced, {run} as replaced_by{', i.inputs' if kept.with_inputs else ''} from {gone} g"
        f"{_its_inputs(gone) if kept.with_inputs else ''};",
    ]
    if kept.dated:
        statements += [
            f"update {stage} set made = {when}, run = {run};",
            f"update {stage} s set made = w.made, run = w.run from {was} w where {same};",
        ]
    return "".join(statements)


def remove_items(condition: str, replacement: Replacement) -> str:
    """SQL that removes items, but for their past."""
    return (
        "insert into item_past by name "
        f"select *, {replacement.when_sql} as replaced, {replacement.run_sql} as replaced_by from item "
        f"where {condition}; delete from item where {condition};"
    )


def _its_inputs(gone: str) -> str:
    return (
        " left join (select measurement, list({'input': input, 'role': role, 'value': value, 'value_err': value_err} "
        f"order by role, input) as inputs from measurement_input where origin in (select origin from {gone}) "
        "group by measurement) i on i.measurement = g.id"
    )


def _equal(columns: Sequence[str]) -> str:
    return " and ".join(f"w.{name} is not distinct from s.{name}" for name in columns)
