"""Steps that a run does in one pass over a frame leave what they leave when each is done by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from iop4cli.simulate.night import NightRecipe
from tests.night.archives import Archive, make_archive
from tests.soak.killed import contents, different, leftovers
from tests.soak.many import history, small_night
from tests.soak.workers import misbehaving

pytestmark = pytest.mark.night

STEPS = ("classify", "mkmaster", "reduce", "solve", "phot", "pol", "correct")


def clouded(archive: Archive) -> str:
    """Take the stars from one frame of the sky; its name."""
    raw = archive.root / "raw"
    path = next(path for path in sorted(raw.rglob("*.fit*")) if path.name == "S50716+71-0001R45.fit")
    with fits.open(path) as hdus:
        header, shape = hdus[0].header.copy(), hdus[0].data.shape
    noise = np.random.default_rng(5).normal(900.0, 12.0, shape).astype(np.uint16)
    fits.PrimaryHDU(noise, header).writeto(path, overwrite=True)
    return str(path.relative_to(raw))


@pytest.fixture(scope="module")
def raw(module_folder: Callable[[str], Path]) -> tuple[Archive, str]:
    """One beam and two, photometry and polarimetry, and a frame that cannot be solved."""
    archive = make_archive(
        module_folder("pass") / "raw",
        NightRecipe("AndorT90", "both", "2022-03-10", 1, targets=("0716+714",), size_px=640, n_bias=3, n_flats=3),
        NightRecipe("CAFOS", "pol", "2022-03-11", 1, targets=("BL Lac",), n_bias=3, n_flats=3),
    )
    return archive, clouded(archive)


@pytest.fixture(scope="module")
def at_once(raw: tuple[Archive, str]) -> Archive:
    archive = raw[0].copy(raw[0].root.with_name("at-once"))
    told = archive.iop4("run", "-j2", "--json", code=3).rows
    # Those that one way did not solve and another did are no failures.
    assert [row["name"] for row in told if row["status"] == "failed"] == [raw[1]]
    # Reduced and solved in one pass: a frame is told as the one right after it is told as the other.
    order = [(row["step"], row["name"]) for row in told if row["status"] == "done"]
    by_index = {row["frame"] for row in archive.sql("select frame from wcs where beam = 'O' and method = 'index'")}
    assert by_index
    for name in by_index:
        assert order[order.index(("reduce", name)) + 1] == ("solve", name)
    return archive


def test_rows_and_files_are_those_of_the_steps_one_by_one(raw: tuple[Archive, str], at_once: Archive) -> None:
    one_by_one = raw[0].copy(raw[0].root.with_name("one-by-one"))
    for step in STEPS:
        one_by_one.iop4(step, "-j2", code=3 if step in {"solve", "pol"} else 0)
    assert different(contents(at_once), contents(one_by_one)) == []
    assert different(contents(one_by_one), contents(at_once)) == []
    assert history(at_once) == history(one_by_one)
    assert leftovers(at_once) == []


def test_a_frame_that_cannot_be_solved_is_reduced_and_says_why(raw: tuple[Archive, str], at_once: Archive) -> None:
    _, clouded_frame = raw
    assert at_once.items("reduce")[clouded_frame]["status"] == "done"
    assert at_once.items("solve")[clouded_frame]["reason"].startswith("0 stars found, 4 needed")
    assert (at_once.root / "reduced" / clouded_frame).is_file()


def test_a_forced_run_does_each_item_once_and_finds_the_same(at_once: Archive, tmp_path: Path) -> None:
    archive = at_once.copy(tmp_path / "forced")
    told = archive.iop4("run", "-j2", "--force", "--json", code=3).rows
    done = [(row["step"], row["name"]) for row in told if row["status"] in {"done", "failed"}]
    assert len(done) == len(set(done))
    for step in STEPS:
        assert {name for one, name in done if one == step} >= {
            name for name, row in archive.items(step).items() if row["status"] == "done"
        }
    assert different(contents(archive), contents(at_once)) == []


def test_a_step_by_itself_goes_on_with_nothing(raw: tuple[Archive, str], tmp_path: Path) -> None:
    archive = raw[0].copy(tmp_path / "alone")
    archive.iop4("classify")
    archive.iop4("mkmaster")
    archive.iop4("reduce")
    assert archive.items("solve") == {}
    with fits.open(archive.root / "reduced" / raw[1]) as hdus:
        assert "IOP4 WCS METHOD" not in hdus[0].header


def test_a_worker_that_dies_solving_leaves_the_reduced_frame(tmp_path: Path) -> None:
    """What crashes in the second step of a pass is its own failure, and not that of the first."""
    archive = small_night(tmp_path / "archive", "2022-03-10")
    frame = next(str(p.relative_to(archive.root / "raw")) for p in sorted(archive.root.glob("raw/*/*/S5*")))
    misbehaving(archive, "solve", frame, "segfault", "-j2", code=3)
    assert archive.items("reduce")[frame]["status"] == "done"
    solved = archive.items("solve")[frame]
    assert "SIGSEGV" in solved["reason"] and solved["key"] is None
