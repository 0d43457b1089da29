"""Files of masters and reduced frames: how they come to their place, and what is recorded of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iop4cli.archive.layout import Layout
from iop4cli.archive.people import quoted
from iop4cli.pipeline.step import Outcome

if TYPE_CHECKING:
    from iop4cli.frames.syncing import Syncing


class Placing:
    """Files of outcomes on their way to their final names: each is on disk, whole, before it gets it."""

    def __init__(self) -> None:
        self._syncing: Syncing | None = None

    def begin(self, outcome: Outcome) -> None:
        """Let the disk write them while other jobs are waited for."""
        if outcome.files and self._syncing is None:
            from iop4cli.frames.syncing import Syncing

            self._syncing = Syncing()
        if self._syncing is not None:
            self._syncing.begin(_temporaries(outcome))

    def place(self, outcomes: Sequence[Outcome]) -> None:
        """Give the files of these, all of them begun, their final names; again, if somebody interrupts it."""
        if self._syncing is None:
            return
        from iop4cli.frames.fits import put_all_in_place

        self._syncing.wait(temporary for outcome in outcomes for temporary in _temporaries(outcome))
        put_all_in_place([files for outcome in outcomes for files in outcome.files])

    def forget(self, outcomes: Sequence[Outcome]) -> None:
        if self._syncing is not None:
            self._syncing.forget(temporary for outcome in outcomes for temporary in _temporaries(outcome))


def throw_away(outcomes: Iterable[Outcome]) -> None:
    """Remove files that did not come to their place."""
    for outcome in outcomes:
        for temporary in _temporaries(outcome):
            temporary.unlink(missing_ok=True)


def product_rows(layout: Layout, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """What is to be recorded of the files, for the table `product`."""
    return [
        {"path": layout.relative(final), "step": outcome.step, "item": outcome.item, "size_bytes": state.size_bytes,
         "mtime_ns": state.mtime_ns, "checksum": state.checksum}
        for outcome in outcomes
        for (_, final), state in zip(_written(outcome), outcome.states, strict=True)
    ]  # fmt: skip


def forget_products(layout: Layout, gone: Iterable[Path]) -> str:
    """SQL for files that are to be removed."""
    paths = ", ".join(quoted(layout.relative(path)) for path in sorted(gone))
    return f"delete from product where path in ({paths});" if paths else ""


def _temporaries(outcome: Outcome) -> Iterator[Path]:
    return (temporary for temporary, _ in _written(outcome))


def _written(outcome: Outcome) -> Iterator[tuple[Path, Path]]:
    """A judgement of a master names the file that stays as it is."""
    return ((temporary, final) for temporary, final in outcome.files if temporary != final)
