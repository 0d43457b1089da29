"""Twenty items with one trouble are one trouble."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Trouble:
    """What a step could not do, or did with a flaw (status done), for one reason."""

    step: str
    status: str
    reason: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Troubles:
    """The troubles in the order of the work, and item -> steps that an earlier trouble blocks."""

    by_reason: tuple[Trouble, ...]
    blocked: Mapping[str, tuple[str, ...]]


def grouped(rows: Iterable[Mapping[str, Any]]) -> Troubles:
    """Rows of queries.trouble_rows."""
    by_reason: dict[tuple[str, str, str], list[str]] = {}
    blocked: dict[str, list[str]] = {}
    for row in rows:
        if row["status"] == "blocked":
            blocked.setdefault(row["name"], []).append(row["step"])
            continue
        by_reason.setdefault((row["step"], row["status"], row["reason"] or ""), []).append(row["name"])
    return Troubles(
        tuple(Trouble(*key, tuple(names)) for key, names in by_reason.items()),
        {name: tuple(steps) for name, steps in sorted(blocked.items())},
    )
