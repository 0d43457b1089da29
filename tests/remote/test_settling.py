"""A file is taken when it is whole and at rest."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from iop4cli.remote.settling import SettlingFiles


class Clock:
    """A clock that is set by hand."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    path = tmp_path / "source.fits"
    fits.PrimaryHDU(np.arange(5000, dtype=np.int16).reshape(50, 100)).writeto(path)
    return path.read_bytes()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_whole_file_is_taken_when_it_has_rested_a_moment(tmp_path: Path, content: bytes, clock: Clock) -> None:
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    files = SettlingFiles(10.0, 0.25, clock)
    assert files.look([path]) == ([], [path])
    clock.now_s += 0.2
    assert files.look([path]) == ([], [path])
    clock.now_s += 0.1
    assert files.look([path]) == ([path], [])
    assert files.look([path]) == ([], [])


def test_no_part_of_a_file_is_taken_for_it(tmp_path: Path, content: bytes, clock: Clock) -> None:
    """Whatever its length: it may rest for a while between two pieces."""
    path = tmp_path / "a.fits"
    files = SettlingFiles(10.0, clock=clock)
    for length in (0, 1, 79, 2879, 2880, 2881, 5760, len(content) - 2880, len(content) - 1):
        path.write_bytes(content[:length])
        for _ in range(3):
            assert files.look([path]) == ([], [path])
            clock.now_s += 3.0
    path.write_bytes(content)
    files.look([path])
    clock.now_s += 0.3
    assert files.look([path]) == ([path], [])


def test_what_stays_broken_is_handed_over_once_and_again_when_it_changes(
    tmp_path: Path, content: bytes, clock: Clock
) -> None:
    path = tmp_path / "notes.fit"
    path.write_text("clouds")
    files = SettlingFiles(10.0, clock=clock)
    assert files.look([path]) == ([], [path])
    clock.now_s += 9.9
    assert files.look([path]) == ([], [path])
    clock.now_s += 0.2
    assert files.look([path]) == ([path], [])
    assert files.look([path]) == ([], [])
    path.write_bytes(content)
    assert files.look([path]) == ([], [path])
    clock.now_s += 0.3
    assert files.look([path]) == ([path], [])


def test_a_compressed_file_is_whole_when_its_content_is(tmp_path: Path, content: bytes, clock: Clock) -> None:
    packed = gzip.compress(content)
    path = tmp_path / "a.fits.gz"
    files = SettlingFiles(10.0, clock=clock)
    path.write_bytes(packed[: len(packed) // 2])
    files.look([path])
    assert files.look([path]) == ([], [path])
    path.write_bytes(packed)
    files.look([path])
    clock.now_s += 0.3
    assert files.look([path]) == ([path], [])


def test_what_was_there_before_is_known_unless_it_is_new(tmp_path: Path, content: bytes, clock: Clock) -> None:
    old, new = tmp_path / "old.fits", tmp_path / "new.fits"
    for path in (old, new):
        path.write_bytes(content)
    os.utime(old, (1.6e9, 1.6e9))
    files = SettlingFiles(10.0, clock=clock)
    files.know([old, new])
    files.look([old, new])
    clock.now_s += 0.3
    assert files.look([old, new]) == ([new], [])


def test_a_file_that_vanishes_is_forgotten(tmp_path: Path, content: bytes, clock: Clock) -> None:
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    files = SettlingFiles(10.0, clock=clock)
    files.look([path])
    path.unlink()
    assert files.look([path]) == ([], [])
