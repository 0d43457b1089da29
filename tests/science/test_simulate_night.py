"""Simulated nights: the frames say what the truth says, by arithmetic done here by hand."""

import ast
import csv
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.time import Time

import iop4cli.simulate
from iop4cli.simulate.detector import Detector
from iop4cli.simulate.errors import SimulationError
from iop4cli.simulate.night import NightRecipe, simulate_night
from iop4cli.simulate.stars import moffat_alpha_px

NIGHTS = {"AndorT90": "2022-09-08", "RoperT90": "2021-08-01", "AndorT150": "2022-09-08"}
QUICK = {"targets": ("BL Lac",), "size_px": 320, "n_bias": 1, "n_flats": 1}
QUIET = {
    "noise": False,
    "hot_pixels": False,
    "cosmic_rays": False,
    "pointing_rms_arcsec": 0.0,
    "seeing_rms": 0.0,
}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


@pytest.fixture(scope="module")
def night(module_folder):
    recipe = NightRecipe("AndorT90", "both", "2022-09-08", bands=("R", "V"), **{**QUICK, "n_bias": 2})
    return simulate_night(module_folder("night"), recipe)


def aperture_electrons(night, frame, radius_px=18.0) -> float:
    """Electrons of the target within a radius: bias and sky taken off, true response divided out."""
    recipe = night.recipe
    ccd = Detector(recipe.camera, recipe.image_size_px, recipe.night, hot_pixels=False)
    counts = fits.getdata(night.night_folder / frame.file).astype(float)
    flat = (counts - ccd._bias_adu) * recipe.camera.gain_e_per_adu / ccd.response(frame.filter)
    y, x = np.indices(flat.shape)
    distance = np.hypot(x - frame.target_x_px, y - frame.target_y_px)
    sky = np.median(flat[(distance > 60) & (distance < 150)])
    return float((flat - sky)[distance < radius_px].sum())


@pytest.mark.parametrize("instrument", NIGHTS)
@pytest.mark.parametrize("chi_deg", [10.0, 120.0])
def test_noise_free_frames_hold_the_true_polarisation(tmp_path, instrument, chi_deg):
    """q' = (f0 - f90)/(f0 + f90) and so on, less the instrument's, turned by twice the angle zero.

    0.2 % covers the rounding to whole counts (0.05 %) and the wings of neighbours inside the aperture.
    """
    recipe = NightRecipe(
        instrument, "pol", NIGHTS[instrument], transparency_rms=0.0, target_mag=13.5, target_p=0.15,
        target_chi_deg=chi_deg, exposure_s=120.0, **QUICK, **QUIET,
    )  # fmt: skip
    night = simulate_night(tmp_path, recipe)
    flux = {frame.filter: aperture_electrons(night, frame) for frame in night.frames}
    table = recipe.camera.polarisation
    q = (flux["R0"] - flux["R90"]) / (flux["R0"] + flux["R90"]) - table.q
    u = (flux["R45"] - flux["R-45"]) / (flux["R45"] + flux["R-45"]) - table.u
    assert np.hypot(q, u) == pytest.approx(0.15, abs=0.002)
    chi = np.degrees(np.arctan2(u, q)) / 2 + table.angle_zero_deg
    assert (chi - chi_deg + 90) % 180 - 90 == pytest.approx(0.0, abs=np.degrees(0.002 / 0.15))


def test_noise_free_frames_hold_the_true_magnitude(tmp_path):
    recipe = NightRecipe(
        "AndorT90", "phot", "2022-09-08", transparency_rms=0.0, target_mag=13.5, exposure_s=60.0,
        **QUICK, **QUIET,
    )  # fmt: skip
    night = simulate_night(tmp_path, recipe)
    frame = night.frames[0]
    core = 18.0 / moffat_alpha_px(frame.fwhm_arcsec / frame.scale_arcsec)
    electrons = aperture_electrons(night, frame) / (1 - (1 + core**2) ** -2.5)
    assert 21.55 - 2.5 * np.log10(electrons / 60.0) == pytest.approx(13.5, abs=0.004)
    assert night.truth[0].mag == 13.5


