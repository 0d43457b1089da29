"""Bad input is told in a clear row and harms nothing else of the night."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from iop4cli.archive.catalog_store import read_sources, write_sources
from iop4cli.frames.quality import Quality
from iop4cli.share import share_dir
from iop4cli.simulate.damage import damage_kinds, damage_night
from iop4cli.simulate.night import NightRecipe
from tests.night.archives import Archive, Said, make_archive, without

night = pytest.mark.night
EVENING = "2022-03-10"
EPOCH = f"OSN-T090/{EVENING}"
TARGETS = ("0716+714", "0954+658")


@dataclass(frozen=True)
class Expected:
    """The row that tells of a damage: the step and how it ended, and words that the reason must hold."""

    step: str
    status: str
    words: tuple[str, ...]


HEADER = {
    "truncated": Expected("classify", "failed", ("cut short", "bytes")),
    "empty": Expected("classify", "failed", ("empty",)),
    "text": Expected("classify", "failed", ("not a readable FITS file",)),
    "cube": Expected("classify", "failed", ("NAXIS=3",)),
    "no-exptime": Expected("classify", "failed", ("EXPTIME", "is missing", "--set exptime_s=")),
    "no-jd": Expected("classify", "failed", ("JD is missing", "--set time=")),
    "unknown-instrument": Expected("classify", "failed", ("INSTRUME='ImagingSource DMK'", "known")),
    "unknown-filter": Expected("classify", "failed", ("FILTER", "'Zeta7'", "--set band=")),
    "no-flat": Expected("reduce", "impossible", ("no master flat", "band V", "passed over")),
    "cloudy": Expected("solve", "failed", ("stars found", "clouds")),
    "unknown-target": Expected("solve", "failed", ("match no index file", "pointing")),
    "same-time": Expected("phot", "impossible", ("copy of",)),
    "h-alpha": Expected("phot", "done", ("0954+658", "band Ha")),
}
EXPECTED = {
    ("phot", "saturated-target"): Expected("phot", "done", ("0954+658", "saturated")),
    ("pol", "saturated-target"): Expected("pol", "impossible", ("1 of the 3 angles",)),
    ("pol", "three-of-four"): Expected("pol", "done", ("missing angles: 90",)),
    **{(mode, kind): expected for mode in ("phot", "pol") for kind, expected in HEADER.items()},
}
CASES = sorted(EXPECTED)


@dataclass(frozen=True)
class Spoilt:
    """A night without and with all the damage, each after one run."""

    good: Archive
    bad: Archive
    files: dict[str, tuple[str, ...]]
    said: Said
    again: Said


@pytest.fixture(scope="module")
def spoilt_nights() -> dict[str, Spoilt]:
    return {}


@pytest.fixture
def spoilt(
    request: pytest.FixtureRequest, spoilt_nights: dict[str, Spoilt], module_folder: Callable[[str], Path]
) -> Spoilt:
    """The nights of a mode, made once for this file."""
    mode = request.param
    if mode not in spoilt_nights:
        spoilt_nights[mode] = _spoilt(mode, module_folder(mode))
    return spoilt_nights[mode]


def _spoilt(mode: str, folder: Path) -> Spoilt:
    recipe = NightRecipe(
        "AndorT90", mode, EVENING, 3, targets=TARGETS, size_px=700, n_bias=3, n_flats=3,
        groups_per_target=3 if mode == "phot" else 1,
    )  # fmt: skip
    good = make_archive(folder / "good", recipe)
    bad = good.copy(folder / "bad")
    kinds = [kind for kind in damage_kinds() if (mode, kind) in EXPECTED]
    damages = damage_night(bad.root / "raw" / EPOCH, kinds)
    files = {damage.kind: tuple(f"{EPOCH}/{path.name}" for path in damage.files) for damage in damages}
    good.iop4("run", "-j1")
    said = bad.iop4("run", "-j2", "--json", code=3)
    return Spoilt(good, bad, files, said, bad.iop4("run", "--json"))


def test_every_damage_that_the_simulator_makes_is_tried() -> None:
    assert {kind for _, kind in CASES} == set(damage_kinds())


@night
@pytest.mark.parametrize(("spoilt", "kind"), CASES, indirect=["spoilt"])
def test_damage_is_told_in_a_row_with_the_reason(spoilt: Spoilt, kind: str) -> None:
    mode = "pol" if "three-of-four" in spoilt.files else "phot"
    expected = EXPECTED[(mode, kind)]
    rows = [
        row
        for row in spoilt.said.rows
        if row["step"] == expected.step and row["status"] == expected.status and _is_of(row, spoilt, kind)
    ]
    assert len(rows) == 1
    for word in expected.words:
        assert word in rows[0]["reason"]
    stored = spoilt.bad.items(expected.step)[rows[0]["name"]]
    assert (stored["status"], stored["reason"]) == (expected.status, rows[0]["reason"])


def _is_of(row: dict[str, Any], spoilt: Spoilt, kind: str) -> bool:
    """Whether a row is of a damaged file, or of the group made of such files."""
    if kind != "three-of-four":
        return row["name"] == spoilt.files[kind][-1]
    frames = {
        found["input"]
        for found in spoilt.bad.sql("select * from measurement_input where role = 'frame'")
        if found["origin"] == row["name"]
    }
    return frames == set(spoilt.files[kind])


@night
@pytest.mark.parametrize("spoilt", ["phot", "pol"], indirect=True)
def test_good_frames_give_the_same_rows_as_without_the_damage(spoilt: Spoilt) -> None:
    """All but the error relative to the night, which is judged by all the frames of the night by design."""
    good, bad = spoilt.good.results(), spoilt.bad.results()
    assert len(good) >= 10
    for name, row in good.items():
        assert without(bad[name], "mag_err_night") == without(row, "mag_err_night")


@night
@pytest.mark.parametrize("spoilt", ["phot", "pol"], indirect=True)
def test_damage_that_says_nothing_of_the_sky_gives_no_result(spoilt: Spoilt) -> None:
    measured = {name for name in spoilt.bad.results() if name not in spoilt.good.results()}
    rows = [spoilt.bad.results()[name] for name in measured]
    inputs = spoilt.bad.sql("select measurement, input from measurement_input where role like 'frame%'")
    used = {row["input"] for row in inputs if row["measurement"] in measured}
    honest = {"saturated-target", "h-alpha", "three-of-four"}
    assert used <= {name for kind in honest & set(spoilt.files) for name in spoilt.files[kind]}
    assert all(row["mag"] is None for row in rows if row["band"] == "Ha")


@night
@pytest.mark.parametrize("spoilt", ["phot", "pol"], indirect=True)
def test_a_second_run_finds_nothing_due(spoilt: Spoilt) -> None:
    assert spoilt.again.code == 0
    assert "nothing due" in spoilt.again.err
    assert [row for row in spoilt.again.rows if row["status"] == "done"] == []


@night
@pytest.mark.parametrize("spoilt", ["phot"], indirect=True)
def test_a_saturated_target_has_bits_and_no_magnitude_and_its_calibrators_have_theirs(spoilt: Spoilt) -> None:
    frame = spoilt.files["saturated-target"][0]
    rows = {row["source"]: row for row in spoilt.bad.results().values() if row["origin"] == frame}
    target = rows.pop("0954+658")
    assert target["mag"] is None and target["mag_err"] is None
    assert target["quality"] & Quality.SATURATED
    assert "saturated" in target["quality_text"]
    assert len(rows) >= 3
    assert all(row["mag"] is not None and not row["quality"] & Quality.SATURATED for row in rows.values())


@night
@pytest.mark.parametrize("spoilt", ["pol"], indirect=True)
def test_three_angles_of_four_are_measured_and_flagged(spoilt: Spoilt) -> None:
    rows = [row for row in spoilt.bad.results().values() if row["mode"] == "pol" and row["source"] == "0954+658"]
    whole, part = sorted(rows, key=lambda row: -row["n_frames"])
    assert (whole["n_frames"], part["n_frames"]) == (4, 3)
    assert part["quality"] & Quality.MISSING_ANGLE and not whole["quality"] & Quality.MISSING_ANGLE
    # The same light in both: their q and u agree within the errors.
    for name in ("q", "u"):
        error = (whole[f"{name}_err"] ** 2 + part[f"{name}_err"] ** 2) ** 0.5
        assert abs(part[name] - whole[name]) < 4 * error


@night
@pytest.mark.parametrize("spoilt", ["phot"], indirect=True)
def test_what_a_person_says_of_a_header_mends_the_frame(spoilt: Spoilt, tmp_path: Path) -> None:
    archive = spoilt.bad.copy(tmp_path / "archive")
    [good] = archive.sql(f"select * from frame where name = '{EPOCH}/S40954+65-0001R.fit'")
    said = {
        "no-exptime": f"exptime_s={good['exptime_s']}",
        "no-jd": f"time={EVENING}T23:30:00",
        "unknown-filter": "band=R",
        "unknown-instrument": "instrument=AndorT90",
    }
    for kind, setting in said.items():
        done = archive.iop4("classify", "--set", setting, spoilt.files[kind][0])
        assert done.lines == [spoilt.files[kind][0]]
    archive.iop4("run", "-j1")
    mended = {row["origin"] for row in archive.results().values() if row["mag"] is not None}
    assert {spoilt.files[kind][0] for kind in said} <= mended
    archive.iop4("classify", "--set", "band=", spoilt.files["unknown-filter"][0], code=1)
    archive.iop4("run", "-j1")
    left = {row["origin"] for row in archive.results().values()}
    assert spoilt.files["unknown-filter"][0] not in left
    assert spoilt.files["no-jd"][0] in left


@night
def test_a_target_that_is_not_in_the_catalogue_is_told_and_the_other_field_is_done(raw: Archive) -> None:
    kept = [source for source in read_sources(raw.store) if "0954+65" not in source.name]
    raw.store.write([], "delete from source; delete from source_mag; delete from calibrates;")
    write_sources(raw.store, kept)
    said = raw.iop4("run", "-j1", "--json", code=3)
    told = [row for row in said.rows if row["step"] == "phot" and row["status"] == "impossible"]
    assert len(told) == 5
    assert all("S40954+65" in row["name"] and "no catalogue source" in row["reason"] for row in told)
    assert {row["source"] for row in raw.results().values()} >= {"0716+714"}
    assert "nothing due" in raw.iop4("run").err


@night
def test_a_frame_with_the_time_of_another_but_other_pixels_is_told_and_spoils_nothing(
    reduced: Archive,
) -> None:
    from astropy.io import fits

    before = reduced.results()
    for name in ("S40954+65-0001R.fit", "S40954+65-0001R45.fit"):
        path = reduced.root / "raw" / EPOCH / name
        with fits.open(path) as hdus:
            hdus[0].data[10, 10] += 1
            hdus[0].writeto(path.with_name(name.replace("-0001", "-0007")))
    said = reduced.iop4("run", "-j1", "--json", code=3)
    told = {row["name"].rsplit("/")[-1]: row["reason"] for row in said.rows if "time" in (row["reason"] or "")}
    assert set(told) >= {"S40954+65-0007R.fit", "S40954+65-0007R45.fit"}
    after = reduced.results()
    for name, row in before.items():
        assert without(after[name], "mag_err_night") == without(row, "mag_err_night")
    twins = [row for name, row in after.items() if name not in before]
    assert twins and all(row["quality"] & Quality.SAME_TIME for row in twins)


@night
def test_a_frame_behind_a_cloud_is_solved_by_the_others_and_says_so(reduced: Archive) -> None:
    """Too few stars for the index files, enough to match the field's solved frames: no failure at all."""
    through = 0.04
    name = _dimmed(reduced.root / "raw" / EPOCH / "S40954+65-0001R.fit", through)
    said = reduced.iop4("run", "-j1", "--json")
    solved = [row for row in said.rows if row["step"] == "solve" and row["name"] == name]
    assert [(row["status"], "tracked from" in row["reason"]) for row in solved] == [("done", True)]
    rows = [row for row in reduced.results().values() if row["source"] == "0954+658" and row["mode"] == "phot"]
    clear, cloudy = sorted(rows, key=lambda row: row["origin"] == name)
    assert cloudy["quality"] & Quality.CLOUDS and not clear["quality"] & Quality.CLOUDS
    assert cloudy["mag_err_photon"] > clear["mag_err_photon"] / through**0.5
    assert abs(cloudy["mag"] - clear["mag"]) < 4 * (cloudy["mag_err"] ** 2 + clear["mag_err"] ** 2) ** 0.5
    dimmer = -2.5 * math.log10(through)
    assert abs(clear["zp"] - cloudy["zp"] - dimmer) < 5 * (clear["zp_err"] ** 2 + cloudy["zp_err"] ** 2) ** 0.5


