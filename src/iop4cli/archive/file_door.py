"""A store that is a DuckDB file: open, one short transaction, close, all of it behind our lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iop4cli.archive import migrations
from iop4cli.archive.doors import Connection, Taken
from iop4cli.archive.interrupting import interruptible, signals_held
from iop4cli.archive.lock import store_lock
from iop4cli.archive.served_at import is_noted, said_of
from iop4cli.errors import StoreBusy, StoreError, UsageError
from iop4cli.full_disk import disk_full, is_full

if TYPE_CHECKING:
    import duckdb

# A question must not make DuckDB fetch an extension from the network by itself.
_NO_EXTENSIONS = (
    "set autoinstall_known_extensions = false; set autoload_known_extensions = false; set lock_configuration = true;"
)


# Nor can a condition that somebody typed or passed on (--where, --alert, a filter) read or write any other file.
_SEALED = f"set enable_external_access = false; {_NO_EXTENSIONS}"
# Threads that have the same file open share its settings, and who comes second finds them locked.
_sealing = threading.Lock()


_NO_STORE = "the archive has no store ({} is missing): `iop4 init` makes one."


class FileDoor:
    """A DuckDB file behind a lock."""

    def __init__(self, path: Path, lock_timeout_s: float) -> None:
        self.path = path
        self.lock_timeout_s = lock_timeout_s
        self._checked = False

    @property
    def where(self) -> str:
        return str(self.path)

    @property
    def identity(self) -> str:
        return str(self.path)

    def create(self) -> None:
        """Make an empty store, or bring an older one up to date (after a copy of it)."""
        with self._locked(shared=False), signals_held():
            connection = self.connect(read_only=False)
            try:
                found = migrations.schema_version(connection)
                newest = migrations.migrations()[-1][0]
                if 0 < found < newest:
                    connection.close()
                    migrations.back_up(self.path, found)
                    connection = self.connect(read_only=False)
                migrations.migrate(connection, self.path)
            finally:
                connection.close()
        self._checked = True

    @contextmanager
    def question(self) -> Iterator[Connection]:
        with self._open(read_only=True) as connection:
            _seal(connection, _SEALED)
            yield _FileConnection(connection)

    @contextmanager
    def moment(self) -> Iterator[Connection]:
        """Nobody writes meanwhile; the file is opened with the first question, for opening a large one takes longer."""
        if not self._checked:
            with self.question() as connection:
                yield connection
            return
        if not self.path.is_file():
            raise StoreError(_NO_STORE.format(self.path))
        with self._locked(shared=True):
            asked = _WhenAsked(self)
            try:
                try:
                    yield asked
                finally:
                    asked.close()
            finally:
                # A signal may have come between the end of what was done and the first time.
                asked.close()

    def change(self, script: Callable[[Connection], str]) -> None:
        with self._open(read_only=False) as connection:
            try:
                said = script(_FileConnection(connection))
                connection.execute("begin; " + said + " commit;")
            except Exception as error:
                migrations.roll_back(connection)
                if is_full(error):
                    raise disk_full(self.path) from error
                raise StoreError(f"could not write to {self.path}: {error}") from error

    def ask(self, sql: str, taken: Callable[[duckdb.DuckDBPyConnection], Taken], *, write: bool) -> Taken:
        import duckdb

        with self._open(read_only=not write) as connection:
            try:
                if write:
                    connection.execute("begin")
                else:
                    _seal(connection, _NO_EXTENSIONS)
                with signals_held() as held:
                    answer = interruptible(held, connection, lambda: taken(connection.execute(sql)))
                if write:
                    connection.execute("commit")
            except duckdb.Error as error:
                migrations.roll_back(connection)
                if is_full(error):
                    raise disk_full(self.path) from error
                raise UsageError(f"SQL: {error}") from error
        return answer

    def stamp(self) -> object:
        found = self.path.stat()
        try:
            # What a writer that was killed had committed: DuckDB takes it over when the file is next opened.
            waiting = self.path.with_name(self.path.name + ".wal").stat()
        except FileNotFoundError:
            return found.st_mtime_ns, found.st_size
        return found.st_mtime_ns, found.st_size, waiting.st_mtime_ns, waiting.st_size

    def connect(self, read_only: bool) -> duckdb.DuckDBPyConnection:
        """The file itself; who calls this holds the lock."""
        import duckdb

        try:
            return duckdb.connect(str(self.path), read_only=read_only)
        except duckdb.Error as error:
            raise StoreError(
                f"cannot open {self.path}: {error}. If another program holds it open "
                "(the duckdb shell, for instance), close that first."
            ) from error

    @contextmanager
    def _open(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        if not self.path.is_file():
            raise StoreError(_NO_STORE.format(self.path))
        with self._locked(shared=read_only), signals_held() as held:
            connection = self.connect(read_only)
            try:
                # Within the first opening, for opening takes longer than most questions.
                self._checked = self._checked or self._is_current(connection)
                if self._checked:
                    held.asked = connection if read_only else None
                    yield connection
                    return
            finally:
                held.asked = None
                connection.close()
        self.create()
        with self._open(read_only=read_only) as connection:
            yield connection

    @contextmanager
    def _locked(self, *, shared: bool) -> Iterator[None]:
        """Behind the lock; nobody waits for a server, which does not end by itself."""
        with ExitStack() as stack:
            if not is_noted(self.path):
                stack.enter_context(store_lock(self.path, shared=shared, timeout_s=self.lock_timeout_s))
            else:
                try:
                    stack.enter_context(store_lock(self.path, shared=shared, timeout_s=min(self.lock_timeout_s, 0.5)))
                except StoreBusy:
                    raise StoreBusy(said_of(self.path)) from None
            yield

    def _is_current(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Whether the store has this program's schema; that of a newer one is an error."""
        found = migrations.schema_version(connection)
        migrations.check_not_newer(found, self.path)
        return found >= migrations.migrations()[-1][0]