def test_transparency_multiplies_the_light(tmp_path):
    recipe = NightRecipe(
        "AndorT90", "pol", "2022-09-08", transparency_rms=0.2, target_mag=13.5, target_p=0.0,
        exposure_s=120.0, **QUICK, **QUIET,
    )  # fmt: skip
    night = simulate_night(tmp_path, recipe)
    by_filter = {frame.filter: frame for frame in night.frames}
    flux = {name: aperture_electrons(night, frame) for name, frame in by_filter.items()}
    clear = {name: flux[name] / by_filter[name].transparency for name in flux}
    assert (clear["R0"] - clear["R90"]) / (clear["R0"] + clear["R90"]) == pytest.approx(0.0579, abs=0.002)
    assert np.std([frame.transparency for frame in night.frames]) > 0.03


def test_headers_are_those_of_the_telescope(night):
    names = [path.name for path in night.files]
    assert names[:3] == ["Bias-0001.fit", "Bias-0002.fit", "Flat-0001R-45.fit"]
    assert {"BLLac-0001R-45.fit", "BLLac-0001R0.fit", "BLLac-0001R.fit", "BLLac-0001V.fit"} <= set(names)
    assert night.night_folder == night.folder / "raw" / "OSN-T090" / "2022-09-08"
    bias, flat, lightframe = (
        fits.getheader(night.night_folder / name)
        for name in ("Bias-0001.fit", "Flat-0001R45.fit", "BLLac-0001R-45.fit")
    )
    for header in (bias, flat, lightframe):
        assert (header["TELESCOP"], header["INSTRUME"]) == ("T90-OSN", "AndorT90")
        assert (header["BITPIX"], header["BZERO"], header["NAXIS1"]) == (16, 32768, 320)
        assert (header["XBINNING"], header["YBINNING"]) == (1, 1)
        start = Time(header["DATE-OBS"], scale="utc")
        assert abs(start.jd - header["JD"]) * 86400 < 0.002
    assert [h["IMAGETYP"] for h in (bias, flat, lightframe)] == ["BIAS", "FLAT", "LIGHT"]
    assert "FILTER" not in bias and flat["FILTER"] in ("R45", "R+45")
    assert lightframe["FILTER"] in ("R-45", "R_45")
    assert (lightframe["OBJCTRA"], lightframe["OBJCTDEC"]) == ("22 02 43", "+42 16 40")
    assert "Simulated" in str(lightframe["COMMENT"])


def test_the_t150_changed_its_camera_name(tmp_path):
    for evening, name in (("2023-01-10", "Andor"), ("2023-01-11", "AndorT150")):
        made = simulate_night(tmp_path, NightRecipe("AndorT150", "phot", evening, **QUICK))
        assert fits.getheader(made.files[0])["INSTRUME"] == name


def test_truth_times_are_the_middle_of_the_exposures(night):
    pol = next(row for row in night.truth if row.mode == "pol" and row.is_target)
    mids = []
    for name in pol.frames.split(";"):
        header = fits.getheader(night.night_folder / name)
        mids.append(header["JD"] - 2400000.5 + header["EXPTIME"] / 2 / 86400)
    assert len(mids) == 4
    assert pol.mjd_utc == pytest.approx(np.mean(mids), abs=0.001 / 86400)


def test_truth_has_the_target_and_the_calibrators_in_the_field(night):
    """On 320 pixels (2.1 arcmin) of BL Lacertae's field there are B and C, but not H, 2 arcmin away."""
    table = rows(night.folder / "truth.csv")
    assert {row["source"] for row in table} == {"2200+420", "BL Lacertae B", "BL Lacertae C"}
    assert {(row["mode"], row["band"]) for row in table} == {("pol", "R"), ("phot", "R"), ("phot", "V")}
    assert all((row["q"] == "") == (row["mode"] == "phot") for row in table)
    assert "nan" not in (night.folder / "truth.csv").read_text().lower()
    sources = {row["name"]: row for row in rows(night.folder / "sources.csv")}
    assert sources["2200+420"]["other_names"] == "BL Lac;BL Lacertae"
    assert sources["BL Lacertae H"]["calibrates"] == "2200+420"
    assert float(sources["BL Lacertae B"]["mag_R"]) == 11.99


