"""Masters and the word of people on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from iop4cli.api.archive import Archive


class Masters:
    """The masters of an archive; what is said of them counts from the next `mkmaster` or `run` on."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def list(self) -> pl.DataFrame:
        """All masters, in time, with their statistics, whether they are accepted, and why not."""
        from iop4cli.archive.listings import MASTERS

        columns = ", ".join(MASTERS.columns)
        return self._archive.opened().store.frame(f"select {columns} from {MASTERS.table} order by night, name")

    def accept(self, *names: str) -> tuple[str, ...]:
        """Use these masters, whatever their comparison says; returns their names."""
        from iop4cli.pipeline.said import ACCEPT

        return self._say(ACCEPT, names)

    def reject(self, *names: str) -> tuple[str, ...]:
        """Do not use these masters."""
        from iop4cli.pipeline.said import REJECT

        return self._say(REJECT, names)

    def unsay(self, *names: str) -> tuple[str, ...]:
        """Take back what was said of these masters."""
        from iop4cli.pipeline.said import UNSAY

        return self._say(UNSAY, names)

    def _say(self, word: str, names: tuple[str, ...]) -> tuple[str, ...]:
        from iop4cli.pipeline.said import judge_masters

        opened = self._archive.opened()
        return tuple(judge_masters(opened.store, opened.surroundings().registry, {word: names}))
