"""Signals at any moment of a process that reads and writes the store: it ends what it was at, and writes at once again.

DuckDB 1.5 holds a file for ever whose question a signal ended inside it; who is stuck is killed after a while.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from iop4cli.archive.create import create_archive
from iop4cli.archive.store import Store
from tests.soak.faults import Fault, Tried

_STUCK_S = 20.0
_LATEST_S = 0.05


def interrupted(folder: Path, times: int) -> Tried:
    """In a process of its own, which prints how often it was interrupted after each write that followed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.soak.interrupted", str(folder / "archive"), str(times)],
        cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stdout is not None
    said = ["0"]
    reader = threading.Thread(target=lambda: said.extend(process.stdout or ()), daemon=True)
    reader.start()
    n_before, since = 0, time.monotonic()
    while process.poll() is None and time.monotonic() < since + _STUCK_S:
        time.sleep(0.2)
        if len(said) > n_before:
            n_before, since = len(said), time.monotonic()
    lost = []
    if process.poll() is None:
        lost.append(f"stuck after {said[-1].strip()} interruptions")
        process.kill()
    _, errors = process.communicate()
    reader.join()
    if not lost and (process.returncode or int(said[-1]) != times):
        lost.append(f"exit {process.returncode} after {said[-1].strip()} interruptions: {errors[-500:]}")
    return Tried(int(said[-1]), tuple(lost))


def _be_interrupted(root: Path, times: int) -> None:
    store = Store(create_archive(root).store)
    store.rows("select 1")
    chance, expected = random.Random(times), threading.Event()

    def interrupt() -> None:
        while True:
            expected.wait()
            time.sleep(chance.uniform(0.0, _LATEST_S))
            expected.clear()
            os.kill(os.getpid(), chance.choice((signal.SIGINT, signal.SIGTERM)))

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    threading.Thread(target=interrupt, daemon=True).start()
    n = 0
    while n < times:
        try:
            expected.set()
            while True:
                _work(store)
        except KeyboardInterrupt:
            store.write([], "delete from frame;")
            n += 1
            print(n, flush=True)


def _work(store: Store) -> None:
    """A write, questions of one moment, and a long one of a person's own."""
    store.write([], "delete from frame where name = 'x';")
    with store.reading():
        store.tables({"long": "select count(*) from range(100000) t(i), frame", "results": "select * from results"})
        store.rows("select * from item")
    store.ask("select count(*) from range(1000000)")


FAULTS = (Fault("signal in the middle of a question, then a write", 60, 1000, interrupted),)


if __name__ == "__main__":
    _be_interrupted(Path(sys.argv[1]), int(sys.argv[2]))
