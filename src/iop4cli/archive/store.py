"""All that is read from a store and written to it: open, one short transaction, close.

Rows are handed over as staged batches and then one SQL script changes the products: the quickest way on
a file, and the only one that DuckDB's server protocol keeps whole.
"""

from __future__ import annotations

import datetime
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from iop4cli.archive.asking import distinct
from iop4cli.archive.doors import Connection, Door
from iop4cli.archive.file_door import FileDoor
from iop4cli.archive.past import KEPT, Replacement, keep_past
from iop4cli.archive.rows import Rows, columns_of
from iop4cli.errors import UsageError

if TYPE_CHECKING:
    import duckdb
    import polars as pl

DEFAULT_LOCK_TIMEOUT_S = 60.0
_Taken = TypeVar("_Taken")
# What arrow takes as it is; NaN aside.
_PLAIN = frozenset({str, int, float, bool, type(None), datetime.datetime, datetime.date})


@dataclass(frozen=True)
class Batch:
    """Rows for one table.

    With `scope`, first all rows whose column of that name holds one of `scope_values` are removed (what a
    product was before is replaced whole, even by nothing); without, rows of the same primary key are
    replaced.
    """

    table: str
    rows: Rows
    scope: str | None = None
    scope_values: Sequence[str] = field(default_factory=tuple)
    append: bool = False


