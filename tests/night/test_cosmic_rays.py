"""A cosmic ray on one image of the target in one exposure of a group, through the whole pipeline."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from iop4cli.frames.quality import Quality
from iop4cli.simulate.compare import read_truth
from iop4cli.simulate.night import NightRecipe
from tests.night.archives import Archive, make_archive

pytestmark = pytest.mark.night

# The same but for what is looked at: four polarised filters, two beams at four and at eight positions of the plate.
RECIPES = {
    "AndorT90": NightRecipe(
        "AndorT90", "pol", "2022-03-10", 5, targets=("0716+714",), size_px=700, n_bias=3, n_flats=3, target_mag=15.5,
        target_p=0.1, transparency_rms=0.02, cosmic_rays=False, hot_pixels=False,
    ),
    "CAFOS": NightRecipe(
        "CAFOS", "pol", "2022-03-10", 1, targets=("3C 66A",), n_bias=3, n_flats=3, target_mag=15.5, target_p=0.12,
        cosmic_rays=False, hot_pixels=False,
    ),
    "DIPOL": NightRecipe(
        "DIPOL", "pol", "2023-11-08", 1, targets=("2200+420",), n_bias=3, n_flats=3, n_darks=3, target_mag=15.0,
        target_p=0.15, n_angles=8, cosmic_rays=False, hot_pixels=False,
    ),
}  # fmt: skip
# Electrons in three neighbouring pixels, 0.9 FWHM from the middle of the star.
HIT_E = (2500.0, 4500.0, 3000.0)
AWAY_FWHM = 0.9


@pytest.fixture(scope="module", params=RECIPES)
def nights(request: Any, module_folder: Callable[[str], Path]) -> Iterator[dict[str, Any]]:
    """The results of the target: without a hit, hit and treated, hit and not treated."""
    folder = module_folder(request.param)
    clean = make_archive(folder / "clean", RECIPES[request.param])
    clean.iop4("run", "-j1")
    hit = clean.copy(folder / "hit")
    name = add_hit(hit.root, RECIPES[request.param])
    hit.iop4("run", "-j1")
    untreated = hit.copy(folder / "untreated")
    for verb in ("phot", "pol", "correct"):
        untreated.iop4(verb, *(("--param", "phot.cosmic_rays=no") if verb == "phot" else ()))
    archives = {"clean": clean, "treated": hit, "untreated": untreated}
    truth = next(row for row in read_truth(clean.root / "truth.csv") if row["is_target"] and row["mode"] == "pol")
    yield {
        "truth": truth, "frame": name, "instrument": request.param, "archives": archives,
        **{kind: result_of(archive, truth["source"]) for kind, archive in archives.items()},
    }  # fmt: skip


def add_hit(root: Path, recipe: NightRecipe) -> str:
    """Put electrons on the target's ordinary image in the last but one exposure of the group; returns the frame."""
    with (root / "frames.csv").open(encoding="utf-8", newline="") as stream:
        frame = sorted(csv.DictReader(stream), key=lambda row: float(row["mjd_utc"]))[-2]
    name = f"{frame['telescope']}/{frame['night']}/{frame['file']}"
    path = root / "raw" / name
    with fits.open(path) as hdus:
        counts, header = hdus[0].data.astype(float), hdus[0].header.copy(strip=True)
    for keyword in ("BZERO", "BSCALE"):
        header.remove(keyword, ignore_missing=True)
    fwhm_px = float(frame["fwhm_arcsec"]) / float(frame["scale_arcsec"])
    x, y = float(frame["target_x_px"]), float(frame["target_y_px"])
    column, row = round(x + AWAY_FWHM * fwhm_px), round(y)
    for step, electrons in enumerate(HIT_E):
        counts[row + step, column - step // 2] += electrons / recipe.camera.gain_e_per_adu
    fits.writeto(path, np.clip(np.rint(counts), 0, 65535).astype(np.uint16), header, overwrite=True)
    return name


def result_of(archive: Archive, source: str) -> dict[str, Any]:
    [row] = archive.sql(f"select * from results where source = '{source}' and mode = 'pol'")
    return row


def off_sigmas(nights: dict[str, Any], kind: str) -> float:
    """How far (q, u) are from the truth in sigmas of the night without a hit, the larger of the two."""
    clean, truth, found = nights["clean"], nights["truth"], nights[kind]
    return max(abs(found[name] - truth[name]) / clean[f"{name}_err"] for name in ("q", "u"))


def test_it_is_flagged_and_the_polarisation_is_right(nights):
    result, truth = nights["treated"], nights["truth"]
    assert result["quality"] & Quality.COSMIC_RAY
    assert not nights["clean"]["quality"] & Quality.COSMIC_RAY
    assert abs(result["p_debiased"] - truth["p"]) < 2 * result["p_err"]
    for name in ("q", "u"):
        assert abs(result[name] - truth[name]) < 3 * result[f"{name}_err"]


def left_out(nights: dict[str, Any], kind: str) -> list[str]:
    rows = nights["archives"][kind].sql(
        f"select input from measurement_input where measurement = '{nights[kind]['id']}' and role = 'frame not used'"
    )
    return [row["input"] for row in rows]


def test_without_the_treatment_it_is_wrong_by_many_sigmas_unless_the_angles_outvote_it(nights):
    result = nights["untreated"]
    assert not result["quality"] & Quality.COSMIC_RAY
    if nights["instrument"] == "DIPOL":
        # Of eight exposures one that contradicts the others is found by the fit.
        assert left_out(nights, "untreated") == [nights["frame"]]
    else:
        assert off_sigmas(nights, "untreated") > 5


def test_an_exposure_that_can_be_spared_is_left_out_and_one_of_four_is_mended(nights):
    if nights["instrument"] == "DIPOL":
        assert left_out(nights, "treated") == [nights["frame"]]
    else:
        assert left_out(nights, "treated") == []
        assert nights["treated"]["p_err"] < 1.2 * nights["clean"]["p_err"]


def test_the_mended_flux_is_that_without_the_hit(nights):
    frame, source = nights["frame"], nights["truth"]["source"]
    question = f"select flux_e, flux_err_e from aperture where frame = '{frame}' and source = '{source}' and beam = 'O'"
    [clean], [treated], [untreated] = (
        nights["archives"][kind].sql(question) for kind in ("clean", "treated", "untreated")
    )
    assert abs(treated["flux_e"] - clean["flux_e"]) < 2 * clean["flux_err_e"]
    assert treated["flux_err_e"] >= clean["flux_err_e"] * 0.99
    assert untreated["flux_e"] - clean["flux_e"] == pytest.approx(sum(HIT_E), rel=0.2)
