"""Frames that come while one looks again and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from iop4cli.pipeline import arrivals
from iop4cli.pipeline.arrivals import Arrivals, Underway

EPOCH = "OSN-T090/2022-09-08"


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    (tmp_path / EPOCH).mkdir(parents=True)
    return tmp_path


@pytest.fixture
def every_file_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """After how many seconds all files are looked at again."""
    return lambda seconds: monkeypatch.setattr(arrivals, "_FILES_EVERY_S", seconds)


def looked_until(seen: Arrivals, name: str) -> None:
    """Ends when a frame is complete."""
    latest_s = time.monotonic() + 20.0
    while name not in seen.look()[0]:
        assert time.monotonic() < latest_s


def write(path: Path, value: float) -> None:
    fits.PrimaryHDU(np.full((4, 4), value, np.float32)).writeto(path, overwrite=True)


def test_a_new_frame_is_seen_without_a_look_at_all_others(raw: Path, every_file_after: Callable[[float], None]) -> None:
    every_file_after(1e9)
    seen = Arrivals(raw, None, 10.0)
    assert seen.look() == ([], frozenset())
    for number in (1, 2):
        write(raw / EPOCH / f"a{number}.fit", 1.0)
        assert seen.look() == ([], frozenset({f"{EPOCH}/a{number}.fit"}))
        looked_until(seen, f"{EPOCH}/a{number}.fit")


def test_a_night_that_begins_is_seen(raw: Path, every_file_after: Callable[[float], None]) -> None:
    every_file_after(1e9)
    seen = Arrivals(raw, None, 10.0)
    seen.look()
    (raw / "OSN-T150/2022-09-08").mkdir(parents=True)
    write(raw / "OSN-T150/2022-09-08/a.fit", 1.0)
    looked_until(seen, "OSN-T150/2022-09-08/a.fit")


def test_a_frame_that_changes_in_its_place_comes_again(raw: Path, every_file_after: Callable[[float], None]) -> None:
    seen = Arrivals(raw, None, 10.0)
    path = raw / EPOCH / "a.fit"
    write(path, 1.0)
    looked_until(seen, f"{EPOCH}/a.fit")
    every_file_after(0.0)
    with path.open("r+b") as file:
        file.seek(2880)
        file.write(b"\0" * 4)
    looked_until(seen, f"{EPOCH}/a.fit")


def test_what_came_since_the_last_look_waits_for_the_next_one() -> None:
    """A plan reads the folders itself: what it finds there and no look has found may be half a file."""
    underway = Underway(frozenset({"T/N/growing.fit"}), {"T/N/came.fit": 1.0})
    known = {"T/N/classified.fit": {}}
    left_alone = [name for name in ("growing", "came", "new", "classified") if
                  underway.leaves_alone(f"T/N/{name}.fit", known)]  # fmt: skip
    assert left_alone == ["growing", "new"]
