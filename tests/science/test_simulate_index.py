"""The index files that come with the program solve the simulated fields."""

import shutil

import astrometry
import numpy as np
import pytest

from iop4cli.science.solving import Hints, solve_blind
from iop4cli.science.weighing import Known
from iop4cli.simulate.errors import SimulationError
from iop4cli.simulate.fields import (
    calibrators_of,
    field_stars,
    find_target,
    read_catalogue,
    read_standards,
    targets_of,
)
from iop4cli.simulate.index import NoQuads, build_index, demo_index_files
from iop4cli.simulate.night import NightRecipe, simulate_night
from iop4cli.simulate.pointing import Pointing, moved

CATALOGUE = read_catalogue()
STANDARDS = read_standards()
# Scale in arcsec, width, height in pixels.
VIEWS = {
    "13 arcmin": (0.387, 2048, 2048),
    "8 arcmin": (0.232, 2048, 2048),
    "9 x 6 arcmin": (0.134, 4144, 2822),
    "7 arcmin": (0.530, 800, 800),
}


@pytest.fixture(scope="module")
def solver():
    with astrometry.Solver(demo_index_files()) as shipped:
        yield shipped


def bright_pixels(target, pointing, faintest_r=17.7) -> np.ndarray:
    """1-based (x, y) of what the frame shows of the field, brightest first."""
    stars, known = field_stars(target, CATALOGUE), (target, *calibrators_of(target, CATALOGUE))
    mag_r = np.concatenate([[s.mags.get("R", (14.5, 0))[0] for s in known], stars.mags["R"]])
    ra = np.concatenate([[s.ra_deg for s in known], stars.ra_deg])
    dec = np.concatenate([[s.dec_deg for s in known], stars.dec_deg])
    x, y = pointing.pixels(ra, dec)
    last_x, last_y = pointing.size_px - 1, (pointing.height_px or pointing.size_px) - 1
    on = (x > 0) & (x < last_x) & (y > 0) & (y < last_y) & (mag_r < faintest_r)
    order = np.argsort(mag_r[on])[:60]
    return np.stack([x[on][order] + 1, y[on][order] + 1], axis=1)


def solve(solver, target, stars_px, scale):
    return solver.solve(
        stars=stars_px,
        size_hint=astrometry.SizeHint(scale * 0.95, scale * 1.05),
        position_hint=astrometry.PositionHint(target.ra_deg, target.dec_deg, 0.3),
        solution_parameters=astrometry.SolutionParameters(
            output_logodds_threshold=14.0,
            logodds_callback=lambda found: astrometry.Action.STOP if max(found) > 30 else astrometry.Action.CONTINUE,
        ),
    )


# Some fields with each camera at each run of the quick tests, every field with all of them in the long ones.
FIELDS = [
    pytest.param(target, view, id=f"{target.name} {view}", marks=[pytest.mark.night] * bool((i + j) % 8))
    for i, target in enumerate([*targets_of(CATALOGUE), *STANDARDS])
    for j, view in enumerate(VIEWS)
]


@pytest.mark.parametrize(("target", "view"), FIELDS)
def test_the_shipped_index_solves_every_field(solver, target, view):
    scale, width, height = VIEWS[view]
    place = moved(target.ra_deg, target.dec_deg, 21.0, -14.0)
    pointing = Pointing(*place, 77.0, scale, width, height_px=height)
    solution = solve(solver, target, bright_pixels(target, pointing), scale)
    assert solution.has_match()
    found = solution.best_match()
    assert found.scale_arcsec_per_pixel == pytest.approx(scale, rel=2e-3)
    x, y = found.astropy_wcs().all_world2pix([[target.ra_deg, target.dec_deg]], 0)[0]
    true_x, true_y = pointing.pixels(target.ra_deg, target.dec_deg)
    # A blind solution of a dozen stars: right to half an arcsec, a wrong one is off by tens.
    assert np.hypot(x - true_x, y - true_y) * scale < 0.8