def _dimmed(path: Path, through: float) -> str:
    """The name of a new frame: the stars of this one with a fraction of their light, the sky as it was."""
    import numpy as np
    from astropy.io import fits

    with fits.open(path) as hdus:
        counts = hdus[0].data.astype(float)
        sky = np.median(counts)
        noise = 1.4826 * np.median(np.abs(counts - sky))
        lost = np.sqrt(1 - through**2) * noise * np.random.default_rng(1).standard_normal(counts.shape)
        dimmed = np.rint(sky + through * (counts - sky) + lost)
        hdus[0].data = np.clip(dimmed, 0, 65535).astype(np.uint16)
        hdus[0].header["JD"] += 0.02
        del hdus[0].header["DATE-OBS"]
        to = path.with_name(path.name.replace("-0001", "-0008"))
        hdus[0].writeto(to)
    return f"{EPOCH}/{to.name}"


def empty_archive(folder: Path) -> Archive:
    from iop4cli.archive.create import create_archive

    return Archive(create_archive(folder).root)


def test_an_unknown_key_of_the_settings_names_file_line_and_the_nearest(tmp_path: Path) -> None:
    archive = empty_archive(tmp_path / "archive")
    config = archive.root / "iop4.toml"
    config.write_text("jobs = 1\n\n[phot]\nradius_fwhn = 2.0\n", encoding="utf-8")
    said = archive.iop4("run", code=2)
    assert f"{config}:4" in said.err
    assert "phot.radius_fwhn" in said.err and "'phot.radius_fwhm'" in said.err
    assert said.out == ""