class _WhenAsked:
    """A connection for reading that is opened when something is asked; who has it holds the lock."""

    def __init__(self, door: FileDoor) -> None:
        self._door = door
        self._opened: duckdb.DuckDBPyConnection | None = None

    def asked(
        self, sql: str, taken: Callable[[duckdb.DuckDBPyConnection], Taken], parameters: Sequence[Any] = ()
    ) -> Taken:
        with signals_held() as held:
            connection = self._connection()
            held.asked = connection
            try:
                return _FileConnection(connection).asked(sql, taken, parameters)
            finally:
                held.asked = None

    def stage(self, tables: Sequence[tuple[str, str, Any]]) -> list[tuple[str, ...]]:
        with signals_held():
            return _FileConnection(self._connection()).stage(tables)

    def close(self) -> None:
        with signals_held():
            if self._opened is not None:
                self._opened.close()

    def _connection(self) -> duckdb.DuckDBPyConnection:
        if self._opened is None:
            self._opened = self._door.connect(read_only=True)
            _seal(self._opened, _SEALED)
        return self._opened


class _FileConnection:
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def asked(
        self, sql: str, taken: Callable[[duckdb.DuckDBPyConnection], Taken], parameters: Sequence[Any] = ()
    ) -> Taken:
        return taken(self._connection.execute(sql, list(parameters)))

    def stage(self, tables: Sequence[tuple[str, str, Any]]) -> list[tuple[str, ...]]:
        columns = []
        for name, select, rows in tables:
            self._connection.execute(f"create or replace temp table {name} as {select}")
            described = self._connection.execute(f"select * from {name}").description or []
            columns.append(tuple(str(column[0]) for column in described))
            if rows is not None:
                self._connection.register("incoming", rows)
                self._connection.execute(f"insert into {name} by name select * from incoming")
                self._connection.unregister("incoming")
        return columns


def _seal(connection: duckdb.DuckDBPyConnection, settings: str) -> None:
    """Make these settings, once for all threads that have the file open at this moment."""
    with _sealing:
        found = connection.execute("select current_setting('lock_configuration')").fetchone()
        if found is None or not found[0]:
            connection.execute(settings)
