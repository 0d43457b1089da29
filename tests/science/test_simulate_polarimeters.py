"""What the simulated CAFOS and DIPOL write beside the pixels, what they observe, and what they refuse."""

import csv

import numpy as np
import pytest
from astropy.io import fits

from iop4cli.simulate.errors import SimulationError
from iop4cli.simulate.fields import (
    INDEXED_R,
    calibrators_of,
    field_stars,
    find_target,
    read_catalogue,
    read_standards,
    separation_arcsec,
)
from iop4cli.simulate.night import NightRecipe, simulate_night

NIGHT = "2023-11-08"
SIZES = {"CAFOS": {"size_px": 320}, "DIPOL": {"size_px": 1200, "window_px": (640, 500), "n_angles": 4}}


def recipe_for(instrument, mode="pol", night=NIGHT, **options) -> NightRecipe:
    plain = {"targets": ("BL Lac",), "n_bias": 1, "n_flats": 1, "n_darks": 1, **SIZES[instrument]}
    return NightRecipe(instrument, mode, night, **{**plain, **options})


def test_dipol_headers_are_those_of_the_telescope(tmp_path):
    night = simulate_night(tmp_path, recipe_for("DIPOL", "pol", n_angles=8))
    names = [path.name for path in night.files]
    assert names[:4] == ["Dark2x2-0001.fit", "Bias2x2-0001.fit", "Flat-0001Red.fit", "BLLac-0001Redfull.fit"]
    assert names[4:7] == ["BLLac-0001Red0000.fit", "BLLac-0001Red0225.fit", "BLLac-0001Red0450.fit"]
    assert len(names) == 12 and night.night_folder == tmp_path / "raw" / "OSN-T090" / NIGHT
    headers = {name: fits.getheader(night.night_folder / name) for name in names}
    assert {h["INSTRUME"] for h in headers.values()} == {"ASI Camera (1)"}
    assert {h["XBINNING"] for h in headers.values()} == {2}
    assert {h["TELESCOP"] for h in headers.values()} == {"T90-OSN"}
    whole, cut = headers["BLLac-0001Redfull.fit"], headers["BLLac-0001Red0225.fit"]
    assert (whole["NOTES"], cut["NOTES"], cut["FILTER"]) == ("", "22.5 deg", "Red")
    assert whole["OBJECT"].endswith("_R_full") and cut["OBJECT"].endswith("_R") and " " not in cut["OBJECT"]
    assert cut["IMAGETYP"] == "Light Frame" and headers["Dark2x2-0001.fit"]["IMAGETYP"] == "Dark Frame"
    assert not {"RA", "OBJCTRA", "TELRA"} & set(cut)
    assert {row.mode for row in night.truth} == {"phot", "pol"}


def test_dipol_pointing_came_in_2025_and_its_name_late_in_2023(tmp_path):
    late = simulate_night(tmp_path / "late", recipe_for("DIPOL", night="2025-03-01", full_frame=False))
    assert not any("full" in path.name for path in late.files)
    header = fits.getheader(late.files[-1])
    assert header["TELRA"].startswith("22 0") and header["TELDEC"].startswith("+42")
    named = set()
    for seed in range(6):
        early = recipe_for("DIPOL", "phot", night="2023-05-01", seed=seed, size_px=300, window_px=None)
        named.add(fits.getheader(simulate_night(tmp_path / f"e{seed}", early).files[0])["TELESCOP"])
    assert named == {"", "T90-OSN"}


def test_cafos_headers_are_those_of_the_telescope(tmp_path):
    night = simulate_night(tmp_path, recipe_for("CAFOS", "both", night="2022-09-08"))
    assert night.night_folder == tmp_path / "raw" / "CAHA-T220" / "2022-09-08"
    headers = {path.name: fits.getheader(path) for path in night.files}
    assert {(h["TELESCOP"], h["INSTRUME"]) for h in headers.values()} == {("CA-2.2", "CAFOS 2.2")}
    assert {h["IMAGETYP"] for h in headers.values()} == {"bias", "flat", "science"}
    pol, phot = headers["BLLac-0001R2248.fit"], headers["BLLac-0001R.fit"]
    assert (pol["INSTRMOD"], pol["INSPOFPI"], pol["INSPOROT"]) == ("Polarizer", "Wollaston", 22.48)
    assert pol["OBJECT"].endswith(" 22.48 deg") and phot["INSPOFPI"] == "FREE"
    assert pol["INSFLNAM"][-1] == phot["INSFLNAM"][-1] == "R"
    assert "DATE" in pol and "JD" not in pol and (pol["CCDBINX"], pol["CCDBINY"]) == (1, 1)
    assert [headers[f"Flat-0001{name}.fit"]["INSPOROT"] for name in ("R0", "R4498")] == [0.0, 44.98]
    frame = next(frame for frame in night.frames if frame.file == "BLLac-0001R.fit")
    assert frame.target_e_x_px is None


