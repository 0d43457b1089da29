"""The two ways into a store, as `Store` uses them: a file behind our lock, or a server.

Both speak DuckDB's SQL; what differs is how long a transaction may last and what a broken connection means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import duckdb

Taken = TypeVar("Taken")


class Connection(Protocol):
    """An open store."""

    def asked(
        self, sql: str, taken: Callable[[duckdb.DuckDBPyConnection], Taken], parameters: Sequence[Any] = ()
    ) -> Taken:
        """What `taken` makes of the answer."""

    def stage(self, tables: Sequence[tuple[str, str, Any]]) -> list[tuple[str, ...]]:
        """Make temporary tables (name, SELECT of their columns, rows as an arrow table or None); their columns.

        Columns that the rows lack are NULL.
        """


class Door(Protocol):
    """Opening a store."""

    @property
    def where(self) -> str:
        """What messages call the store."""

    @property
    def identity(self) -> str:
        """Equal for the same store."""

    def create(self) -> None:
        """Make the store, or bring an older one up to date."""

    def question(self) -> AbstractContextManager[Connection]:
        """For one question."""

    def moment(self) -> AbstractContextManager[Connection]:
        """For several questions about one moment."""

    def change(self, script: Callable[[Connection], str]) -> None:
        """Run what `script` says after it has staged its rows: all of it in one transaction, or nothing."""

    def ask(self, sql: str, taken: Callable[[duckdb.DuckDBPyConnection], Taken], *, write: bool) -> Taken:
        """A person's own SQL; with `write` it is one transaction."""

    def stamp(self) -> object:
        """What differs when somebody has written."""
