"""One lock for the store, held from before the database is opened until after it is closed.

DuckDB lets a single process write and then nobody else read; taking turns by connect-and-retry has
lost rows (DuckDB 2.0.0 reads the file header before it takes its own lock), so turns are taken here.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from iop4cli.errors import StoreBusy

_FIRST_WAIT_S = 0.002
_LONGEST_WAIT_S = 0.05


@contextlib.contextmanager
def store_lock(store: Path, *, shared: bool, timeout_s: float) -> Iterator[None]:
    """Hold the store's flock; raise StoreBusy, naming the holder, if it is not to be had in `timeout_s`."""
    path = store.with_name(store.name + ".lock")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except (PermissionError, OSError) as error:
        if not shared or not isinstance(error, PermissionError):
            raise
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _take(descriptor, path, shared, timeout_s)
        if not shared:
            _sign(descriptor)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, shared: bool, timeout_s: float) -> None:
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    deadline = time.monotonic() + timeout_s
    wait_s = _FIRST_WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise StoreBusy(
                    f"the store is busy: {path} has been held for {timeout_s:g} s by {_holder(path)}. "
                    "Nothing was lost; try again, or wait longer with --lock-timeout."
                ) from None
        time.sleep(min(wait_s, max(deadline - time.monotonic(), 0.0)))
        wait_s = min(wait_s * 1.5, _LONGEST_WAIT_S)


def _sign(descriptor: int) -> None:
    """Leave a note of who holds the lock; readers of the note know that it may be a moment old."""
    text = f"process {os.getpid()} on {socket.gethostname()}\n".encode()
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text, 0)


def _holder(path: Path) -> str:
    try:
        return path.read_text().strip() or "a reader"
    except OSError:
        return "another process"
