"""What kind of values a column of a table has, so that one that is all NULL has its type all the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from iop4cli.archive.columns import RESULTS, Column
from iop4cli.archive.store import Answer

Kind = Literal["text", "whole", "real", "truth"]

_TEXT = frozenset((
    "id", "source", "telescope", "instrument", "night", "mode", "band", "quality_text", "flags", "calibration",
    "method", "version", "mag_reason", "origin", "host_reason", "correction_notes", "photometric_system",
))  # fmt: skip
_WHOLE = frozenset(("n_frames", "n_calibrators", "quality", "dof", "transparency_stars"))


@dataclass(frozen=True)
class TypedColumn:
    """One column: its name, kind, meaning if it is one of results, and values (NULL is None; numbers are finite)."""

    name: str
    kind: Kind
    described: Column | None
    values: list[Any]

    @property
    def unit(self) -> str:
        return self.described.unit if self.described else ""

    @property
    def text(self) -> str:
        return self.described.text if self.described else ""

    @property
    def ucd(self) -> str:
        return self.described.ucd if self.described else ""


def typed_columns(answer: Answer) -> list[TypedColumn]:
    """The columns of a table of results, each of one kind."""
    by_column: Sequence[Sequence[Any]] = list(zip(*answer.rows, strict=True)) or [()] * len(answer.columns)
    return [_typed(name, values) for name, values in zip(answer.columns, by_column, strict=True)]


def kind_of(name: str, values: Sequence[Any]) -> Kind:
    """Of a column of results by its name, of any other by its values."""
    if name in _TEXT:
        return "text"
    if name in _WHOLE:
        return "whole"
    if name in RESULTS:
        return "real"
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool) for value in known):
        return "truth"
    if known and all(isinstance(value, int) and not isinstance(value, bool) for value in known):
        return "whole"
    return "text" if known and not all(isinstance(value, (int, float, Decimal)) for value in known) else "real"


def _typed(name: str, values: Sequence[Any]) -> TypedColumn:
    from iop4cli.export.tables import plain_text

    kind = kind_of(name, values)
    plain: list[Any]
    if kind == "text":
        plain = [value if value is None or isinstance(value, str) else plain_text(value) for value in values]
    elif kind == "real":
        plain = [None if value is None or not math.isfinite(value) else float(value) for value in values]
    else:
        plain = list(values)
    return TypedColumn(name, kind, RESULTS.get(name), plain)
