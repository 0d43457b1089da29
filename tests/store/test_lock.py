"""Whose turn it is at the store: nobody starves, nobody waits for itself, and messages name who is there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from iop4cli.archive.lock import store_lock
from iop4cli.archive.lock_holders import holder
from iop4cli.errors import StoreBusy

_HOLD = (
    "import sys; from pathlib import Path; from iop4cli.archive.lock import store_lock\n"
    "with store_lock(Path(sys.argv[1]), shared=sys.argv[2] == 'reads', timeout_s=10):\n"
    "    print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "iop4.duckdb"


@contextmanager
def another(store: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", _HOLD, str(store), how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_writer_does_not_starve_behind_readers_who_overlap(store: Path) -> None:
    """Eight readers, each with a pause of nothing: there is no moment without one unless they let somebody through."""
    reading_s, n_readers, n_writes = 0.05, 8, 10
    over = threading.Event()
    n_read = [0]

    def read() -> None:
        while not over.is_set():
            with store_lock(store, shared=True, timeout_s=60.0):
                time.sleep(reading_s)
                n_read[0] += 1

    readers = [threading.Thread(target=read) for _ in range(n_readers)]
    for reader in readers:
        reader.start()
    try:
        waits = []
        for _ in range(n_writes):
            start = time.monotonic()
            with store_lock(store, shared=False, timeout_s=60.0):
                waits.append(time.monotonic() - start)
    finally:
        over.set()
        for reader in readers:
            reader.join()
    # Before it stand at most those who read, once each, and who came to the turnstile at the same moment.
    assert max(waits) < 3 * n_readers * reading_s + 1.0, waits
    assert n_read[0] >= n_readers


def test_who_reads_may_look_again_while_a_writer_waits_for_it(store: Path) -> None:
    got = threading.Event()

    def write() -> None:
        with store_lock(store, shared=False, timeout_s=30.0):
            got.set()

    with store_lock(store, shared=True, timeout_s=1.0):
        writer = threading.Thread(target=write)
        writer.start()
        time.sleep(0.3)  # it stands in the turnstile
        with store_lock(store, shared=True, timeout_s=0.0):
            assert not got.is_set()
    writer.join()
    assert got.is_set()


def test_behind_a_writer_who_waits_nobody_overtakes(store: Path) -> None:
    with another(store, "reads") as reader:
        writer = threading.Thread(target=_written, args=(store,))
        writer.start()
        time.sleep(0.3)
        with pytest.raises(StoreBusy, match=rf"a reader, process {reader.pid} "), _reading(store):
            pass
        assert reader.stdin is not None
        reader.stdin.close()
        writer.join()
        with _reading(store):
            pass


def _written(store: Path) -> None:
    with store_lock(store, shared=False, timeout_s=30.0):
        pass


@contextmanager
def _reading(store: Path) -> Iterator[None]:
    with store_lock(store, shared=True, timeout_s=0.0):
        yield


def test_a_reader_is_named_as_a_reader(store: Path) -> None:
    with (
        another(store, "reads"),
        pytest.raises(StoreBusy, match="a reader"),
        store_lock(store, shared=False, timeout_s=0),
    ):
        pass


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="the kernel does not tell who holds a lock")
def test_who_was_killed_while_it_wrote_is_not_named_as_the_holder(store: Path) -> None:
    with another(store, "writes") as dead:
        assert f"process {dead.pid} on" in holder(store.with_name("iop4.duckdb.lock"))
        dead.send_signal(signal.SIGKILL)
        dead.wait()
    said = store.with_name("iop4.duckdb.lock").read_text()
    assert f"process {dead.pid} on" in said  # it had no time to take its name away
    with another(store, "reads") as reader:
        with pytest.raises(StoreBusy) as busy, store_lock(store, shared=False, timeout_s=0.0):
            pass
        assert f"process {dead.pid} " not in str(busy.value)
        assert f"a reader, process {reader.pid} " in str(busy.value)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the kernel does not tell who is suspended")
def test_a_holder_that_was_suspended_is_told_to_be(store: Path) -> None:
    with another(store, "writes") as process:
        os.kill(process.pid, signal.SIGSTOP)
        deadline = time.monotonic() + 5.0
        while "suspended" not in holder(store.with_name("iop4.duckdb.lock")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGCONT)


def test_the_name_goes_with_the_lock(store: Path) -> None:
    with store_lock(store, shared=False, timeout_s=1.0):
        assert f"process {os.getpid()} on" in store.with_name("iop4.duckdb.lock").read_text()
    assert store.with_name("iop4.duckdb.lock").read_text() == ""
