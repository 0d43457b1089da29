"""One lock for the store, held from before the database is opened until after it is closed.

DuckDB lets a single process write and then nobody else read; taking turns by connect-and-retry has
lost rows (DuckDB 2.0.0 reads the file header before it takes its own lock), so turns are taken here.

An flock is given to whoever asks at the right moment, and shared ones overlap without end: a writer would starve
behind readers. So everybody passes a turnstile first, one at a time, and stays in it until the lock is theirs:
behind a writer who waits there nobody overtakes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from iop4cli.archive.lock_holders import holder, sign, unsign
from iop4cli.errors import StoreBusy, StoreError

_FIRST_WAIT_S = 0.002
_LONGEST_WAIT_S = 0.05
_READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
# What to ask before a store is locked for writing; it may refuse by an error.
_guards: dict[Path, Callable[[], None]] = {}
# Stores that this thread has open for reading: it may look again while a writer waits for it to end.
_reading = threading.local()


@contextlib.contextmanager
def store_lock(store: Path, *, shared: bool, timeout_s: float) -> Iterator[None]:
    """Hold the store's flock; raise StoreBusy, naming the holder, if it is not to be had in `timeout_s`."""
    if not shared and store in _guards:
        _guards[store]()
    path = store.with_name(store.name + ".lock")
    with contextlib.ExitStack() as held:
        descriptor = _opened(path, shared)
        if descriptor is None:  # a folder that nobody can write to has no writers
            yield
            return
        held.callback(os.close, descriptor)
        deadline = time.monotonic() + timeout_s
        try:
            with contextlib.ExitStack() as turn:
                if not (shared and path in _read_here()):
                    turn.enter_context(_turnstile(path.with_name(store.name + ".turn.lock"), shared, deadline))
                _take(descriptor, shared, deadline)
        except BlockingIOError:
            raise StoreBusy(
                f"the store is busy: {path} has been held for {timeout_s:g} s by {holder(path)}. "
                "Nothing was lost; try again, or wait longer with --lock-timeout."
            ) from None
        if shared:
            _read_here().append(path)
            held.callback(_read_here().remove, path)
        else:
            sign(descriptor)
            held.callback(unsign, descriptor)
        yield


def guard_writing(store: Path, check: Callable[[], None]) -> None:
    """From now on `check` is called before the store is locked for writing: locks mean nothing on some disks."""
    _guards[store] = check


def try_flock(descriptor: int, kind: int, path: Path | None = None) -> bool:
    """Whether the lock was to be had at once; a file system without locks is an error that says so."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        where = f" of {path}" if path is not None else ""
        raise StoreError(
            f"the file system{where} has no locks ({error.strerror}), without which processes overwrite each other: "
            "keep the store on a local disk (`iop4 doctor` says more)"
        ) from error
    return True


def cannot_write(error: OSError) -> bool:
    """Whether a folder or file is for reading only."""
    return error.errno in _READ_ONLY


@contextlib.contextmanager
def _turnstile(path: Path, shared: bool, deadline: float) -> Iterator[None]:
    descriptor = _opened(path, shared)
    if descriptor is None:
        yield
        return
    try:
        try:
            _take(descriptor, False, deadline)
        except OSError as error:
            # Over NFS only who may write can shut others out: readers of a folder that is not theirs do without.
            if error.errno != errno.EBADF:
                raise
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, shared: bool, deadline: float) -> None:
    """BlockingIOError if the lock is not to be had until the deadline."""
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    wait_s = _FIRST_WAIT_S
    while not try_flock(descriptor, kind):
        left_s = deadline - time.monotonic()
        if left_s <= 0.0:
            raise BlockingIOError
        # Not all at the same moment: who began together would else always meet again.
        time.sleep(min(wait_s * random.uniform(0.5, 1.0), left_s))
        wait_s = min(wait_s * 1.5, _LONGEST_WAIT_S)


def _opened(path: Path, shared: bool) -> int | None:
    """The lock's file; None if a reader finds none and cannot make one."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if not shared or not cannot_write(error):
            raise
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def _read_here() -> list[Path]:
    if not hasattr(_reading, "paths"):
        _reading.paths = []
    paths: list[Path] = _reading.paths
    return paths