@dataclass(frozen=True)
class Answer:
    """The rows of a query; names of columns need not be different. No columns: nothing to show."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True)
class _Staged:
    """A batch whose rows lie in the temporary table `stage`: which rows will go, and the SQL of the change."""

    table: str
    columns: tuple[str, ...]
    stage: str
    chosen: str
    change: str

    def keeping(self, replacement: Replacement) -> str:
        if self.table not in KEPT or not self.chosen:
            return ""
        return keep_past(self.table, self.columns, self.stage, self.chosen, replacement)


class Store:
    """A DuckDB file behind a lock, or a server: `path` is where the file of the archive lies, or would lie."""

    def __init__(self, path: Path, lock_timeout_s: float = DEFAULT_LOCK_TIMEOUT_S, door: Door | None = None) -> None:
        self.path = path
        self.lock_timeout_s = lock_timeout_s
        self.door: Door = door or FileDoor(path, lock_timeout_s)
        self._held = threading.local()

    @property
    def is_file(self) -> bool:
        return isinstance(self.door, FileDoor)

    def create(self) -> None:
        """Make an empty store, or bring an older one up to date (after a copy of it)."""
        self.door.create()

    def stamp(self) -> object:
        """What differs when somebody has written; asking costs next to nothing."""
        return self.door.stamp()

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pl.DataFrame:
        """The rows of one SELECT as a polars frame; the store is closed again when this returns."""
        with self._open() as connection:
            return connection.asked(sql, _polars, parameters)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The rows of one SELECT as dictionaries; NULL is None."""
        with self._open() as connection:
            return connection.asked(sql, _rows, parameters)

    def tables(self, queries: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
        """Several SELECTs of one moment."""
        with self.reading(), self._open() as connection:
            return {name: connection.asked(sql, _rows) for name, sql in queries.items()}

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep the store open for this thread's questions: one moment for all, and one opening instead of many.

        With a file others cannot write meanwhile; with a server they can, and are not seen. This thread must not:
        for a plan, never for work.
        """
        if self._connection is not None:
            yield
            return
        with self.door.moment() as connection:
            self._held.connection = connection
            try:
                yield
            finally:
                self._held.connection = None

    def write(self, batches: Sequence[Batch], script: str = "", replacement: Replacement | None = None) -> None:
        """Stage all batches, then change the products in one transaction; an error leaves nothing changed.

        With `replacement`, rows of results and items that others replace are kept in the tables of their past.
        """

        def changes(connection: Connection) -> str:
            staged = _staged(connection, batches)
            past = "".join(one.keeping(replacement) for one in staged) if replacement is not None else ""
            return past + " ".join(one.change for one in staged) + script

        self._may_write()
        self.door.change(changes)

    def answer(self, sql: str) -> Answer:
        """What a condition of people selects: unlike `ask`, it can look into no other file."""
        return self._selected(sql, _answer)

    def selected(self, sql: str) -> pl.DataFrame:
        """The same as a polars frame, with the types of the columns."""
        return self._selected(sql, _frame)

    def _selected(self, sql: str, taken: Callable[[duckdb.DuckDBPyConnection], _Taken]) -> _Taken:
        import duckdb

        with self._open() as connection:
            try:
                return connection.asked(sql, taken)
            except duckdb.Error as error:
                raise UsageError(f"SQL: {error}") from error

    def ask(self, sql: str, *, write: bool = False) -> Answer:
        """What a user's own SQL says (`iop4 sql`); with `write` all of it is one transaction."""
        self._may_write(write)
        return self.door.ask(sql, _answer, write=write)

    def frame(self, sql: str, *, write: bool = False) -> pl.DataFrame:
        """The same as a polars frame, with the types of the columns; those of one name are numbered."""
        self._may_write(write)
        return self.door.ask(sql, _frame, write=write)

    @property
    def _connection(self) -> Connection | None:
        return getattr(self._held, "connection", None)

    @contextmanager
    def _open(self) -> Iterator[Connection]:
        held = self._connection
        if held is not None:
            yield held
            return
        with self.door.question() as connection:
            yield connection

    def _may_write(self, write: bool = True) -> None:
        if write and self._connection is not None:
            raise RuntimeError("the store is written to while it is held open for reading")


def _staged(connection: Connection, batches: Sequence[Batch]) -> list[_Staged]:
    """The rows of all batches in temporary tables, and what is to be done with them."""
    tables: list[tuple[str, str, Any]] = []
    # The tables of a step mostly are replaced for the same items.
    scopes: dict[tuple[str, ...], str] = {}
    for number, batch in enumerate(batches):
        rows = _arrow(batch.rows) if len(batch.rows) else None
        tables.append((f"stage_{number}", f"select * from {batch.table} limit 0", rows))
        if batch.scope is None or batch.append or tuple(batch.scope_values) in scopes:
            continue
        scopes[tuple(batch.scope_values)] = scope = f"scope_{number}"
        values = _arrow([{"value": value} for value in batch.scope_values]) if batch.scope_values else None
        tables.append((scope, "select ''::text as value limit 0", values))
    columns = dict(zip((name for name, *_ in tables), connection.stage(tables), strict=True))
    return [
        _of_batch(batch, f"stage_{number}", scopes.get(tuple(batch.scope_values), ""), columns[f"stage_{number}"])
        for number, batch in enumerate(batches)
    ]


def _of_batch(batch: Batch, stage: str, scope: str, columns: tuple[str, ...]) -> _Staged:
    table = batch.table
    insert = f"insert into {table} select * from {stage};"
    if batch.append:
        return _Staged(table, columns, stage, "", insert)
    if batch.scope is None:
        key = KEPT[table].key if table in KEPT else ()
        alike = " and ".join(f"s.{name} = {table}.{name}" for name in key)
        chosen = f"exists (select 1 from {stage} s where {alike})" if key else ""
        return _Staged(table, columns, stage, chosen, f"insert or replace into {table} select * from {stage};")
    chosen = f"{batch.scope} in (select value from {scope})"
    return _Staged(table, columns, stage, chosen, f"delete from {table} where {chosen}; {insert}")


def _arrow(rows: Rows) -> Any:
    """An arrow table of the union of the rows' columns; nested values become JSON text."""
    import pyarrow

    return pyarrow.table({name: _column(values) for name, values in columns_of(rows).items()})


def _column(values: list[Any]) -> Any:
    """An arrow array; NaN is NULL, as `_plain` has it."""
    import pyarrow

    if _PLAIN.issuperset(map(type, values)):
        return pyarrow.array(values, from_pandas=True)
    return pyarrow.array([_plain(value) for value in values])


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value != value:
        return None
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        return _plain(value.item())
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, tuple):
        return list(value)
    return value


def _polars(cursor: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    import polars

    return polars.DataFrame(cursor.to_arrow_table())


def _rows(cursor: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _answer(cursor: duckdb.DuckDBPyConnection) -> Answer:
    columns = cursor.description or []
    names = tuple(str(column[0]) for column in columns)
    if any("TIME ZONE" in str(column[1]).upper() for column in columns):
        # DuckDB needs pytz to make these Python's own; arrow does not.
        table = cursor.to_arrow_table()
        values = [column.to_pylist() for column in table.columns]
        return Answer(names, list(zip(*values, strict=True)))
    return Answer(names, cursor.fetchall() if names else [])


def _frame(cursor: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    import polars

    if not cursor.description:
        return polars.DataFrame()
    table = cursor.to_arrow_table()
    return polars.DataFrame(table.rename_columns(distinct(table.column_names)))


def utc_now() -> datetime.datetime:
    """Now, in UTC without a zone, as the store keeps it."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
