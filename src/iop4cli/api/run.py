"""What became of a run of steps."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Row:
    """One item of one step; `status` is done, current (up to date), failed, impossible, blocked, due or retired.

    `news` is False for what an earlier run found already.
    """

    step: str
    name: str
    status: str
    reason: str
    news: bool = True


@dataclass(frozen=True)
class Run:
    """What became of each item, in the order in which they ended; `id` is what `iop4 log --run` takes.

    `exit_code` is that of the command: 0 done or nothing due, 1 all that was due failed, 3 some of it. What earlier
    runs could not do is in the rows and does not count.
    """

    id: str
    rows: tuple[Row, ...]
    exit_code: int
    dry_run: bool = False

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong that had not before."""
        return self.exit_code == 0

    @property
    def done(self) -> tuple[Row, ...]:
        return self._of("done")

    @property
    def current(self) -> tuple[Row, ...]:
        """What was up to date."""
        return self._of("current")

    @property
    def due(self) -> tuple[Row, ...]:
        """What a dry run found to do."""
        return self._of("due")

    @property
    def failed(self) -> tuple[Row, ...]:
        return self._of("failed")

    @property
    def impossible(self) -> tuple[Row, ...]:
        return self._of("impossible")

    @property
    def blocked(self) -> tuple[Row, ...]:
        """What an earlier step has made nothing of."""
        return self._of("blocked")

    def frame(self) -> pl.DataFrame:
        """The rows as a polars frame."""
        import polars

        kinds = {"bool": polars.Boolean, "str": polars.String}
        return polars.DataFrame(
            [asdict(row) for row in self.rows], schema={field.name: kinds[str(field.type)] for field in fields(Row)}
        )

    def _of(self, status: str) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.status == status)
