"""DuckDB's own command line on the store, for as long as we hold our lock."""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from iop4cli.archive.lock import store_lock
from iop4cli.archive.store import Store
from iop4cli.errors import UsageError

PROGRAM = "duckdb"
_DIED_BY_SIGNAL = 128


def run_shell(store: Store, *, write: bool) -> int:
    """Run it and return its exit code (128 and the number of a signal that ended it).

    Readers share the lock; with `write` nobody else has the store until the shell ends.
    """
    if not store.is_file:
        raise UsageError(
            f"--shell opens the archive's file, which the server at {store.door.where} holds: "
            "ask it with `iop4 sql QUERY`, or leave --db out when the server has ended"
        )
    program = shutil.which(PROGRAM)
    if program is None:
        raise UsageError(
            f"--shell needs the program {PROGRAM}, which is not installed here (https://duckdb.org/install); "
            "iop4 sql QUERY needs nothing else"
        )
    store.rows("select 1")  # its schema is this program's, or is brought up to date
    how = [] if write else ["-readonly"]
    with (
        store_lock(store.path, shared=not write, timeout_s=store.lock_timeout_s),
        _interrupts_are_the_shells(),
        subprocess.Popen([program, *how, str(store.path)]) as process,
    ):
        try:
            code = process.wait()
        except BaseException:
            process.terminate()
            raise
    return code if code >= 0 else _DIED_BY_SIGNAL - code


@contextmanager
def _interrupts_are_the_shells() -> Iterator[None]:
    """Ctrl-C goes to the shell, which stops its query and stays; we wait for it.

    By a handler, not by SIG_IGN, which the shell would inherit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
