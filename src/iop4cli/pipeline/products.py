"""Files of masters and reduced frames: how they come to their place, and what is recorded of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from iop4cli.archive.layout import Layout
from iop4cli.archive.people import quoted
from iop4cli.pipeline.step import Outcome


def place(outcomes: Iterable[Outcome]) -> None:
    """Give their files their final names."""
    from iop4cli.frames.fits import put_all_in_place

    put_all_in_place([files for outcome in outcomes for files in outcome.files])


def throw_away(outcomes: Iterable[Outcome]) -> None:
    """Remove files that did not come to their place."""
    for outcome in outcomes:
        for temporary, _ in _written(outcome):
            temporary.unlink(missing_ok=True)


def product_rows(layout: Layout, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """What is to be recorded of the files, for the table `product`."""
    return [
        {"path": layout.relative(final), "step": outcome.step, "item": outcome.item, "size_bytes": state.size_bytes,
         "mtime_ns": state.mtime_ns, "checksum": state.sha256}
        for outcome in outcomes
        for (_, final), state in zip(_written(outcome), outcome.states, strict=True)
    ]  # fmt: skip


def forget_products(layout: Layout, gone: Iterable[Path]) -> str:
    """SQL for files that are to be removed."""
    paths = ", ".join(quoted(layout.relative(path)) for path in sorted(gone))
    return f"delete from product where path in ({paths});" if paths else ""


def _written(outcome: Outcome) -> Iterator[tuple[Path, Path]]:
    """A judgement of a master names the file that stays as it is."""
    return ((temporary, final) for temporary, final in outcome.files if temporary != final)
