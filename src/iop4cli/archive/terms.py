"""What people type to narrow a table: words, `column=value`, or `where` and SQL; told as SQL, or tried on rows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iop4cli.archive.people import quoted
from iop4cli.errors import UsageError
from iop4cli.nearest import nearest

_PART = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""")
_COMPARISON = re.compile(r"(\w+)(<=|>=|!=|=|<|>|~)(.*)", re.DOTALL)
_WHERE = re.compile(r"where\s+(.+)", re.IGNORECASE | re.DOTALL)
_NOTHING = ("none", "null")


@dataclass(frozen=True)
class Term:
    """`column operator value`; without a column a word that any of the searched columns may hold."""

    value: str
    column: str | None = None
    operator: str = "~"

    @property
    def number(self) -> float | None:
        try:
            return float(self.value)
        except ValueError:
            return None


def parsed(text: str, columns: Collection[str]) -> tuple[Term, ...]:
    """The terms of a filter, all of which must hold; a comparison with an unknown column is an error."""
    terms = []
    for part in _PART.findall(text):
        comparison = _COMPARISON.fullmatch(part)
        if comparison is None:
            terms.append(Term(_bare(part)))
            continue
        column = comparison[1].lower()
        if column not in columns:
            near = nearest(column, columns)
            raise UsageError(f"no column {column!r} here" + (f"; did you mean {near!r}?" if near else ""))
        terms.append(Term(_bare(comparison[3]), column, comparison[2]))
    return tuple(terms)


def sql_said(text: str) -> str | None:
    """The condition after `where`, if the filter is SQL."""
    found = _WHERE.fullmatch(text.strip())
    return found[1] if found else None


def as_sql(terms: Iterable[Term], searched: Sequence[str]) -> str:
    """A condition in SQL."""
    return " and ".join(_condition(term, searched) for term in terms) or "true"


def fits(row: Mapping[str, Any], terms: Iterable[Term], searched: Sequence[str]) -> bool:
    """Whether a row fulfils all terms, as the SQL of them would say."""
    return all(_holds(row, term, searched) for term in terms)


def _bare(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _condition(term: Term, searched: Sequence[str]) -> str:
    if term.column is None:
        return "(" + " or ".join(f"contains(lower({name}::text), {_low(term)})" for name in searched) + ")"
    if term.value.lower() in _NOTHING and term.operator in {"=", "!="}:
        return f"{term.column} is {'not ' if term.operator == '!=' else ''}null"
    if term.operator == "~":
        return f"contains(lower({term.column}::text), {_low(term)})"
    if term.number is not None:
        return f"try_cast({term.column} as double) {term.operator} {term.number!r}"
    return f"lower({term.column}::text) {term.operator} {_low(term)}"


def _low(term: Term) -> str:
    return quoted(term.value.lower())


def _holds(row: Mapping[str, Any], term: Term, searched: Sequence[str]) -> bool:
    if term.column is None:
        return any(term.value.lower() in str(row.get(name) or "").lower() for name in searched)
    value = row.get(term.column)
    if term.value.lower() in _NOTHING and term.operator in {"=", "!="}:
        return (value is None) == (term.operator == "=")
    if value is None:
        return False
    if term.operator == "~":
        return term.value.lower() in str(value).lower()
    if term.number is not None:
        try:
            return _compared(float(value), term.operator, term.number)
        except (TypeError, ValueError):
            return False
    return _compared(str(value).lower(), term.operator, term.value.lower())


def _compared(one: Any, operator: str, other: Any) -> bool:
    return bool(
        {
            "=": one == other, "!=": one != other, "<": one < other, ">": one > other, "<=": one <= other,
            ">=": one >= other,
        }[operator]
    )  # fmt: skip
