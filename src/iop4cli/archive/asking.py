"""SQL of people: what may be asked of a store that is open for reading only."""

from __future__ import annotations

import re
from collections.abc import Sequence

from iop4cli.errors import UsageError

_EXPLAIN = re.compile(r"\s*explain\s+(analyze\s+|\([^)]*\)\s*)?", re.IGNORECASE)


def check_only_reads(sql: str, hint: str = "") -> None:
    """Refuse what would write: read-only DuckDB keeps the store whole, but still lets COPY TO write files."""
    import duckdb

    try:
        statements = duckdb.extract_statements(sql)
    except (duckdb.Error, TypeError) as error:
        raise UsageError(f"SQL: {_told(error)}") from error
    # DuckDB makes two statements of one PIVOT; the first bears no text.
    said = [statement for statement in statements if statement.query or statement.type.name != "CREATE"]
    if not said:
        raise UsageError("SQL: there is no statement")
    if len(said) > 1:
        raise UsageError(f"SQL: {len(said)} statements; one at a time can be read{hint}")
    kind = said[0].type.name
    if kind == "EXPLAIN":
        inner = _EXPLAIN.match(sql)
        if inner is None or not inner.end():
            raise UsageError("SQL: nothing may stand before EXPLAIN")
        check_only_reads(sql[inner.end() :], hint)
    elif kind != "SELECT":
        raise UsageError(f"SQL: {kind} is not a question; only SELECT, DESCRIBE, SHOW and the like are{hint}")


def check_condition(condition: str) -> None:
    """Refuse what is no single condition, but more SQL that leaves the brackets it is put into."""
    import duckdb

    # What closes a bracket in the one makes no sense in the other.
    for frame in ("select 1 where ({}\n)", "select coalesce(({}\n), true)"):
        try:
            statements = duckdb.extract_statements(frame.replace("{}", condition))
        except (duckdb.Error, TypeError) as error:
            raise UsageError(f"SQL: {_told(error).splitlines()[0]}") from error
        if [statement.type.name for statement in statements] != ["SELECT"]:
            raise UsageError("SQL: one condition, not statements")


def _told(error: Exception) -> str:
    return "it is not in UTF-8" if isinstance(error, TypeError) else str(error)


def distinct(columns: Sequence[str]) -> list[str]:
    """Names for columns, of which SQL lets several be the same."""
    names: list[str] = []
    for column in columns:
        name, number = column, 1
        while name in names:
            number += 1
            name = f"{column}_{number}"
        names.append(name)
    return names