def test_a_recipe_gives_the_same_frames_again_and_another_seed_others(tmp_path, night):
    again = simulate_night(tmp_path / "again", night.recipe)
    assert [p.read_bytes() for p in again.files] == [p.read_bytes() for p in night.files]
    other = NightRecipe(**{**night.recipe.__dict__, "seed": 2})
    for first, second in zip(simulate_night(tmp_path / "other", other).files, night.files, strict=True):
        assert not np.array_equal(fits.getdata(first), fits.getdata(second))


def test_nights_gather_in_one_folder_without_duplicates(tmp_path):
    recipe = NightRecipe("AndorT90", "phot", "2022-09-08", **QUICK)
    simulate_night(tmp_path, recipe)
    once = (tmp_path / "truth.csv").read_text()
    simulate_night(tmp_path, recipe)
    assert (tmp_path / "truth.csv").read_text() == once
    simulate_night(tmp_path, NightRecipe("AndorT150", "phot", "2022-09-09", **QUICK))
    nights = {(row["telescope"], row["night"]) for row in rows(tmp_path / "truth.csv")}
    assert nights == {("OSN-T090", "2022-09-08"), ("OSN-T150", "2022-09-09")}
    names = [row["name"] for row in rows(tmp_path / "sources.csv")]
    assert len(names) == len(set(names)) == 4
    assert not list(tmp_path.rglob("*.part"))


def test_a_cloudy_frame_has_no_stars(tmp_path):
    recipe = NightRecipe("AndorT90", "pol", "2022-09-08", cloudy_frames=(1,), **QUICK, **QUIET)
    night = simulate_night(tmp_path, recipe)
    flux = [aperture_electrons(night, frame) for frame in night.frames]
    assert abs(flux[1]) < 0.01 * min(flux[0], flux[2], flux[3])


def test_no_calibrator_saturates_by_default(tmp_path):
    night = simulate_night(tmp_path, NightRecipe("AndorT90", "phot", "2022-09-08", **QUICK))
    assert fits.getdata(night.files[-1]).max() < 65535


def test_progress_counts_every_frame(tmp_path):
    seen = []
    recipe = NightRecipe("AndorT90", "phot", "2022-09-08", **QUICK)
    night = simulate_night(tmp_path, recipe, lambda done, total, name: seen.append((done, total, name)))
    assert seen == [(i + 1, len(night.files), path.name) for i, path in enumerate(night.files)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"instrument": "WFC3"}, "no camera 'WFC3'"),
        ({"night": "2020-01-01"}, "was not in use on 2020-01-01"),
        ({"night": "8 Sept"}, "not a date"),
        ({"mode": "spectra"}, "mode 'spectra'"),
        ({"bands": ("Z",)}, "choose from"),
    ],
)
def test_an_impossible_recipe_is_refused_with_the_reason(wrong, message):
    with pytest.raises(SimulationError, match=message):
        NightRecipe(**{"instrument": "AndorT90", "mode": "pol", "night": "2022-09-08", **wrong})


def test_a_night_that_outlasts_the_darkness_is_refused(tmp_path):
    recipe = NightRecipe("AndorT90", "pol", "2022-09-08", exposure_s=600.0, groups_per_target=30, **QUICK)
    with pytest.raises(SimulationError, match="fewer targets or groups"):
        simulate_night(tmp_path, recipe)


def test_the_simulator_shares_no_code_with_the_reduction():
    for path in Path(iop4cli.simulate.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("iop4cli"):
                own = node.module.startswith("iop4cli.simulate")
                # Where files lie and what they are called while they are written is no formula.
                assert own or node.module in {"iop4cli.share", "iop4cli.unfinished"}, path.name