@pytest.mark.night
@pytest.mark.parametrize(
    ("instrument", "evening"),
    [("AndorT90", "2022-09-08"), ("RoperT90", "2021-09-08"), ("AndorT150", "2022-09-08")],
)
def test_the_shipped_index_solves_what_is_detected_on_a_whole_frame(tmp_path, solver, instrument, evening):
    import sep
    from astropy.io import fits

    recipe = NightRecipe(instrument, "pol", evening, targets=("BL Lac",), n_bias=1, n_flats=1)
    night = simulate_night(tmp_path, recipe)
    counts, bias, flat = (
        fits.getdata(night.night_folder / name).astype(np.float32)
        for name in ("BLLac-0001R0.fit", "Bias-0001.fit", "Flat-0001R0.fit")
    )
    image = (counts - bias) / ((flat - bias) / np.median(flat - bias))
    background = sep.Background(image)
    found = sep.extract(image - background.back(), 8.0, err=background.globalrms, minarea=8)
    found = found[np.argsort(-found["flux"])][:60]
    frame = next(frame for frame in night.frames if frame.filter == "R0")
    target = find_target("BL Lac", CATALOGUE)
    stars_px = np.stack([found["x"] + 1, found["y"] + 1], axis=1)
    solution = solve(solver, target, stars_px, frame.scale_arcsec)
    assert solution.has_match()
    wcs = solution.best_match().astropy_wcs()
    x, y = wcs.all_world2pix([[target.ra_deg, target.dec_deg]], 0)[0]
    assert np.hypot(x - frame.target_x_px, y - frame.target_y_px) < 2.0


@pytest.mark.night
@pytest.mark.parametrize(("instrument", "file"), [("DIPOL", "BLLac-0001Redfull.fit"), ("CAFOS", "BLLac-0001R2248.fit")])
def test_the_shipped_index_solves_the_ordinary_images_of_a_whole_frame(tmp_path, solver, instrument, file):
    """Those detections that have another at the true displacement, brightest first."""
    import sep
    from astropy.io import fits

    options = {"n_angles": 4} if instrument == "DIPOL" else {}
    recipe = NightRecipe(
        instrument, "pol", "2023-11-08", targets=("BL Lac",), n_bias=1, n_flats=1, n_darks=1, **options
    )
    night = simulate_night(tmp_path, recipe)
    frame = next(frame for frame in night.frames if frame.file == file)
    image = fits.getdata(night.night_folder / file).astype(np.float32)
    background = sep.Background(image, bw=96, bh=96)
    kernel = np.hanning(9)[1:-1, None] * np.hanning(9)[None, 1:-1]
    found = sep.extract(
        image - background.back(), 3.0, err=background.globalrms, minarea=30 if instrument == "DIPOL" else 6,
        filter_kernel=kernel, deblend_cont=0.01,
    )  # fmt: skip
    way = np.array([frame.target_e_x_px - frame.target_x_px, frame.target_e_y_px - frame.target_y_px])
    place = np.stack([found["x"], found["y"]], axis=1)
    has_partner = np.array([(np.hypot(*(place - one - way).T) < 3).any() for one in place])
    ordinary = found[has_partner]
    ordinary = ordinary[np.argsort(-ordinary["flux"])][:60]
    assert len(ordinary) >= 8
    target = find_target("BL Lac", CATALOGUE)
    stars_px = np.stack([ordinary["x"] + 1, ordinary["y"] + 1], axis=1)
    solution = solve(solver, target, stars_px, frame.scale_arcsec)
    assert solution.has_match()
    x, y = solution.best_match().astropy_wcs().all_world2pix([[target.ra_deg, target.dec_deg]], 0)[0]
    assert np.hypot(x - frame.target_x_px, y - frame.target_y_px) * frame.scale_arcsec < 0.8


def test_the_shipped_index_is_small():
    files = demo_index_files()
    assert files and sum(path.stat().st_size for path in files) < 2.5e6


