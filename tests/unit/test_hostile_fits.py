"""Whatever lies in raw/: a frame, or a row with a reason; never another exception, a hang or a full memory."""

from __future__ import annotations

import os
import random
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iop4cli.errors import BadFrame
from iop4cli.frames.fits import read_reduced, with_new_cards, write_image
from iop4cli.frames.raw import RawRows, read_header, read_raw
from iop4cli.frames.reduced import reduced_header
from iop4cli.instruments.headers import translate
from iop4cli.instruments.registry import Registry
from iop4cli.pipeline.arrivals import is_raw_file, raw_name
from iop4cli.pipeline.step import DONE, FAILED, Job
from iop4cli.pipeline.steps.classify import STEP, checksum
from iop4cli.share import share_dir
from tests.hostile import fits_files as hostile

_MOST_BYTES = 40 << 20
_LONGEST_S = 5.0
_KINDS = sorted(hostile.MAKERS | hostile.ODD)
PROVENANCE = {
    "frame": "OSN-T090/2022-03-10/caf\u00e9.fits", "key": "k", "version": "1", "gain_e_per_adu": 1.0,
    "mjd_utc": 59648.9, "exptime_s": 10.0, "notes": ("\u03b1",),
}  # fmt: skip


@pytest.fixture(scope="module")
def light(module_folder: Callable[[str], Path]) -> hostile.Frame:
    """A frame of 40 x 30 pixels whose header is a real telescope's."""
    from astropy.io import fits

    path = module_folder("light") / "light.fits"
    header = fits.Header()
    for keyword, value in (
        ("TELESCOP", "OSN T90"), ("INSTRUME", "AndorT90"), ("IMAGETYP", "Light Frame"), ("OBJECT", "0716+714"),
        ("FILTER", "R"), ("EXPTIME", 60.0), ("JD", 2459649.41), ("DATE-OBS", "2022-03-10T21:50:24"),
        ("XBINNING", 1), ("YBINNING", 1), ("CTYPE1", "RA---TAN"), ("CRVAL1", 110.0),
    ):  # fmt: skip
        header[keyword] = value
    fits.PrimaryHDU(np.full((30, 40), 400, np.uint16), header).writeto(path)
    return hostile.Frame.read(path)


def classified(path: Path) -> str:
    """The status that classify's work gives a file, which must come with a reason if it failed."""
    payload = {
        "path": str(path), "overrides": {}, "instrument_folders": [], "size": 1, "mtime_ns": 1, "known": None,
        "refused": raw_name(path)[1],
    }  # fmt: skip
    outcome = STEP.work(Job("classify", "OSN-T090/2022-03-10/x.fits", "key", {}, "new", payload))
    [row] = outcome.rows["frame"]
    assert outcome.status in (DONE, FAILED) and row["status"] == outcome.status
    assert (len(outcome.reason) > 10) == (outcome.status == FAILED)
    return outcome.status


@pytest.mark.parametrize("kind", _KINDS)
def test_no_file_does_more_than_fail(kind: str, light: hostile.Frame, tmp_path: Path) -> None:
    path = tmp_path / f"x{hostile.suffix_of(kind)}"
    hostile.make(kind, light, random.Random(kind), path)
    start = time.monotonic()
    tracemalloc.start()
    try:
        classified(path)
        for read in (read_header, read_raw, lambda one: RawRows(one)[slice(0, 2)]):
            try:
                read(path)
            except BadFrame as error:
                assert len(str(error)) > 10
        assert tracemalloc.get_traced_memory()[1] < _MOST_BYTES
    finally:
        tracemalloc.stop()
    assert time.monotonic() - start < _LONGEST_S
    assert is_raw_file(path)


@pytest.mark.parametrize("kind", ["gz", "bz2", "fz", "fz-gzip", "extension", "garbage-behind", "checksum-wrong"])
def test_good_pixels_in_an_odd_dress_are_read_as_they_are(kind: str, light: hostile.Frame, tmp_path: Path) -> None:
    plain, odd = tmp_path / "plain.fits", tmp_path / f"odd{hostile.suffix_of(kind)}"
    plain.write_bytes(light.content)
    hostile.make(kind, light, random.Random(kind), odd)
    assert np.array_equal(read_raw(odd).adu, read_raw(plain).adu)
    assert np.array_equal(RawRows(odd)[slice(3, 9)], read_raw(plain).adu[3:9])
    assert read_header(odd)["EXPTIME"] == 60.0


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.int64, np.float32, np.float64])
def test_every_kind_of_number_is_read_like_the_library_does(dtype: type, light: hostile.Frame, tmp_path: Path) -> None:
    from astropy.io import fits

    path = tmp_path / "x.fits"
    numbers = np.arange(1200).reshape(30, 40).astype(dtype)
    path.write_bytes(light.with_pixels(numbers).with_cards(hostile.number("BSCALE", 0.5)).content)
    with fits.open(path) as hdus:
        expected = np.asarray(hdus[0].data, np.float32)
    assert np.array_equal(read_raw(path).adu, expected)


