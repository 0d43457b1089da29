"""One connection to a server: questions in sessions of their own, and sessions that last."""

from __future__ import annotations

import datetime
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from iop4cli.archive.doors import Taken
from iop4cli.archive.quack import Address, Client, client
from iop4cli.archive.quack_errors import Lost, meaning
from iop4cli.archive.waiting import Silence, waited
from iop4cli.errors import UsageError

if TYPE_CHECKING:
    import duckdb

_READ_ONLY = "begin transaction read only; "
_QUESTION = "from quack_query(?, ?, token => ?, disable_ssl => ?)"


class Line:
    """A server, and how it is spoken to."""

    def __init__(self, address: Address, token: str, silence_s: float) -> None:
        self.address = address
        self._token = token
        self._silence_s = silence_s

    def ask(self, sql: str, taken: Callable[[duckdb.DuckDBPyConnection], Taken]) -> Taken:
        """One question, in a session that ends with the answer."""
        with client() as mine:
            return self.call(mine, _QUESTION, self._question(_READ_ONLY + sql), taken)

    @contextmanager
    def session(self) -> Iterator[Session]:
        name = f"s{uuid.uuid4().hex}"
        token = self._token.replace("'", "''")
        options = f"type quack, token '{token}', disable_ssl {self.address.without_tls}"
        with client() as mine:
            self.call(mine, f"attach '{self.address.uri}' as {name} ({options})", (), nothing)
            try:
                yield Session(self, mine, name)
            finally:
                with suppress(Exception):
                    self.call(mine, f"detach database if exists {name}", (), nothing)

    def call(
        self, mine: Client, sql: str, parameters: Sequence[Any], taken: Callable[[duckdb.DuckDBPyConnection], Taken]
    ) -> Taken:
        """Say something to the server, and wait as long as it is alive."""
        import duckdb

        if mine.is_left:
            raise Lost("the last call is not over")
        try:
            return waited(lambda: taken(mine.connection.execute(sql, list(parameters))), self._is_alive)
        except duckdb.Error as error:
            raise meaning(error, self.address, self._token) from None
        except Silence:
            mine.is_left = True
            raise Lost("it takes what is said and says nothing") from None
        except BaseException:
            mine.is_left = True
            raise

    def _question(self, sql: str) -> list[Any]:
        return [self.address.uri, sql, self._token, self.address.without_tls]

    def _is_alive(self) -> bool:
        """Whether the server answers anything at all."""
        import duckdb

        said = threading.Event()

        def asked() -> None:
            with suppress(duckdb.Error):
                with client() as mine:
                    mine.connection.execute(_QUESTION, self._question("select 1")).fetchall()
                said.set()

        threading.Thread(target=asked, daemon=True).start()
        return said.wait(max(self._silence_s, 1.0))


class Session:
    """A session at the server: what is temporary or open in it goes with it."""

    def __init__(self, line: Line, mine: Client, name: str) -> None:
        self._line, self._client, self._name = line, mine, name

    def asked(
        self, sql: str, taken: Callable[[duckdb.DuckDBPyConnection], Taken], parameters: Sequence[Any] = ()
    ) -> Taken:
        said = with_parameters(sql, parameters)
        return self._line.call(self._client, f"from quack_query_by_name('{self._name}', ?)", [said], taken)

    def stage(self, tables: Sequence[tuple[str, str, Any]]) -> list[tuple[str, ...]]:
        if not tables:
            return []
        self.asked("".join(f"create or replace temp table {name} as {sql};" for name, sql, _ in tables), nothing)
        # What is attached knows the tables of the moment when it was.
        self._call("from quack_clear_cache()")
        columns = []
        for name, _, rows in tables:
            described = self._line.call(self._client, f"describe {self._name}.{name}", (), lambda it: it.fetchall())
            columns.append(tuple(str(column[0]) for column in described))
            if rows is not None:
                self._client.connection.register("incoming", rows)
                self._call(f"insert into {self._name}.{name} by name select * from incoming")
                self._client.connection.unregister("incoming")
        return columns

    def roll_back(self) -> None:
        """End a failed transaction, if there is one."""
        import duckdb

        with suppress(duckdb.Error):
            self.asked("rollback", nothing)

    def _call(self, sql: str) -> None:
        self._line.call(self._client, sql, (), nothing)


def nothing(cursor: duckdb.DuckDBPyConnection) -> None:
    if cursor.description:
        cursor.fetchall()


def first(cursor: duckdb.DuckDBPyConnection) -> Any:
    row = cursor.fetchone()
    return row[0] if row else None


def only_one(sql: str) -> str:
    """A file that is open for reading refuses a second statement that writes; here nothing would."""
    import duckdb

    if ";" in sql and len(duckdb.extract_statements(sql)) > 1:
        raise UsageError("SQL: one question at a time")
    return sql


def with_parameters(sql: str, parameters: Sequence[Any]) -> str:
    """SQL with its parameters, which the protocol does not have."""
    if not parameters:
        return sql
    return f"prepare question as {sql}; execute question({', '.join(map(_literal, parameters))})"


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return "(" + " || chr(0) || ".join("'" + part.replace("'", "''") + "'" for part in value.split("\0")) + ")"
    if isinstance(value, (bool, int)):
        return str(value)
    if isinstance(value, float):
        return f"'{value!r}'::double"
    if isinstance(value, datetime.datetime) and value.tzinfo is None:
        return f"timestamp '{value.isoformat(sep=' ')}'"
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return f"date '{value.isoformat()}'"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_literal, value))}]"
    raise TypeError(f"a question cannot bear the parameter {value!r}")
