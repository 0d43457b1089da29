"""Files made to last through a power cut while the program goes on."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from iop4cli.frames.fits import sync
from iop4cli.full_disk import told_if_full

# A disk that has several at a time orders their blocks; more would only wait for it.
_THREADS = 4


class Syncing:
    """Files that threads of its own sync, each from the moment when it was finished."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sync")
        self._begun: dict[Path, Future[None]] = {}

    def begin(self, files: Iterable[Path]) -> None:
        for file in files:
            if file not in self._begun:
                self._begun[file] = self._threads.submit(_synced, file)

    def wait(self, files: Iterable[Path]) -> None:
        """Until these, all of them begun, are on disk; an error of one (a full disk) is raised here."""
        for file in files:
            self._begun[file].result()

    def forget(self, files: Iterable[Path]) -> None:
        """Those that have other names now."""
        for file in files:
            self._begun.pop(file, None)


def _synced(file: Path) -> None:
    with told_if_full(file.parent, file.stat().st_size):
        sync(file)
