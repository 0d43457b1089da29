"""SIGKILL while frames are being fetched: nothing lost, nothing half there, none twice."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from nights import EPOCH, Here, make_night
from servers import House

KILLS = 20
MiB = 1 << 20


def frames_of(contents: dict[str, bytes]) -> dict[str, bytes]:
    """Those that a later step would take for frames: all but hidden files."""
    return {name: content for name, content in contents.items() if not name.startswith(".")}


@pytest.mark.night
@pytest.mark.parametrize("house", ["ftp", "sftp"], indirect=True)
def test_killed_twenty_times_and_run_again_all_is_there_once(house: House, served: Path, tmp_path: Path) -> None:
    large = {f"BLLac-{number:04d}R.fit": 4 * MiB + 1000 * number for number in range(20)}
    small = {f"Flat-{number:04d}R.fit": 5000 + number for number in range(40)}
    contents = make_night(served, large | small)
    house.faults.bytes_per_s = 8 * MiB
    here = Here.made(tmp_path / "archive", house)
    moments, printed = random.Random(20220908), Counter[str]()
    whole_after_kill = []
    for kill in range(KILLS):
        begun = len(house.faults.began_at)
        process = here.started("220908")
        while len(house.faults.began_at) == begun and process.poll() is None:
            time.sleep(0.005)
        time.sleep(moments.uniform(0.0, 0.5))
        process.kill()
        out, _ = process.communicate()
        assert process.returncode == -signal.SIGKILL, f"kill {kill} came when all was done: make the night larger"
        printed.update(out.splitlines())
        there = frames_of(here.night())
        assert there.items() <= contents.items(), f"half a frame after kill {kill}"
        whole_after_kill.append(len(there))
    assert 0 < whole_after_kill[-1] < len(contents), whole_after_kill
    house.faults.bytes_per_s = 0
    last = here.fetch("220908")
    assert last.returncode == 0, last.stderr
    assert here.night() == contents  # no temporary file is left either
    printed.update(last.stdout.splitlines())
    # A name may be lost with the process that was to print it, but none is said twice.
    assert set(printed.values()) == {1} and set(printed) <= {f"{EPOCH}/{name}" for name in contents}
    offsets = [offset for _, offset in house.faults.began_at]
    assert any(offset > 0 for offset in offsets)
    assert Counter(name for name, _ in house.faults.began_at).most_common(1)[0][1] <= KILLS + 1


@pytest.mark.night
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("house", ["ftp", "sftp", "http"], indirect=True)
def test_a_polite_end_comes_at_once_and_is_taken_up(
    house: House, served: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    contents = make_night(served, {f"BLLac-{number:04d}R.fit": 8 * MiB for number in range(6)})
    house.faults.bytes_per_s = 2 * MiB
    here = Here.made(tmp_path / "archive", house)
    process = here.started("220908")
    while not house.faults.began_at and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(number)
    began_s = time.monotonic()
    _, words = process.communicate()
    assert (process.returncode, time.monotonic() - began_s < 5.0) == (code, True), words
    assert "Traceback" not in words
    house.faults.bytes_per_s = 0
    assert here.fetch("220908").returncode == 0
    assert here.night() == contents
