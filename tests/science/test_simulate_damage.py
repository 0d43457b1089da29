"""Each bad case is really bad, in the way it says, and leaves the good frames alone."""

import numpy as np
import pytest
from astropy.io import fits

from iop4cli.simulate.damage import damage_kinds, damage_night
from iop4cli.simulate.errors import SimulationError
from iop4cli.simulate.night import NightRecipe, simulate_night


@pytest.fixture(scope="module")
def spoilt(module_folder):
    recipe = NightRecipe("AndorT90", "pol", "2022-09-08", targets=("BL Lac",), size_px=256, n_bias=1, n_flats=2)
    night = simulate_night(module_folder("bad"), recipe)
    before = {path: path.read_bytes() for path in night.files}
    made = damage_night(night.night_folder)
    assert {path: path.read_bytes() for path in night.files} == before
    return night, {damage.kind: damage for damage in made}


def header_of(spoilt, kind):
    return fits.getheader(spoilt[1][kind].files[-1])


def test_all_kinds_are_made_and_said(spoilt):
    _, made = spoilt
    assert tuple(made) == damage_kinds()
    assert len(made) == 15
    assert all(damage.files and damage.done for damage in made.values())
    assert all(path.is_file() for damage in made.values() for path in damage.files)


def test_files_that_are_no_images(spoilt):
    night, made = spoilt
    whole = night.files[-1].stat().st_size
    assert made["empty"].files[0].stat().st_size == 0
    assert 0 < made["truncated"].files[0].stat().st_size < whole
    with pytest.raises(OSError, match="SIMPLE"):
        fits.open(made["text"].files[0])
    assert header_of(spoilt, "cube")["NAXIS"] == 3


def test_headers_that_lack_or_lie(spoilt):
    assert "EXPTIME" not in header_of(spoilt, "no-exptime")
    assert "JD" not in header_of(spoilt, "no-jd")
    assert header_of(spoilt, "unknown-instrument")["INSTRUME"] == "ImagingSource DMK"
    assert header_of(spoilt, "unknown-filter")["FILTER"] == "Zeta7"
    assert header_of(spoilt, "unknown-target")["OBJECT"] == "NGC 9999"


def test_a_light_has_a_filter_without_flats(spoilt):
    night, _ = spoilt
    flats = {fits.getheader(p)["FILTER"][0] for p in night.files if p.name.startswith("Flat")}
    assert header_of(spoilt, "no-flat")["FILTER"][0] not in flats


def test_the_cloudy_frame_has_the_sky_but_no_stars(spoilt):
    night, made = spoilt
    good, cloudy = (fits.getdata(p).astype(float) for p in (night.files[2 * 4 + 1], *made["cloudy"].files))
    assert np.median(cloudy) == pytest.approx(np.median(good), abs=1)
    assert cloudy.max() < np.median(cloudy) + 8 * cloudy.std() < good.max()


def test_the_target_is_saturated_where_it_stands(spoilt):
    night, made = spoilt
    frame = night.frames[0]
    counts = fits.getdata(made["saturated-target"].files[0])
    row, column = round(frame.target_y_px), round(frame.target_x_px)
    assert (counts[row - 1 : row + 2, column - 1 : column + 2] == 65535).all()


def test_two_frames_bear_one_time(spoilt):
    night, _ = spoilt
    twin, original = header_of(spoilt, "same-time"), fits.getheader(night.night_folder / night.frames[0].file)
    assert (twin["JD"], twin["DATE-OBS"]) == (original["JD"], original["DATE-OBS"])


def test_a_group_lacks_one_angle(spoilt):
    names = sorted(path.name for path in spoilt[1]["three-of-four"].files)
    assert [name.removeprefix("BLLac-9014") for name in names] == ["R-45.fit", "R0.fit", "R45.fit"]


def test_h_alpha_has_flats(spoilt):
    files = spoilt[1]["h-alpha"].files
    assert [fits.getheader(p)["FILTER"] for p in files] == ["Ha"] * 3
    assert [fits.getheader(p)["IMAGETYP"] for p in files] == ["FLAT", "FLAT", "LIGHT"]


def test_copies_are_later_than_the_night_and_before_its_noon(spoilt):
    night, made = spoilt
    last = max(fits.getheader(night.night_folder / f.file)["JD"] for f in night.frames)
    later = [fits.getheader(p)["JD"] for p in made["three-of-four"].files]
    assert last < min(later) and max(later) < 2400000.5 + night.recipe.evening_mjd + 1.5


def test_one_kind_can_be_asked_for_and_an_unknown_one_is_refused(tmp_path):
    recipe = NightRecipe("AndorT90", "phot", "2022-09-08", targets=("BL Lac",), size_px=128, n_bias=1)
    folder = simulate_night(tmp_path, recipe).night_folder
    before = len(list(folder.iterdir()))
    assert [damage.kind for damage in damage_night(folder, ["empty"])] == ["empty"]
    assert len(list(folder.iterdir())) == before + 1
    with pytest.raises(SimulationError, match="no damage 'fire'"):
        damage_night(folder, ["fire"])
    with pytest.raises(SimulationError, match="no polarimetric group"):
        damage_night(folder, ["three-of-four"])
