"""A night of real frames, from an instrument that nobody coded: the transit of HAT-P-32 b.

24 frames of the MicroObservatory's robotic telescope (650 x 500 pixels, no bias, no flats, local time, no filter).
"""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest

from iop4cli.frames.quality import Quality
from tests.night.archives import Archive

pytestmark = pytest.mark.night

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("IOP4_TEST_DATA") or REPOSITORY.parent / "shared" / "data") / "hatp32"
INSTRUMENT = REPOSITORY / "tests" / "data" / "microobservatory.toml"
N_FRAMES = 24
MIDNIGHT_MJD = 58107.0  # 2017-12-20 0 h UTC


@pytest.fixture(scope="module")
def real_night(module_folder: Callable[[str], Path]) -> Archive:
    """The night from frames to results, by the commands that a user types."""
    if not (DATA / "raw").is_dir():
        pytest.skip(f"the real frames are not there: {DATA / 'raw'} (set IOP4_TEST_DATA to the folder of hatp32/)")
    archive = Archive(module_folder("real") / "archive")
    archive.root.mkdir()
    archive.iop4("init", str(archive.root))
    shutil.copy(INSTRUMENT, archive.root / "instruments")
    fetched = archive.iop4("fetch", str(DATA / "raw"))
    assert len(fetched.lines) == N_FRAMES
    archive.iop4("catalog", "import", str(DATA / "sources.csv"))
    done = archive.iop4("run", "-j2", IOP4_INDEX_PATH=str(DATA / "index"))
    assert "problems" not in done.err or "0 with problems" in done.err
    return archive


@pytest.fixture(scope="module")
def light_curve(real_night: Archive) -> list[dict]:
    """The results of HAT-P-32 in time, with `hour`: hours of UTC."""
    rows = real_night.sql("select * from results where source = 'HAT-P-32' order by mjd_utc")
    return [row | {"hour": (row["mjd_utc"] - MIDNIGHT_MJD) * 24} for row in rows]


def test_every_frame_is_solved_at_the_same_scale(real_night: Archive) -> None:
    rows = real_night.sql("select * from wcs")
    assert len(rows) == N_FRAMES
    scales = [row["scale_arcsec_per_px"] for row in rows]
    # The telescope's own: 5.16; within a per cent, and the same in all frames to a thousandth.
    assert statistics.median(scales) == pytest.approx(5.16, rel=0.01)
    assert max(scales) / min(scales) < 1.002


def test_the_star_is_on_every_frame(light_curve: list[dict]) -> None:
    assert len(light_curve) == N_FRAMES
    assert all(row["mag"] is not None and row["n_calibrators"] >= 2 for row in light_curve)


def test_nights_go_from_noon_to_noon(light_curve: list[dict]) -> None:
    """The frames were taken after midnight of UTC, in the evening of the 19th in Arizona."""
    assert {str(row["night"]) for row in light_curve} == {"2017-12-19"}
    assert 1.5 < light_curve[0]["hour"] < light_curve[-1]["hour"] < 8.5


def test_the_transit_is_seen_with_its_depth(light_curve: list[dict]) -> None:
    """Two per cent of the star are hidden from 04:00 to 06:05 UTC, none before 03:20."""
    before = [row["mag"] for row in light_curve if row["hour"] < 3 + 20 / 60]
    during = [row["mag"] for row in light_curve if 4.0 <= row["hour"] <= 6 + 5 / 60]
    assert len(before) >= 5 and len(during) >= 6
    depth = 1 - 10 ** (-0.4 * (statistics.fmean(during) - statistics.fmean(before)))
    assert 0.018 < depth < 0.033


def test_frames_before_the_transit_scatter_no_more_than_their_errors_say(light_curve: list[dict]) -> None:
    """The error relative to the night: photons and what steady stars scatter. Chi squared of a constant."""
    before = [row for row in light_curve if row["hour"] < 3 + 20 / 60]
    assert all(row["mag_err_night"] is not None for row in before)
    weights = [row["mag_err_night"] ** -2 for row in before]
    mean = sum(w * row["mag"] for w, row in zip(weights, before, strict=True)) / sum(weights)
    chi2 = sum(w * (row["mag"] - mean) ** 2 for w, row in zip(weights, before, strict=True))
    freedom = len(before) - 1
    # Mean n, variance 2 n: within four sigmas of it.
    assert chi2 < freedom + 4 * (2 * freedom) ** 0.5


def test_clouds_of_the_last_hours_show_in_the_zero_points_and_errors(light_curve: list[dict]) -> None:
    """Less light: each of the last frames has a fainter zero point and a larger error than is usual of the first."""
    first, last = light_curve[:5], light_curve[-5:]
    usual = {name: statistics.median(row[name] for row in first) for name in ("zp", "mag_err_photon")}
    assert all(row["zp"] < usual["zp"] for row in last)
    assert all(row["mag_err_photon"] > usual["mag_err_photon"] for row in last)


def test_the_one_frame_whose_stars_disagree_is_marked(light_curve: list[dict]) -> None:
    marked = [row for row in light_curve if row["quality"] & Quality.ZERO_POINT_SCATTER]
    scatter = [row["zp_scatter"] for row in light_curve]
    assert [row["zp_scatter"] for row in marked] == [max(scatter)]
    assert max(scatter) > 2 * statistics.median(scatter)


def test_times_are_of_the_barycentre(light_curve: list[dict]) -> None:
    """Within 8.5 minutes of light travel and 69 s of TDB - UTC, and not the same as UTC."""
    for row in light_curve:
        off_s = (row["bjd_tdb"] - 2400000.5 - row["mjd_utc"]) * 86400
        assert -8.5 * 60 < off_s - 69.2 < 8.5 * 60
    # HAT-P-32 stands opposite the Sun in autumn: in December its light still reaches us before the barycentre.
    assert (light_curve[0]["bjd_tdb"] - 2400000.5 - light_curve[0]["mjd_utc"]) * 86400 > 69.2


def test_a_second_run_finds_nothing_due(real_night: Archive) -> None:
    said = real_night.iop4("run", IOP4_INDEX_PATH=str(DATA / "index"))
    assert (said.out, said.err) == ("", "nothing due\n")
