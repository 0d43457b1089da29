"""Rows of one table as columns: many of one frame take longer to hand on as dictionaries than to find."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Columns:
    """Values of plain Python types by name, all of one length; iterated over, they are rows."""

    values: Mapping[str, list[Any]]

    def __len__(self) -> int:
        return len(next(iter(self.values.values()), ()))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = tuple(self.values)
        return (dict(zip(names, row, strict=True)) for row in zip(*self.values.values(), strict=True))


Rows = Sequence[Mapping[str, Any]] | Columns


def together(parts: Sequence[Rows]) -> Rows:
    """Rows of several, as columns if all of them are, and of the same names."""
    some = [part for part in parts if len(part)]
    names = {tuple(part.values) if isinstance(part, Columns) else () for part in some}
    if len(names) == 1 and () not in names:
        (all_names,) = names
        columns = [part.values for part in some if isinstance(part, Columns)]
        return Columns({name: [value for one in columns for value in one[name]] for name in all_names})
    return [row for part in some for row in part]


def columns_of(rows: Rows) -> Mapping[str, list[Any]]:
    """The union of the rows' columns; what a row lacks is None."""
    if isinstance(rows, Columns):
        return rows.values
    names = dict[str, None]()
    for row in rows:
        names.update(dict.fromkeys(row))
    return {name: [row.get(name) for row in rows] for name in names}
