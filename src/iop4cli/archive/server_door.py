"""A store behind a server (`iop4 serve`): the same questions and changes as with a file.

Changes take turns as they do at a file: each begins with a row that only one open transaction can have written, and
who comes second tries again. And each bears a name, kept in the same transaction: after a broken connection the
name says whether it was made, so that none is lost and none is made twice.
"""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iop4cli.archive.doors import Connection, Taken
from iop4cli.archive.quack import Address
from iop4cli.archive.quack_errors import Conflict, Lost
from iop4cli.archive.served_at import said_of, serving_of
from iop4cli.archive.server_line import Line, Session, first, nothing, only_one, with_parameters
from iop4cli.errors import StoreBusy, StoreError, UsageError

if TYPE_CHECKING:
    import duckdb

NAME = "iop4"
# What changes the store is marked, so that the server knows who is in the way of others when its client is dead.
IN_TURN = "-- in turn"
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.005, 0.5


class ServerDoor:
    """A store at an address; each thread may ask."""

    def __init__(self, address: Address, token: str, lock_timeout_s: float, archive: Path | None = None) -> None:
        """`archive`: the store's file of the folder whose frames one works on, which the server should serve."""
        self.address = address
        self._archive = archive
        self._line = Line(address, token, lock_timeout_s)
        self.lock_timeout_s = lock_timeout_s
        self._was_there = False

    @property
    def where(self) -> str:
        return str(self.address)

    @property
    def identity(self) -> str:
        return self.address.uri

    def create(self) -> None:
        """The server has made it; whether it is of this program's schema is seen."""
        self.stamp()

    def stamp(self) -> object:
        return self._patiently(lambda: self._line.ask("select n_changes from served", first))

    @contextmanager
    def question(self) -> Iterator[Connection]:
        yield _Questions(self)

    @contextmanager
    def moment(self) -> Iterator[Connection]:
        with ExitStack() as stack:

            def begun() -> Session:
                session = stack.enter_context(self._line.session())
                session.asked("begin transaction read only", nothing)
                return session

            session = self._patiently(begun)
            try:
                yield session
            except Lost as error:
                raise self._gone(error, "in the middle of what belongs together; nothing was written") from error

    def change(self, script: Callable[[Connection], str]) -> None:
        import duckdb

        name = uuid.uuid4().hex

        def made() -> None:
            with self._line.session() as session:
                said = script(session)
                # In one string: who dies after it was sent leaves no open transaction.
                self._in_turn(session, name, lambda: session.asked(_beginning(name) + said + " commit;", nothing))

        try:
            self._patiently(made, name)
        except duckdb.Error as error:
            raise StoreError(f"could not write to the store at {self.address}: {error}") from error

    def ask(self, sql: str, taken: Callable[[duckdb.DuckDBPyConnection], Taken], *, write: bool) -> Taken:
        import duckdb

        name = uuid.uuid4().hex
        answers: list[Taken] = []

        def made() -> None:
            def changed() -> None:
                session.asked(_beginning(name), nothing)
                answers[:] = [session.asked(f"{sql}\n{IN_TURN}", taken)]
                session.asked("commit", nothing)

            with self._line.session() as session:
                self._in_turn(session, name, changed)

        try:
            if not write:
                return self._patiently(lambda: self._line.ask(sql, taken))
            self._patiently(made, name)
        except duckdb.Error as error:
            raise UsageError(f"SQL: {error}") from error
        return answers[0]

    def _in_turn(self, session: Session, name: str, change: Callable[[], Any]) -> None:
        """Make a change when nobody else makes one."""
        import duckdb

        deadline, wait_s = time.monotonic() + self.lock_timeout_s, _FIRST_WAIT_S
        while True:
            try:
                change()
                return
            except Conflict:
                session.roll_back()
                if time.monotonic() >= deadline:
                    raise StoreBusy(
                        f"the store at {self.address} is busy: others wrote to it for {self.lock_timeout_s:g} s. "
                        "Nothing was lost; try again, or wait longer with --lock-timeout."
                    ) from None
            except duckdb.Error as error:
                session.roll_back()
                # Where its name is there already an answer was lost, not the change.
                if name not in str(error).split("\n")[0] or not self._is_made(name):
                    raise
                return
            time.sleep(wait_s * random.uniform(0.5, 1.0))
            wait_s = min(wait_s * 1.5, _LONGEST_WAIT_S)

    def _patiently(self, attempt: Callable[[], Taken], name: str = "") -> Taken:
        """Try until the server is there again; a change that was made before the connection broke is not repeated.

        Who never found it does not wait.
        """
        self._greet()
        deadline, wait_s = time.monotonic() + self.lock_timeout_s, 0.05
        is_open = False
        while True:
            try:
                if (
                    is_open
                    and name
                    and self._line.ask(f"select count(*) from served_change where id = '{name}'", first)
                ):
                    return None  # type: ignore[return-value]
                return attempt()
            except Lost as error:
                is_open = True
                if time.monotonic() >= deadline:
                    raise self._gone(error, f"for {self.lock_timeout_s:g} s. Nothing was lost") from error
            time.sleep(wait_s)
            wait_s = min(wait_s * 1.5, _LONGEST_WAIT_S)

    def _is_made(self, name: str) -> bool:
        return bool(self._line.ask(f"select count(*) from served_change where id = '{name}'", first))

    def _greet(self) -> None:
        """Once: whether there is a server, and one of ours with this program's schema."""
        import duckdb

        from iop4cli.archive.migrations import migrations

        if self._was_there:
            return
        asked = "select name, meta, (select max(version) from schema_version) from whoami()"
        try:
            name, meta, found = self._line.ask(asked, lambda cursor: cursor.fetchall()[0])
        except Lost as error:
            raise self._gone(error, "") from error
        except duckdb.Error as error:
            raise UsageError(f"at {self.address} is no store that `iop4 serve` serves: {error}") from error
        if name != NAME:
            raise UsageError(f"at {self.address} is a DuckDB server, but none that `iop4 serve` has started")
        newest = migrations()[-1][0]
        if found != newest:
            served_by = json.loads(meta).get("iop4", "of another version")
            raise UsageError(
                f"the server at {self.address} is iop4 {served_by} (schema {found}, this program knows {newest}): "
                f"{'start it again with this version' if found < newest else 'upgrade this iop4'}"
            )
        self._check_is_of(json.loads(meta).get("serving"))
        self._was_there = True

    def _check_is_of(self, serving: str | None) -> None:
        """A client without the archive's folder at hand has no note to compare, and may read what it likes."""
        if self._archive is None:
            return
        noted = serving_of(self._archive)
        if noted is not None and noted != serving:
            here, it = self._archive.parent, said_of(self._archive)
            raise UsageError(f"the server at {self.address} serves another archive than {here}: {it}")

    def _gone(self, why: object, how: str) -> StoreBusy:
        return StoreBusy(
            f"no server answers at {self.address}{' ' * bool(how)}{how} ({why}). Start it on its machine with "
            f"`iop4 serve --port {self.address.port}`, or leave --db, IOP4_DB and the setting db out to open the file."
        )


class _Questions:
    """Single questions, each in a session of its own."""

    def __init__(self, door: ServerDoor) -> None:
        self._door = door

    def asked(
        self, sql: str, taken: Callable[[duckdb.DuckDBPyConnection], Taken], parameters: Sequence[Any] = ()
    ) -> Taken:
        said = with_parameters(only_one(sql), parameters)
        return self._door._patiently(lambda: self._door._line.ask(said, taken))

    def stage(self, tables: Sequence[tuple[str, str, Any]]) -> list[tuple[str, ...]]:
        raise RuntimeError("questions stage no rows")


def _beginning(name: str) -> str:
    """Only one open transaction can have changed the row; who comes second gets a conflict at once."""
    return (
        "begin; update served set n_changes = n_changes + 1; "
        f"insert into served_change values ('{name}', now()::timestamp); {IN_TURN}\n"
    )
