"""Which files are complete: whole by their own account, and no longer changing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from iop4cli.errors import BadFrame
from iop4cli.remote.verify import check_whole

Signature = tuple[int, int]


@dataclass
class _Seen:
    """A file as it was at the last look: size and time of change, since when, and whether it was handed over so."""

    signature: Signature
    since_s: float
    settled: bool = False


@dataclass
class SettlingFiles:
    """Looks at files again and again, and tells which have come to rest.

    A FITS file that is as long as its headers say and unchanged for `rest_s` is complete. One that is not (cut, or no
    FITS file at all) may still be growing: it is taken when nothing changed for `patience_s`, so that what is wrong
    with it is said. A file that changes later comes again.
    """

    patience_s: float = 10.0
    rest_s: float = 0.25
    clock: Callable[[], float] = time.monotonic
    _seen: dict[Path, _Seen] = field(default_factory=dict)

    def know(self, paths: Iterable[Path]) -> None:
        """These are settled as they are now if they have not been touched for a while; the rest is to be looked at."""
        oldest_ns = time.time_ns() - int(self.patience_s * 1e9)
        for path in paths:
            signature = _signature(path)
            if signature is not None and signature[1] < oldest_ns:
                self._seen[path] = _Seen(signature, self.clock(), True)

    def look(self, paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
        """(settled since the last look, not settled yet) of these files; those that are gone are forgotten."""
        settled, growing = [], []
        for path in paths:
            signature = _signature(path)
            if signature is None:
                self._seen.pop(path, None)
                continue
            seen = self._seen.get(path)
            if seen is None or seen.signature != signature:
                self._seen[path] = _Seen(signature, self.clock())
                growing.append(path)
            elif not seen.settled:
                rested_s = self.clock() - seen.since_s
                if rested_s >= self.patience_s or (rested_s >= self.rest_s and _is_whole(path)):
                    seen.settled = True
                    settled.append(path)
                else:
                    growing.append(path)
        return settled, growing


def _signature(path: Path) -> Signature | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _is_whole(path: Path) -> bool:
    try:
        check_whole(path, path.name)
    except (BadFrame, OSError):
        return False
    return True
