"""A disk without space left, told so that somebody can do something about it."""

from __future__ import annotations

import errno
import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iop4cli.errors import Iop4Error

_FULL = {errno.ENOSPC, errno.EDQUOT}
# Libraries say it in their own words.
_SAID = re.compile(r"No space left on device|Disk quota exceeded|\d+ requested and \d+ written")


class DiskFull(Iop4Error):
    """There is no space for a file: nothing is wrong with what was to be written."""


def is_full(error: BaseException) -> bool:
    """Whether an error of the system, or of a library that hides one, means a full disk."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _FULL
    return _SAID.search(str(error)) is not None


def disk_full(path: Path, needed_bytes: int = 0) -> DiskFull:
    """The error that says which disk is full; `path` is the file or folder that was written to."""
    wanted = f"free {math.ceil(needed_bytes / 1e6)} MB" if needed_bytes else "free some space"
    return DiskFull(f"no space left on {_disk_of(path)} for {path}: {wanted} and run again")


@contextmanager
def told_if_full(path: Path, needed_bytes: int = 0) -> Iterator[None]:
    """Errors of a full disk become one that says so."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise disk_full(path, needed_bytes) from error
        raise


def _disk_of(path: Path) -> Path:
    """Where the disk is mounted."""
    place = path.absolute()
    while not os.path.ismount(place) and place != place.parent:
        place = place.parent
    return place