@pytest.mark.skipif(shutil.which("build-astrometry-index") is None, reason="astrometry.net is not installed")
def test_an_index_can_be_built_for_one_field(tmp_path):
    files = build_index(tmp_path, ["3C 345"])
    assert files and all(path.is_file() for path in files)
    target = find_target("3C 345", CATALOGUE)
    with astrometry.Solver(files) as solver:
        pointing = Pointing(target.ra_deg, target.dec_deg, 200.0, 0.387, 2048)
        assert solve(solver, target, bright_pixels(target, pointing), 0.387).has_match()


@pytest.mark.skipif(shutil.which("build-astrometry-index") is None, reason="astrometry.net is not installed")
def test_the_index_of_a_thinned_sky_holds_the_stars_that_the_simulator_shows(tmp_path):
    target = find_target("3C 66A", CATALOGUE)
    files = build_index(tmp_path / "few", ["3C 66A"], density=0.1)
    stars = field_stars(target, CATALOGUE, 0.1)
    place = Pointing(target.ra_deg, target.dec_deg, 30.0, 0.387, 2048)
    with astrometry.Solver(files) as solver:
        x, y = place.pixels(stars.ra_deg, stars.dec_deg)
        on = (x > 0) & (x < 2047) & (y > 0) & (y < 2047) & (stars.mags["R"] < 17.7)
        order = np.argsort(stars.mags["R"][on])
        few = np.stack([x[on][order] + 1, y[on][order] + 1], axis=1)
        found = solve(solver, target, few, 0.387)
        assert found.has_match()
        # All that the frame shows are in the index; the usual sky has ten times as many.
        assert len(found.best_match().stars) <= 2 * len(few) + len(calibrators_of(target, CATALOGUE))
    with pytest.raises(NoQuads, match="too few stars"):
        build_index(tmp_path / "none", ["1222+216"], density=0.01)


STREWN = [pytest.param(40, 1), pytest.param(3000, 2, marks=pytest.mark.night)]


@pytest.mark.parametrize(("n_frames", "seed"), STREWN)
def test_strewn_stars_are_never_taken_for_a_field_though_few_stars_are_enough(solver, n_frames, seed):
    rng = np.random.default_rng(seed)
    for _ in range(n_frames):
        target = targets_of(CATALOGUE)[rng.integers(len(targets_of(CATALOGUE)))]
        known = np.array([(s.ra_deg, s.dec_deg) for s in (target, *calibrators_of(target, CATALOGUE))]).T
        scale, width, height = VIEWS["7 arcmin"] if rng.random() < 0.5 else VIEWS["9 x 6 arcmin"]
        n_stars = int(np.exp(rng.uniform(np.log(4), np.log(60))))
        x, y = rng.uniform(0, width, n_stars), rng.uniform(0, height, n_stars)
        hints = Hints(scale, 0.05, target.ra_deg, target.dec_deg, 0.4)
        assert solve_blind(solver, x, y, hints, 1.6 / scale, 60, Known(*known, (height, width))) is None


@pytest.mark.skipif(shutil.which("build-astrometry-index") is None, reason="astrometry.net is not installed")
@pytest.mark.parametrize("scale", [*(pytest.param(s, marks=pytest.mark.night) for s in (-1, 1)), 2])
def test_the_shipped_index_is_what_the_builder_makes_now(tmp_path, scale):
    """A change of the made-up stars without a new index would leave the demonstration unsolvable."""
    from astropy.io import fits

    (built,) = build_index(tmp_path, scales=(scale,))
    shipped = next(path for path in demo_index_files() if path.name == built.name)
    with fits.open(built) as new, fits.open(shipped) as old:
        assert [h.header.get("NAXIS2") for h in new] == [h.header.get("NAXIS2") for h in old]
        assert new[0].header["NSTARS"] == old[0].header["NSTARS"]


def test_without_the_builder_the_error_says_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SimulationError, match=r"part of astrometry\.net"):
        build_index(tmp_path)
