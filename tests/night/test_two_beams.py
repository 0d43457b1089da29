"""Nights of the two-beam polarimeters from raw frames to results."""

from __future__ import annotations

import csv
from collections import Counter

import numpy as np
import pytest

from iop4cli.archive.store import Store
from iop4cli.commands.opening import open_archive
from iop4cli.frames.fits import read_reduced
from iop4cli.frames.quality import Quality
from iop4cli.pipeline.modulation import modulation_rows
from iop4cli.pipeline.solutions import wcs_of
from iop4cli.pipeline.view import View
from iop4cli.shell.options import ArchiveOptions
from iop4cli.simulate.fields import read_catalogue
from iop4cli.simulate.night import NightRecipe, _scene
from iop4cli.simulate.schedule import conditions, exposures, targets_for
from iop4cli.simulate.view import views
from tests.night import pulls

pytestmark = pytest.mark.night

RECIPES = {
    "CAFOS": NightRecipe(
        "CAFOS", "pol", "2022-03-10", 1, targets=("3C 66A",), n_bias=4, n_flats=3, target_p=0.12, beam_imbalance=0.04
    ),
    "DIPOL": NightRecipe(
        "DIPOL", "pol", "2023-11-08", 1, targets=("2200+420",), n_bias=3, n_flats=3, n_darks=3, n_angles=8,
        target_p=0.18, beam_imbalance=0.03, flip=True, flip_full=False,
    ),
}  # fmt: skip
# Unbinned, without a frame of the whole field: a part of the chip, for its 47 million pixels would take minutes.
UNBINNED = NightRecipe(
    "DIPOL", "pol", "2023-11-08", 1, targets=("2200+420",), n_bias=3, n_flats=3, n_darks=3, n_angles=4, unbinned=True,
    size_px=2600, window_px=(1700, 1300), full_frame=False, target_p=0.2,
)  # fmt: skip
STANDARD = NightRecipe(
    "DIPOL", "pol", "2023-11-08", 1, targets=("Hiltner 960",), n_bias=3, n_flats=3, n_darks=3, n_angles=4,
    full_frame=False, star_density=0.05,
)  # fmt: skip


@pytest.fixture(scope="module", params=RECIPES)
def night(request, module_folder):
    folder = module_folder(request.param)
    return reduced_night(RECIPES[request.param], folder)


def reduced_night(recipe, folder):
    patch = pytest.MonkeyPatch()
    patch.setattr(pulls, "recipe_of", lambda *_: recipe)
    try:
        reduced = pulls.one_night(recipe.instrument, "pol", 1, folder)
    finally:
        patch.undo()
    return reduced, Store(folder / "iop4.duckdb"), folder


def test_every_frame_is_solved_where_it_is(night):
    reduced, store, _ = night
    assert reduced.troubles == []
    assert (reduced.n_solved, reduced.n_wrong) == (reduced.n_lights, 0)
    methods = Counter(row["method"] for row in store.rows("select method from wcs where beam = 'O'"))
    if reduced.instrument == "DIPOL":
        # The full frame by index files; subframes, with rows in reverse, by them or by its images.
        assert methods["index"] >= 1
        assert methods["index"] + methods["quads"] == reduced.n_lights


def test_both_beams_have_coordinates_good_to_a_third_of_a_pixel(night):
    _, store, folder = night
    from astropy.wcs import WCS

    rows = store.rows(
        "select e.frame, e.dx_px, e.dy_px, e.dx_err_px, e.rms_arcsec / e.scale_arcsec_per_px as rms_px "
        "from wcs e where beam = 'E'"
    )
    assert rows
    for row in rows:
        assert row["rms_px"] < 0.7  # of all matched images, faint ones included
        header = read_reduced(folder / "reduced" / row["frame"]).header
        ordinary, extraordinary = WCS(header), WCS(header, key="E")
        place = ordinary.all_pix2world([[300.0, 300.0]], 0)
        moved = extraordinary.all_world2pix(place, 0)[0]
        assert np.hypot(moved[0] - 300 - row["dx_px"], moved[1] - 300 - row["dy_px"]) < 0.1


def frames_of(folder):
    """The truth of each frame by its file name, in the order of exposure."""
    with (folder / "frames.csv").open(encoding="utf-8", newline="") as stream:
        return {row["file"]: row for row in csv.DictReader(stream)}