def test_cafos_points_to_anywhere_in_its_field(tmp_path):
    away = []
    for seed in range(6):
        made = simulate_night(tmp_path / str(seed), recipe_for("CAFOS", size_px=128, seed=seed))
        header = fits.getheader(made.files[-1])
        frame = made.frames[-1]
        away.append(separation_arcsec(header["RA"], header["DEC"], frame.ra_deg, frame.dec_deg) / 60)
    assert max(away) <= 8.01 and np.ptp(away) > 2 and np.mean(away) > 3


def test_sky_flats_of_dipol_are_sometimes_light_frames(tmp_path):
    kinds = set()
    for seed in range(12):
        made = simulate_night(tmp_path / str(seed), recipe_for("DIPOL", "phot", seed=seed, size_px=400, window_px=None))
        header = fits.getheader(made.night_folder / "Flat-0001Red.fit")
        kinds.add(header["IMAGETYP"])
        assert (header["IMAGETYP"] == "Light Frame") == ("skyflat" in header["OBJECT"])
    assert kinds == {"Flat Field", "Light Frame"}


@pytest.mark.parametrize("name", ["Hiltner 960", "BD+28 4211"])
def test_a_standard_star_has_the_polarisation_of_the_catalogue(tmp_path, name):
    star = next(star for star in read_standards() if star.name == name)
    pulls = []
    for seed in range(3):
        night = simulate_night(tmp_path / str(seed), recipe_for("CAFOS", size_px=128, targets=(name,), seed=seed))
        row = next(row for row in night.truth if row.is_target)
        assert 9.5 <= row.mag <= 10.5
        if star.p is None:
            assert row.p == 0.0
        else:
            pulls.append((row.p - star.p[0]) / star.p[1])
    assert all(abs(pull) < 4 for pull in pulls) and len(set(pulls)) == len(pulls)
    with (tmp_path / "0" / "sources.csv").open(encoding="utf-8", newline="") as table:
        listed = next(row for row in csv.DictReader(table) if row["name"] == name)
    assert listed["kind"] == star.kind
    assert listed["p"] == ("" if star.p is None else "0.0521")


def test_standards_are_those_of_the_literature():
    standards = {star.name: star for star in read_standards()}
    assert len(standards) == 15
    assert standards["Hiltner 960"].p == (0.0521, 0.00029)
    assert standards["HD 161056"].dec_deg == pytest.approx(-(7 + 4 / 60 + 46.6 / 3600), abs=1e-6)
    assert {star.kind for star in standards.values()} == {"polarised", "unpolarised"}


def test_density_thins_or_adds_stars_that_the_index_does_not_know():
    catalogue = read_catalogue()
    target = find_target("BL Lac", catalogue)
    usual, few, many = (field_stars(target, catalogue, density) for density in (1.0, 0.2, 3.0))
    assert len(few) == pytest.approx(0.2 * len(usual), abs=4 * np.sqrt(0.16 * len(usual)))
    assert set(few.ra_deg) < set(usual.ra_deg) < set(many.ra_deg)
    assert many.mags["R"][len(usual) :].min() > INDEXED_R
    near = [target, *calibrators_of(target, catalogue)]
    assert min(separation_arcsec(s.ra_deg, s.dec_deg, many.ra_deg, many.dec_deg).min() for s in near) > 12
    assert len(field_stars(target, catalogue, 0.0)) == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"instrument": "AndorT90", "flip": True}, "reads no window"),
        ({"instrument": "AndorT90", "beam_imbalance": 0.02}, "has one beam"),
        ({"instrument": "CAFOS", "n_angles": 16}, "CAFOS takes 4"),
        ({"instrument": "DIPOL", "n_angles": 5}, "DIPOL takes 4, 8, 16"),
        ({"instrument": "DIPOL", "bands": ("I",)}, "no filter I"),
        ({"instrument": "DIPOL", "companion": "X"}, "neither O nor E"),
        ({"instrument": "DIPOL", "beam_imbalance": 0.9}, "beyond"),
        ({"instrument": "CAFOS", "star_density": -1.0}, "0 or more"),
    ],
)
def test_what_an_instrument_cannot_do_is_refused(wrong, message):
    with pytest.raises(SimulationError, match=message):
        NightRecipe(**{"mode": "pol", "night": NIGHT, **wrong})


def test_bad_input_is_not_made_of_dual_beam_nights(tmp_path):
    from iop4cli.simulate.damage import damage_night

    night = simulate_night(tmp_path, recipe_for("CAFOS", size_px=128))
    with pytest.raises(SimulationError, match="single-beam"):
        damage_night(night.night_folder)
