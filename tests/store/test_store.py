"""The store keeps what was committed, whole, whoever else is at it."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from iop4cli.archive.create import create_archive
from iop4cli.archive.lock import store_lock
from iop4cli.archive.store import Batch, Store, utc_now
from iop4cli.errors import StoreBusy, StoreError


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "iop4.duckdb", lock_timeout_s=60.0)
    made.create()
    return made


@pytest.fixture
def held(store: Store) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the store's lock as a writer does."""
    program = (
        "import sys; from pathlib import Path; from iop4cli.archive.lock import store_lock\n"
        "with store_lock(Path(sys.argv[1]), shared=False, timeout_s=10):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(store.path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None and holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
    finally:
        if holder.poll() is None:
            holder.communicate()


def note(name: str, text: str = "") -> Batch:
    """One row of a table for people, appended."""
    return Batch("note", [{"name": name, "text": text, "who": "x", "time_utc": utc_now()}], append=True)


def commit_notes(path: str, number: int, n_commits: int) -> None:
    """Commit rows one by one, each with a connection of its own, as commands in a pipe do."""
    store = Store(Path(path), lock_timeout_s=300.0)
    for commit in range(n_commits):
        store.write([note(f"{number}-{commit}")])


@pytest.mark.parametrize(("n_processes", "n_commits"), [(4, 10), pytest.param(12, 20, marks=pytest.mark.night)])
def test_processes_that_take_turns_lose_no_row(
    store: Store, n_processes: int, n_commits: int, record_property: Callable[[str, object], None]
) -> None:
    """The test that tells when the pin on DuckDB may be lifted: 2.0.0 lost rows without a lock of our own."""
    spawn = multiprocessing.get_context("spawn")
    processes = [
        spawn.Process(target=commit_notes, args=(str(store.path), number, n_commits)) for number in range(n_processes)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    assert [process.exitcode for process in processes] == [0] * n_processes
    wanted = sorted(f"{number}-{commit}" for number in range(n_processes) for commit in range(n_commits))
    there = sorted(row["name"] for row in store.rows("select name from note"))
    lost = sorted(set(wanted) - set(there))
    kept = f"{len(wanted) - len(lost)} of {len(wanted)} rows of {n_processes} processes are there"
    record_property("told", f"DuckDB {duckdb.__version__}: {kept}")
    assert there == wanted, f"DuckDB {duckdb.__version__} lost {len(lost)} of {len(wanted)} rows: {lost}"


def test_a_busy_store_is_told_at_once_and_names_who_holds_it(store: Store, held: subprocess.Popen[str]) -> None:
    impatient = Store(store.path, lock_timeout_s=0.0)
    started = time.monotonic()
    for ask in (lambda: impatient.rows("select 1"), lambda: impatient.write([note("a")])):
        with pytest.raises(StoreBusy, match=rf"process {held.pid} on "):
            ask()
    assert time.monotonic() - started < 5.0
    held.communicate()
    assert store.rows("select count(*) as n from note") == [{"n": 0}]


def test_a_busy_store_is_exit_code_75_and_nothing_is_lost(tmp_path: Path) -> None:
    layout = create_archive(tmp_path)
    command = [sys.executable, "-m", "iop4cli", "classify", "--archive", str(tmp_path), "--lock-timeout", "0"]
    with store_lock(layout.store, shared=False, timeout_s=1.0):
        busy = subprocess.run(command, capture_output=True, text=True, check=False)
    assert busy.returncode == 75
    assert busy.stdout == ""
    assert f"{layout.store}.lock" in busy.stderr and "process" in busy.stderr
    free = subprocess.run(command, capture_output=True, text=True, check=False)
    assert free.returncode == 0, free.stderr


def test_a_writer_waits_for_its_turn(store: Store, held: subprocess.Popen[str]) -> None:
    held_s = 0.4
    timer = threading.Timer(held_s, held.communicate)
    timer.start()
    started = time.monotonic()
    store.write([note("mine")])
    assert time.monotonic() - started > 0.5 * held_s  # it did have to wait
    timer.join()
    assert store.rows("select name from note") == [{"name": "mine"}]


def test_readers_share_the_store_and_keep_writers_out(store: Store) -> None:
    impatient = Store(store.path, lock_timeout_s=0.0)
    with store_lock(store.path, shared=True, timeout_s=0.0):
        assert impatient.rows("select count(*) as n from note") == [{"n": 0}]
        with pytest.raises(StoreBusy):
            impatient.write([note("a")])
    impatient.write([note("a")])
    assert impatient.rows("select count(*) as n from note") == [{"n": 1}]


def test_a_failed_write_leaves_nothing_of_any_batch(store: Store) -> None:
    row = {"measurement": "a", "reason": "cloud", "who": "x", "time_utc": utc_now()}
    with pytest.raises(StoreError, match="could not write"):
        store.write([note("first"), Batch("flag", [row])], "insert into no_such_table values (1);")
    assert store.rows("select * from note") == []
    assert store.rows("select * from flag") == []
    store.write([note("second")])
    assert [row["name"] for row in store.rows("select name from note")] == ["second"]


def test_a_batch_with_an_unknown_column_changes_nothing(store: Store) -> None:
    store.write([note("first")])
    wrong = Batch("note", [{"name": "second", "colour": "red"}], append=True)
    with pytest.raises(StoreError):
        store.write([note("third"), wrong])
    assert [row["name"] for row in store.rows("select name from note")] == ["first"]


def test_batches_and_script_are_one_transaction(store: Store) -> None:
    """The script sees the batches' rows, and nobody sees the one without the other."""
    script = "insert into note select name || ' seen', null, null, null from note;"
    store.write([note("first")], script)
    names = [row["name"] for row in store.rows("select name from note order by name")]
    assert names == ["first", "first seen"]


def test_rows_of_a_scope_are_replaced_whole_even_by_nothing(store: Store) -> None:
    def detections(frame: str, n_stars: int) -> list[dict[str, Any]]:
        return [{"frame": frame, "x_px": float(i), "y_px": 1.0, "flux_e": 1.0} for i in range(n_stars)]

    def counts() -> dict[str, int]:
        rows = store.rows("select frame, count(*) as n from detection group by frame")
        return {row["frame"]: row["n"] for row in rows}

    store.write([Batch("detection", detections("a", 3) + detections("b", 2), "frame", ["a", "b"])])
    store.write([Batch("detection", detections("a", 1), "frame", ["a"])])
    assert counts() == {"a": 1, "b": 2}
    store.write([Batch("detection", [], "frame", ["b"])])
    assert counts() == {"a": 1}


def test_what_is_not_known_is_null_and_never_nan(store: Store) -> None:
    rows = [{"frame": name, "x_px": value, "bits": 1} for name, value in
            (("nan", math.nan), ("none", None), ("zero", 0.0))]  # fmt: skip
    store.write([Batch("detection", rows, "frame", ["nan", "none", "zero"])])
    found = {row["frame"]: row["x_px"] for row in store.rows("select frame, x_px from detection")}
    assert found == {"nan": None, "none": None, "zero": 0.0}
    assert store.rows("select count(*) as n from detection where isnan(x_px)") == [{"n": 0}]


def test_numpy_values_keep_their_value_and_nan_becomes_null(store: Store) -> None:
    import numpy as np

    row = {"frame": "a", "x_px": np.float32("nan"), "y_px": np.float64(0.1), "bits": np.int64(7)}
    store.write([Batch("detection", [row], "frame", ["a"])])
    assert store.rows("select x_px, y_px, bits from detection") == [{"x_px": None, "y_px": 0.1, "bits": 7}]


@pytest.mark.parametrize("text", ["it's", "'; drop table note; --", 'a "b" c', "a\nb", "λ 1μ", "100 %", "\\"])
def test_any_text_comes_back_as_it_went_in(store: Store, text: str) -> None:
    store.write([note(text, text)])
    assert store.rows("select name, text from note") == [{"name": text, "text": text}]
    assert store.rows("select name from note where name = ?", [text]) == [{"name": text}]
    store.write([Batch("detection", [{"frame": text}], "frame", [text])])
    store.write([Batch("detection", [], "frame", [text])])
    assert store.rows("select * from detection") == []


def test_a_query_is_a_polars_frame(store: Store) -> None:
    store.write([note("a"), note("b")])
    frame = store.query("select name from note where name > ? order by name", ["a"])
    assert isinstance(frame, pl.DataFrame)
    assert frame.to_dicts() == [{"name": "b"}]


def test_a_store_that_is_missing_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="iop4 init"):
        Store(tmp_path / "iop4.duckdb").rows("select 1")


def test_a_database_held_open_by_another_program_is_told(store: Store) -> None:
    """The duckdb shell knows nothing of our lock; DuckDB's own keeps it and us apart."""
    program = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    shell = subprocess.Popen(
        [sys.executable, "-c", program, str(store.path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert shell.stdout is not None and shell.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match="another program"):
            store.rows("select 1")
    finally:
        shell.communicate()


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[float], None]]:
    """Ctrl-C so many seconds from now, as it comes to the main thread, in which tests run."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timers = []

    def after(seconds: float) -> None:
        timers.append(threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)))
        timers[-1].start()

    yield after
    for timer in timers:
        timer.join()
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("asked", ["rows", "ask", "selected"])
def test_a_signal_ends_a_long_question_and_leaves_the_store_to_the_next(
    store: Store, ctrl_c: Callable[[float], None], asked: str
) -> None:
    """The question would take minutes; what follows it in the same process must not wait for ever."""
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        ctrl_c(0.3)
        getattr(store, asked)("select count(*) as n from range(1000000) a, range(1000000) b where a.range < b.range")
    assert time.monotonic() - start < 10.0
    store.write([note("a")])
    assert store.rows("select count(*) as n from note") == [{"n": 1}]


def test_a_signal_during_a_change_is_told_when_the_change_is_whole(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    import iop4cli.archive.store as module

    def interrupted(*given: object) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        return staged(*given)

    staged, before = module._staged, signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(module, "_staged", interrupted)
            store.write([note("a")])
    finally:
        signal.signal(signal.SIGINT, before)
    assert store.rows("select count(*) as n from note") == [{"n": 1}]


def test_within_one_look_nothing_is_written(store: Store) -> None:
    with pytest.raises(RuntimeError, match="held open for reading"), store.reading():
        store.write([])
    store.write([])


def test_threads_of_one_process_ask_at_the_same_time(store: Store) -> None:
    """They share what DuckDB has open, its settings too, whichever was first."""
    store.write([note("a")])
    other = Store(store.path)
    found: list[object] = []
    with store.reading():
        for ask in (lambda: other.rows("select name from note"), lambda: other.ask("select name from note").rows):
            thread = threading.Thread(target=lambda ask=ask: found.append(ask()))
            thread.start()
            thread.join()
        found.append(store.rows("select name from note"))
    assert found == [[{"name": "a"}], [("a",)], [{"name": "a"}]]
