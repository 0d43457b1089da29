"""The one door to DuckDB: open, one short transaction, close.

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

from iop4cli.archive import migrations
from iop4cli.archive.asking import distinct
from iop4cli.archive.lock import store_lock
from iop4cli.archive.past import KEPT, Replacement, keep_past
from iop4cli.errors import StoreError, UsageError

if TYPE_CHECKING:
    import duckdb
    import polars as pl

DEFAULT_LOCK_TIMEOUT_S = 60.0
_Taken = TypeVar("_Taken")
# A question must not make DuckDB fetch an extension from the network by itself.
_NO_EXTENSIONS = (
    "set autoinstall_known_extensions = false; set autoload_known_extensions = false; set lock_configuration = true;"
)


@dataclass(frozen=True)
class Batch:
    """Rows for one table.

    With `scope`, first all rows whose column of that name holds one of `scope_values` are removed (what a
    product was before is replaced whole, even by nothing); without, rows of the same primary key are
    replaced.
    """

    table: str
    rows: Sequence[Mapping[str, Any]]
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
    """A DuckDB file behind a lock."""

    def __init__(self, path: Path, lock_timeout_s: float = DEFAULT_LOCK_TIMEOUT_S) -> None:
        self.path = path
        self.lock_timeout_s = lock_timeout_s
        self._checked = False
        self._held = threading.local()

    def create(self) -> None:
        """Make an empty store, or bring an older one up to date (after a copy of it)."""
        with store_lock(self.path, shared=False, timeout_s=self.lock_timeout_s):
            connection = self._connect(read_only=False)
            try:
                found = migrations.schema_version(connection)
                newest = migrations.migrations()[-1][0]
                if 0 < found < newest:
                    connection.close()
                    migrations.back_up(self.path, found)
                    connection = self._connect(read_only=False)
                migrations.migrate(connection, self.path)
            finally:
                connection.close()
        self._checked = True

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pl.DataFrame:
        """The rows of one SELECT as a polars frame; the store is closed again when this returns."""
        import polars

        with self._open(read_only=True) as connection:
            return polars.DataFrame(connection.execute(sql, list(parameters)).to_arrow_table())

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The rows of one SELECT as dictionaries; NULL is None."""
        with self._open(read_only=True) as connection:
            cursor = connection.execute(sql, list(parameters))
            names = [column[0] for column in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def tables(self, queries: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
        """Several SELECTs of one moment."""
        found = {}
        with self._open(read_only=True) as connection:
            for name, sql in queries.items():
                cursor = connection.execute(sql)
                names = [column[0] for column in cursor.description or []]
                found[name] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return found

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep the store open for this thread's questions: one moment for all, and one opening (16 ms) instead of many.

        Others cannot write meanwhile, and this thread must not: for a plan, never for work.
        """
        with self._open(read_only=True) as connection:
            self._held.connection = connection
            try:
                yield
            finally:
                self._held.connection = None

    def write(self, batches: Sequence[Batch], script: str = "", replacement: Replacement | None = None) -> None:
        """Stage all batches, then change the products in one transaction; an error leaves nothing changed.

        With `replacement`, rows of results and items that others replace are kept in the tables of their past.
        """
        with self._open(read_only=False) as connection:
            try:
                staged = [self._stage(connection, number, batch) for number, batch in enumerate(batches)]
                past = "".join(one.keeping(replacement) for one in staged) if replacement is not None else ""
                changes = " ".join(one.change for one in staged)
                connection.execute("begin; " + past + changes + script + " commit;")
            except Exception as error:
                migrations.roll_back(connection)
                _raise_signal(error)
                raise StoreError(f"could not write to {self.path}: {error}") from error

    def ask(self, sql: str, *, write: bool = False) -> Answer:
        """What a user's own SQL says (`iop4 sql`); with `write` all of it is one transaction."""
        return self._asked(sql, _answer, write=write)

    def frame(self, sql: str, *, write: bool = False) -> pl.DataFrame:
        """The same as a polars frame, with the types of the columns; those of one name are numbered."""
        return self._asked(sql, _frame, write=write)

    def _asked(self, sql: str, taken: Callable[[duckdb.DuckDBPyConnection], _Taken], *, write: bool) -> _Taken:
        import duckdb

        with self._open(read_only=not write) as connection:
            try:
                connection.execute("begin" if write else _NO_EXTENSIONS)
                answer = taken(connection.execute(sql))
                if write:
                    connection.execute("commit")
            except duckdb.Error as error:
                migrations.roll_back(connection)
                raise UsageError(f"SQL: {error}") from error
        return answer

    def _stage(self, connection: duckdb.DuckDBPyConnection, number: int, batch: Batch) -> _Staged:
        stage, scope_stage = f"stage_{number}", f"scope_{number}"
        connection.execute(f"create or replace temp table {stage} as select * from {batch.table} limit 0")
        described = connection.execute(f"select * from {stage}").description or []
        columns = tuple(str(column[0]) for column in described)
        if batch.rows:
            connection.register("incoming", _arrow(batch.rows))
            connection.execute(f"insert into {stage} by name select * from incoming")
            connection.unregister("incoming")
        if batch.append:
            return _Staged(batch.table, columns, stage, "", f"insert into {batch.table} select * from {stage};")
        if batch.scope is None:
            key = KEPT[batch.table].key if batch.table in KEPT else ()
            alike = " and ".join(f"s.{name} = {batch.table}.{name}" for name in key)
            chosen = f"exists (select 1 from {stage} s where {alike})" if key else ""
            change = f"insert or replace into {batch.table} select * from {stage};"
            return _Staged(batch.table, columns, stage, chosen, change)
        connection.register("incoming", _arrow([{"value": value} for value in batch.scope_values] or [{"value": None}]))
        connection.execute(f"create or replace temp table {scope_stage} as select value::text as value from incoming")
        connection.unregister("incoming")
        chosen = f"{batch.scope} in (select value from {scope_stage})"
        change = f"delete from {batch.table} where {chosen}; insert into {batch.table} select * from {stage};"
        return _Staged(batch.table, columns, stage, chosen, change)

    @contextmanager
    def _open(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        held = getattr(self._held, "connection", None)
        if held is not None:
            if not read_only:
                raise RuntimeError("the store is written to while it is held open for reading")
            yield held
            return
        if not self.path.is_file():
            raise StoreError(f"the archive has no store ({self.path} is missing): `iop4 init` makes one.")
        with store_lock(self.path, shared=read_only, timeout_s=self.lock_timeout_s):
            connection = self._connect(read_only)
            try:
                # Within the first opening, for opening takes longer than most questions.
                self._checked = self._checked or self._is_current(connection)
                if self._checked:
                    yield connection
                    return
            except RuntimeError as error:
                _raise_signal(error)
                raise
            finally:
                connection.close()
        self.create()
        with self._open(read_only=read_only) as connection:
            yield connection

    def _is_current(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Whether the store has this program's schema; that of a newer one is an error."""
        found = migrations.schema_version(connection)
        migrations.check_not_newer(found, self.path)
        return found >= migrations.migrations()[-1][0]

    def _connect(self, read_only: bool) -> duckdb.DuckDBPyConnection:
        import duckdb

        try:
            return duckdb.connect(str(self.path), read_only=read_only)
        except duckdb.Error as error:
            raise StoreError(
                f"cannot open {self.path}: {error}. If another program holds it open "
                "(the duckdb shell, for instance), close that first."
            ) from error


def _arrow(rows: Sequence[Mapping[str, Any]]) -> Any:
    """An arrow table of the union of the rows' columns; nested values become JSON text."""
    import polars

    columns: dict[str, None] = {}
    for row in rows:
        columns.update(dict.fromkeys(row))
    plain = {name: [_plain(row.get(name)) for row in rows] for name in columns}
    return polars.DataFrame(plain, strict=False).to_arrow()


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


def _raise_signal(error: Exception) -> None:
    """DuckDB hides what a signal raised during a query behind an error of its own."""
    if error.__context__ is not None and not isinstance(error.__context__, Exception):
        raise error.__context__ from None


def utc_now() -> datetime.datetime:
    """Now, in UTC without a zone, as the store keeps it."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
