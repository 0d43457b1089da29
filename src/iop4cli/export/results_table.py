"""Results as columns, each of one kind, so that one that is all NULL has its type all the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from iop4cli.archive.columns import RESULTS

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["text", "whole", "real"]

_TEXT = frozenset((
    "id", "source", "telescope", "instrument", "night", "mode", "band", "quality_text", "flags", "calibration",
    "method", "version", "mag_reason", "origin", "host_reason", "correction_notes", "photometric_system",
))  # fmt: skip
_WHOLE = frozenset(("n_frames", "n_calibrators", "quality", "dof", "transparency_stars"))
# Of a million rows one part of a file is some 20 MB.
_SLAB_ROWS = 20_000


@dataclass(frozen=True)
class TypedColumn:
    """One column of results: its name, kind, and what it means."""

    name: str

    @property
    def kind(self) -> Kind:
        return "text" if self.name in _TEXT else "whole" if self.name in _WHOLE else "real"

    @property
    def unit(self) -> str:
        return RESULTS[self.name].unit

    @property
    def text(self) -> str:
        return RESULTS[self.name].text

    @property
    def ucd(self) -> str:
        return RESULTS[self.name].ucd


@dataclass(frozen=True)
class ResultsTable:
    """Columns of the view `results`: text is String, whole Int64, real Float64; what is no number is null."""

    frame: pl.DataFrame

    @classmethod
    def of(cls, frame: pl.DataFrame) -> ResultsTable:
        """Of a frame with the types of the store."""
        import polars as pl

        types = {"text": pl.String(), "whole": pl.Int64(), "real": pl.Float64()}
        typed = frame.select(pl.col(name).cast(types[TypedColumn(name).kind]) for name in frame.columns)
        reals = [name for name in frame.columns if TypedColumn(name).kind == "real"]
        finite = (pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in reals)
        return cls(typed.with_columns(finite))

    @cached_property
    def columns(self) -> tuple[TypedColumn, ...]:
        return tuple(map(TypedColumn, self.frame.columns))

    @property
    def n_rows(self) -> int:
        return self.frame.height

    def named(self, kind: Kind) -> list[str]:
        """The columns of a kind."""
        return [column.name for column in self.columns if column.kind == kind]

    def slabs(self) -> Iterator[pl.DataFrame]:
        """The rows, some at a time: what is written of all at once would need several times the memory of the table."""
        if self.n_rows:
            yield from self.frame.iter_slices(_SLAB_ROWS)

    def escaped(self, *, ascii_only: bool = False) -> ResultsTable:
        """The same table with the texts as `text_escapes.escaped` has them."""
        from iop4cli.export.text_escapes import escaped_column

        texts = [escaped_column(self.frame[name], ascii_only=ascii_only) for name in self.named("text")]
        return ResultsTable(self.frame.with_columns(texts))
