"""What steps did before, and which of their files are there, as a plan asks for it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from iop4cli.pipeline.step import DONE

if TYPE_CHECKING:
    from iop4cli.pipeline.step import Job
    from iop4cli.pipeline.view import Row


class Items:
    """Rows of the table `item` with name, key, parts, status, reason and notes, read step by step."""

    def __init__(self, read: Callable[[str], list[Row]]) -> None:
        self._read = read
        self._steps: dict[str, dict[str, Row]] = {}

    def of(self, step: str) -> dict[str, Row]:
        """Those of one step, by item."""
        if step not in self._steps:
            self._steps[step] = {row["name"]: row for row in self._read(step)}
        return self._steps[step]

    def with_done(self, jobs: Sequence[Job]) -> Items:
        """The same, as if these jobs had been done."""
        after = Items(self._read)
        after._steps = self._steps | {
            step: self.of(step) | {job.item: done_row(job) for job in jobs if job.step == step}
            for step in {job.step for job in jobs}
        }
        return after

    def get(self, step: str, item: str) -> Row | None:
        return self.of(step).get(item)


def done_row(job: Job) -> Row:
    """What will be known of an item when its job is done."""
    return {
        "name": job.item, "key": job.key, "status": DONE, "reason": "", "parts": json.dumps(dict(job.parts)),
        "notes": None,
    }  # fmt: skip


class Folders:
    """The files below a folder, each folder in it read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._names: dict[str, frozenset[str]] = {}

    def has(self, path: str) -> bool:
        """Whether a file, named from the root on, is there; a link to a disk that is not there now is none."""
        folder, _, name = path.rpartition("/")
        if folder not in self._names:
            try:
                with os.scandir(self.root / folder) as entries:
                    self._names[folder] = frozenset(entry.name for entry in entries if entry.is_file())
            except OSError:
                self._names[folder] = frozenset()
        return name in self._names[folder]