def test_a_setting_of_the_wrong_kind_names_file_and_line(tmp_path: Path) -> None:
    archive = empty_archive(tmp_path / "archive")
    config = archive.root / "iop4.toml"
    config.write_text('[phot]\nradius_fwhm = "wide"\n', encoding="utf-8")
    said = archive.iop4("run", code=2)
    assert f"{config}:2" in said.err and "must be a number" in said.err


def test_an_unknown_key_of_an_instrument_names_file_line_and_the_nearest(tmp_path: Path) -> None:
    archive = empty_archive(tmp_path / "archive")
    copy = archive.root / "instruments" / "mine.toml"
    shutil.copy(share_dir() / "instruments" / "andor_t90.toml", copy)
    text = copy.read_text(encoding="utf-8").replace("gain_e_per_adu", "gain_e_per_adc")
    copy.write_text(text, encoding="utf-8")
    line = next(n for n, row in enumerate(text.splitlines(), 1) if row.startswith("gain_e_per_adc"))
    said = archive.iop4("run", code=2)
    assert f"{copy}:{line}" in said.err
    assert "gain_e_per_adc" in said.err and "'gain_e_per_adu'" in said.err


def test_an_unknown_variable_of_ours_is_told(tmp_path: Path) -> None:
    archive = empty_archive(tmp_path / "archive")
    said = archive.iop4("run", code=2, IOP4_PHOT_RADIUS_FWHN="2")
    assert "IOP4_PHOT_RADIUS_FWHN" in said.err and "IOP4_PHOT_RADIUS_FWHM" in said.err