def offsets_px(recipe, store, folder):
    """For each beam how far the solutions put the stars brighter than R = 16 from where they truly are, (n, 2)."""
    catalogue = read_catalogue()
    targets = targets_for(recipe, catalogue)
    scenes = {target.name: _scene(recipe, target, catalogue) for target in targets}
    planned = exposures(recipe, targets, scenes)
    seen = views(recipe, planned, conditions(recipe, planned))
    of_frame = dict(zip(frames_of(folder), seen, strict=True))
    found = {"O": [], "E": []}
    for row in store.rows("select * from wcs"):
        view, scene = of_frame[row["frame"].rpartition("/")[2]], scenes[targets[0].name]
        x, y = (view.pixels if row["beam"] == "O" else view.extraordinary_pixels)(scene.ra_deg, scene.dec_deg)
        on = (x > 10) & (x < view.window.width_px - 10) & (y > 10) & (y < view.window.height_px - 10)
        on &= scene.mags["R"] < 16
        px, py = wcs_of(row).to_pixel(scene.ra_deg[on], scene.dec_deg[on])
        found[row["beam"]].append(np.column_stack([px - x[on], py - y[on]]))
    return {beam: np.concatenate(parts) for beam, parts in found.items()}


def test_the_coordinates_of_both_beams_are_true_to_a_third_of_a_pixel(night):
    reduced, store, folder = night
    for beam, off in offsets_px(RECIPES[reduced.instrument], store, folder).items():
        assert len(off) >= 4 * reduced.n_lights
        assert np.sqrt((off**2).sum(axis=1).mean()) < 0.3, beam


def test_unbinned_frames_of_dipol_pair_and_are_solved_by_the_target_and_its_calibrators(tmp_path):
    reduced, store, folder = reduced_night(UNBINNED, tmp_path)
    assert (reduced.n_solved, reduced.n_lights, reduced.n_wrong) == (4, 4, 0)
    frames = frames_of(folder)
    for row in store.rows("select * from wcs where beam = 'E'"):
        frame = frames[row["frame"].rpartition("/")[2]]
        true = [float(frame[f"target_e_{axis}_px"]) - float(frame[f"target_{axis}_px"]) for axis in "xy"]
        assert true[0] == pytest.approx(418, abs=12.5)
        assert abs(row["dx_px"] - true[0]) < 5 * row["dx_err_px"]
        assert abs(row["dy_px"] - true[1]) < 5 * row["dy_err_px"]
        assert np.hypot(row["dx_px"] - true[0], row["dy_px"] - true[1]) < 0.3
    assert reduced.worst_arcsec < 0.3 * 0.067


def test_a_standard_alone_in_its_subframe_is_taken_for_the_target_and_the_result_says_so(tmp_path):
    reduced, store, _ = reduced_night(STANDARD, tmp_path)
    assert (reduced.n_solved, reduced.n_lights, reduced.n_wrong) == (4, 4, 0)
    assert {row["method"] for row in store.rows("select method from wcs")} == {"central pair"}
    rows = store.rows("select quality, quality_text from results where mode = 'pol'")
    assert rows
    assert all(row["quality"] & Quality.IDENTIFIED_BY_PLACE for row in rows)


def test_polarisation_and_gain_imbalance_are_those_put_in(night):
    reduced, _, _ = night
    imbalance = RECIPES[reduced.instrument].beam_imbalance
    compared = [c for c in reduced.compared if c.result["mode"] == "pol"]
    assert any(c.truth["is_target"] for c in compared)
    for one in compared:
        for name in ("q", "u"):
            assert abs(one.pulls[name]) < 4.5, (one.result["source"], name, one.pulls)
        if one.result["gain_imbalance"] is not None:
            off = (one.result["gain_imbalance"] - imbalance) / one.result["gain_imbalance_err"]
            assert abs(off) < 5, (one.result["source"], one.result["gain_imbalance"])


def test_the_modulation_that_is_plotted_is_that_of_the_result(night):
    """Its fit is (k + s) / (1 + k s) with s = q cos 4t + u sin 4t of the result, and its residuals are noise."""
    _, store, folder = night
    opened = open_archive(ArchiveOptions(archive=folder))
    row = store.rows(
        "select id, q_instr, u_instr, gain_imbalance as k from results where mode = 'pol' "
        "and method = 'half-wave plate' order by id limit 1"
    )[0]
    rows, curve, quantity = modulation_rows(View(store, opened.surroundings()), row["id"])
    used = [one for one in rows if one["used"]]
    assert quantity == "(O - E) / (O + E)"
    assert len(used) >= 3
    for one in (*used, *curve):
        turned = 4 * np.radians(one["angle_deg"])
        stokes = row["q_instr"] * np.cos(turned) + row["u_instr"] * np.sin(turned)
        assert one["fit_percent"] == pytest.approx(100 * (row["k"] + stokes) / (1 + row["k"] * stokes), abs=1e-6)
    pulls_of_fit = [one["residual_percent"] / one["modulation_err_percent"] for one in used]
    assert max(map(abs, pulls_of_fit)) < 5.0