def test_pixels_without_a_value_are_no_numbers(light: hostile.Frame, tmp_path: Path) -> None:
    path = tmp_path / "x.fits"
    numbers = np.arange(1200, dtype=np.int16).reshape(30, 40)
    path.write_bytes(light.with_pixels(numbers).with_cards(hostile.number("BLANK", 7)).content)
    adu = read_raw(path).adu
    assert np.isnan(adu[0, 7]) and np.isfinite(adu).sum() == adu.size - 1


def test_a_file_that_becomes_shorter_while_it_is_combined_fails_and_does_not_end_the_program(
    light: hostile.Frame, tmp_path: Path
) -> None:
    path = tmp_path / "x.fits"
    path.write_bytes(light.content)
    rows = RawRows(path)
    assert rows[slice(0, 30)].shape == (30, 40)
    os.truncate(path, len(light.header) + 100)
    with pytest.raises(BadFrame, match="shorter"):
        rows[slice(0, 30)]


def test_an_endless_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.fits"
    with path.open("wb") as file:
        file.truncate(1 << 42)
    assert classified(path) == FAILED


def test_a_pipe_in_raw_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.fits")
    start = time.monotonic()
    assert classified(tmp_path / "x.fits") == FAILED
    assert time.monotonic() - start < 1.0


@pytest.mark.parametrize("name", hostile.NAMES)
def test_every_file_name_is_a_name_of_one_line_or_told(name: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "OSN-T090" / "2022-03-10"
    path = folder / os.fsdecode(name)
    shown, why = raw_name(path)
    assert shown.isprintable() and shown.startswith("OSN-T090/2022-03-10/") and len(shown.encode()) < 400
    assert bool(why) == (shown != f"OSN-T090/2022-03-10/{os.fsdecode(name)}")


def test_names_that_differ_stay_different() -> None:
    paths = [Path("/raw/OSN-T090/2022-03-10") / os.fsdecode(name) for name in hostile.NAMES]
    assert len({raw_name(path)[0] for path in paths}) == len(paths)


INSTRUMENTS = {
    path.stem: hostile.keywords_of(path.read_text(encoding="utf-8"))
    for path in sorted((share_dir() / "instruments").glob("*.toml"))
}
REGISTRY = Registry.load([])
BY_FILE = {Path(one.source_file).stem: one for one in REGISTRY.instruments.values()}


@settings(max_examples=50, deadline=4000, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(INSTRUMENTS)), st.integers(0, 2**32))
def test_a_fuzzed_header_gives_facts_or_problems_and_a_reduced_frame_that_can_be_written(
    instrument: str, seed: int
) -> None:
    attempt_header(instrument, seed, Path(os.environ.get("TMPDIR", "/tmp")) / f"iop4-fuzz-{os.getpid()}.fits")


def attempt_header(instrument: str, seed: int, path: Path) -> None:
    chance = random.Random(seed)
    frame = hostile.Frame(_plain_cards(), bytes(hostile.BLOCK_BYTES))
    content = hostile.fuzzed(
        frame, INSTRUMENTS[instrument] | {"OBJECT", "CTYPE1", "CRVAL1", "XBINNING"}, chance
    ).content
    try:
        path.write_bytes(content)
        header = read_header(path)
        facts = translate(header, "x.fits", BY_FILE[instrument], {}, "FRAME")
        assert all(len(problem) > 10 for problem in facts.problems)
        assert all(abs(number) < 2**31 for number in (facts.binning_x, facts.binning_y, facts.window_x0))
        raw = read_raw(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            write_image(path, reduced_header(raw.header, PROVENANCE), raw.adu, [("DQ", np.zeros((4, 6), np.uint8))])
            with_new_cards(path, path.with_suffix(".new"), [("CRVAL1", 1.0, "deg")])
        assert read_reduced(path.with_suffix(".new")).electrons.shape == (4, 6)
    except BadFrame as error:
        assert len(str(error)) > 10
    finally:
        path.unlink(missing_ok=True)
        path.with_suffix(".new").unlink(missing_ok=True)


def _plain_cards() -> tuple[bytes, ...]:
    cards = [
        hostile.number("SIMPLE", "T"), hostile.number("BITPIX", 16), hostile.number("NAXIS", 2),
        hostile.number("NAXIS1", 6), hostile.number("NAXIS2", 4), hostile.text("TELESCOP", "OSN T90"),
        hostile.text("IMAGETYP", "Light Frame"), hostile.number("EXPTIME", 60.0), hostile.number("JD", 2459649.41),
    ]  # fmt: skip
    return tuple(card.ljust(80) for card in cards)


def test_a_checksum_of_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadFrame):
        checksum(tmp_path)
