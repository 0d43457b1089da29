"""Nights of the two-beam polarimeters from raw frames to results."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from iop4cli.archive.store import Store
from iop4cli.frames.fits import read_reduced
from iop4cli.simulate.night import NightRecipe
from tests.night import pulls

pytestmark = pytest.mark.night

RECIPES = {
    "CAFOS": NightRecipe(
        "CAFOS", "pol", "2022-03-10", 1, targets=("3C 66A",), n_bias=4, n_flats=3, target_p=0.12, beam_imbalance=0.04
    ),
    "DIPOL": NightRecipe(
        "DIPOL", "pol", "2023-11-08", 1, targets=("2200+420",), n_bias=4, n_flats=3, n_darks=3, target_p=0.18,
        beam_imbalance=0.03, flip=True, flip_full=False,
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=RECIPES)
def night(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    patch = pytest.MonkeyPatch()
    patch.setattr(pulls, "recipe_of", lambda *_: RECIPES[request.param])
    reduced = pulls.one_night(request.param, "pol", 1, folder)
    patch.undo()
    return reduced, Store(folder / "iop4.duckdb"), folder


def test_every_frame_is_solved_where_it_is(night):
    reduced, store, _ = night
    assert reduced.troubles == []
    assert (reduced.n_solved, reduced.n_wrong) == (reduced.n_lights, 0)
    methods = Counter(row["method"] for row in store.rows("select method from wcs where beam = 'O'"))
    if reduced.instrument == "DIPOL":
        # One full frame by index files; the subframes, with rows in reverse, by its images.
        assert methods["index"] == 1
        assert methods["quads"] >= 12


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
