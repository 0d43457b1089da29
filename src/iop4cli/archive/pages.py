"""Rows of the store in pages, for looking at: no more of them are read than are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from iop4cli.archive import terms
from iop4cli.archive.asking import check_condition
from iop4cli.archive.store import Answer, Store
from iop4cli.errors import UsageError

Row = dict[str, Any]


@dataclass(frozen=True)
class Listing:
    """Something that can be listed: `table` is a table, a view or a SELECT in brackets; `key` names its rows.

    `columns` are all that it has, `shown` those to begin with, `searched` those in which words are looked for.
    """

    name: str
    table: str
    key: str
    columns: tuple[str, ...]
    shown: tuple[str, ...]
    searched: tuple[str, ...]
    order: str
    descending: bool = False


@dataclass(frozen=True)
class Question:
    """Which rows of a listing, in which order; `condition` is SQL."""

    listing: Listing
    condition: str = "true"
    order: str = ""
    descending: bool = False

    @property
    def ordered(self) -> str:
        """The order in SQL; the key makes it the same each time."""
        order = self.order or self.listing.order
        direction = "desc" if self.descending else "asc"
        return f'order by "{order}" {direction} nulls last, {self.listing.key}'

    def sql(self, columns: Sequence[str]) -> str:
        """The SELECT of all its rows."""
        listed = ", ".join(f'"{name}"' for name in columns)
        return f"select {listed} from {self.listing.table} where {self.condition}\n{self.ordered}"


@dataclass(frozen=True)
class Page:
    """Some rows from number `first` on, of `total`."""

    first: int
    total: int
    rows: list[Row]


def question_of(store: Store, listing: Listing, text: str) -> Question:
    """The question that a filter means; what it has wrong is a UsageError."""
    said = terms.sql_said(text)
    question = Question(listing, descending=listing.descending)
    if said is None:
        return replace(question, condition=terms.as_sql(terms.parsed(text, listing.columns), listing.searched))
    sql = f"select * from {listing.table} where ({said}\n)"
    try:
        check_condition(said)
        store.answer(f"explain {sql}")
    except UsageError as problem:
        raise UsageError(str(problem).split("\n\nLINE")[0].removeprefix("SQL: ")) from None
    return replace(question, condition=f"({said}\n)")


def read_page(store: Store, question: Question, columns: Sequence[str], first: int, n_rows: int) -> Page:
    """One page and how many rows there are, of one moment; few columns of many rows are found quicker."""
    found = store.tables(
        {
            "count": f"select count(*) as n from {question.listing.table} where {question.condition}",
            "rows": f"{question.sql(columns)} limit {int(n_rows)} offset {int(first)}",
        }
    )
    return Page(first, int(found["count"][0]["n"]), found["rows"])


def read_place(store: Store, question: Question, key: str) -> int | None:
    """The number of the row of a key, from 0; None if it is not among them."""
    table = question.listing
    found = store.rows(
        f"select n from (select {table.key} as key, row_number() over ({question.ordered}) - 1 as n "
        f"from {table.table} where {question.condition}) where key = ?",
        [key],
    )
    return int(found[0]["n"]) if found else None


def read_all(store: Store, question: Question, columns: Sequence[str]) -> Answer:
    """All rows, for an export."""
    return store.answer(question.sql(columns))
