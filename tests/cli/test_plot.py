"""iop4 plot: every kind in files of every format, in a pipe and on a terminal."""

from __future__ import annotations

import csv
import io
import math
import shutil
from typing import Any
from unittest import mock

import pytest
from small_archives import NIGHT, SmallArchive

FRAME = f"{NIGHT}/BLLac-0001R0.fit"
BEGINS = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}
# RESULT stands for the id of the polarimetric result of BL Lac.
KINDS = {
    "lightcurve": ("BL Lac",), "qu": ("BL Lac",), "modulation": ("RESULT",), "growth": (FRAME,), "sweep": ("RESULT",),
    "zeropoint": (), "health": ("BL Lac",), "masters": (), "astrometry": (FRAME,), "finding": ("BL Lac",),
    "frame": (FRAME,),
}  # fmt: skip


@pytest.fixture(scope="module")
def result_id(small_archive: SmallArchive) -> str:
    return pol_result(small_archive)["id"]


def pol_result(archive: SmallArchive) -> dict[str, Any]:
    rows = archive.rows("export", "--source", "BL Lac", "--mode", "pol", "--format", "ndjson")
    assert len(rows) == 1
    return rows[0]


def values(archive: SmallArchive, *arguments: str) -> list[dict[str, str]]:
    """The table that a plot writes into a pipe."""
    done = archive.run("plot", *arguments)
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout), delimiter="\t"))


def arguments_of(kind: str, result: str) -> list[str]:
    return [kind, *(result if one == "RESULT" else one for one in KINDS[kind])]


# By day each kind once, and each format several times.
DRAWN = [
    pytest.param(kind, suffix, marks=[pytest.mark.night] * bool((number + other) % len(BEGINS)))
    for number, kind in enumerate(KINDS)
    for other, suffix in enumerate(BEGINS)
]


@pytest.mark.parametrize(("kind", "suffix"), DRAWN)
def test_every_kind_is_drawn_in_every_format(kind, suffix, small_archive, result_id, tmp_path):
    path = tmp_path / f"plot.{suffix}"
    done = small_archive.run("plot", *arguments_of(kind, result_id), "-o", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{path}\n"
    assert path.read_bytes().startswith(BEGINS[suffix])
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_in_eighty_columns_of_a_terminal(kind, small_archive, result_id):
    with mock.patch("iop4cli.shell.output.is_terminal", return_value=True):
        done = small_archive.run("plot", *arguments_of(kind, result_id))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) > 10
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_table_in_a_pipe(kind, small_archive, result_id):
    assert values(small_archive, *arguments_of(kind, result_id))


def test_the_values_of_a_light_curve_are_the_results(small_archive):
    exported = small_archive.rows("export", "--source", "BL Lac", "--format", "ndjson")
    plotted = {row["id"]: row for row in values(small_archive, "lightcurve", "2200+420")}
    assert plotted.keys() == {row["id"] for row in exported}
    for row in exported:
        assert float(plotted[row["id"]]["mag"]) == pytest.approx(row["mag"], rel=1e-6)
        if row["p"] is not None:
            assert float(plotted[row["id"]]["p_percent"]) == pytest.approx(100 * row["p"], rel=1e-6)


def test_filters_leave_what_they_say(small_archive):
    assert [row["mode"] for row in values(small_archive, "lightcurve", "BL Lac", "--mode", "phot")] == ["phot"]
    assert len(values(small_archive, "lightcurve", "BL Lac", "--where", "p > 0", "--band", "R")) == 1


def test_the_fit_of_a_modulation_is_that_of_the_result(small_archive, result_id):
    result = pol_result(small_archive)
    rows = values(small_archive, "modulation", result_id)
    assert sorted(float(row["angle_deg"]) for row in rows) == [-45.0, 0.0, 45.0, 90.0]
    for row in rows:
        angle = 2 * math.radians(float(row["angle_deg"]))
        expected = 100 * (result["q_instr"] * math.cos(angle) + result["u_instr"] * math.sin(angle))
        assert float(row["fit_percent"]) == pytest.approx(expected, abs=1e-4)
        assert float(row["modulation_percent"]) - float(row["residual_percent"]) == pytest.approx(expected, abs=1e-4)
    # Four exposures, three unknowns: no residual may be many times its error.
    assert all(abs(float(row["residual_percent"])) < 4 * float(row["modulation_err_percent"]) for row in rows)


def test_the_aperture_of_a_sweep_and_of_the_growth_is_that_of_the_result(small_archive, result_id):
    result = pol_result(small_archive)
    used = [row for row in values(small_archive, "sweep", result_id) if row["used"] == "True"]
    assert [float(row["radius_arcsec"]) for row in used] == [pytest.approx(result["aperture_arcsec"], rel=1e-6)]
    rows = values(small_archive, "growth", result_id)
    assert len({row["frame"] for row in rows}) == 4
    # A group shares its aperture, in the median width of its frames.
    widths = [float(row["radius_px"]) / float(row["radius_fwhm"]) for row in rows]
    radii = {round(float(row["used_radius_fwhm"]) * width, 4) for row, width in zip(rows, widths, strict=True)}
    assert len(radii) == 1


def test_residuals_of_matched_stars_are_as_small_as_the_solution_says(small_archive):
    rows = values(small_archive, "astrometry", FRAME)
    matched = small_archive.rows("show", FRAME, "--json")[0]["wcs"][0]
    assert len(rows) == matched["n_matched"]
    # The solution's rms weighs bright stars more, so the plain one is larger, but no star is off by a pixel.
    lengths = [math.hypot(float(row["east_arcsec"]), float(row["north_arcsec"])) for row in rows]
    assert matched["rms_arcsec"] / 2 < math.sqrt(sum(one**2 for one in lengths) / len(lengths))
    assert max(lengths) < matched["scale_arcsec_per_px"]


def test_a_finding_chart_has_the_calibrators_where_frames_show_stars(small_archive):
    rows = values(small_archive, "finding", "BL Lac")
    seen = [row for row in rows if row["label"] == "seen"]
    calibrators = [row for row in rows if row["label"] == "calibrator"]
    assert calibrators
    for star in calibrators:
        away = min(
            math.hypot(float(star["east_arcmin"]) - float(row["east_arcmin"]),
                       float(star["north_arcmin"]) - float(row["north_arcmin"]))
            for row in seen
        )  # fmt: skip
        assert 60 * away < 2.0


def test_a_flagged_result_is_there_with_its_flag(small_archive, result_id, tmp_path):
    archive = small_archive.copy(tmp_path / "copy")
    assert archive.run("flag", "add", result_id, "--reason", "trailed").returncode == 0
    flags = {row["id"]: row["flags"] for row in values(archive, "lightcurve", "BL Lac")}
    assert flags[result_id] == "trailed"
    assert sum(bool(flag) for flag in flags.values()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lightcurve", "BL Lac", "--since", "2030-01-01"), "no result of 2200+420 with --since 2030-01-01"),
        (("qu", "BL Lac", "--mode", "phot"), "no result of 2200+420 with --mode phot has q and u"),
        (("lightcurve", "BL Lak"), "BL Lac"),
        (("zeropoint", "--band", "B"), "zero point"),
        (("masters", "--kind", "dark"), "no master"),
        (("growth", f"{NIGHT}/BLLac-0002V.fit"), "no curve of growth"),
        (("astrometry", f"{NIGHT}/BLLac-0002V.fit"), "is not solved"),
        (("astrometry", "BL Lac"), "is no frame"),
        (("modulation", "0123456789ab"), "no result has the id"),
    ],
)
def test_nothing_to_draw_is_said_and_exit_four(small_archive, tmp_path, arguments, said):
    done = small_archive.run("plot", *arguments, "-o", str(tmp_path / "plot.png"))
    assert done.returncode == 4
    assert said in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_the_modulation_of_photometry_is_a_usage_error(small_archive):
    row = small_archive.rows("export", "--source", "BL Lac", "--mode", "phot", "--format", "ndjson")[0]
    done = small_archive.run("plot", "modulation", row["id"])
    assert done.returncode == 2
    assert "photometry" in done.stderr


@pytest.mark.parametrize("name", ["plot.gif", "plot", "no/such/folder/plot.png"])
def test_a_file_that_cannot_be_is_refused_before_anything_is_read(small_archive, tmp_path, name):
    done = small_archive.run("plot", "lightcurve", "BL Lac", "-o", str(tmp_path / name))
    assert done.returncode == 2
    assert "must end in .png, .pdf or .svg" in done.stderr or "folder does not exist" in done.stderr


def test_a_frame_that_is_not_reduced_is_drawn_raw(small_archive, tmp_path):
    archive = small_archive.copy(tmp_path / "copy")
    shutil.rmtree(archive.root / "reduced")
    done = archive.run("plot", "frame", FRAME, "-o", str(tmp_path / "frame.png"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["lightcurve", "modulation", "finding", "frame"])
def test_a_terminal_without_unicode_gets_plain_letters(kind, small_archive, result_id):
    with (
        mock.patch("iop4cli.shell.output.is_terminal", return_value=True),
        mock.patch("iop4cli.shell.output.can_show", return_value=False),
    ):
        done = small_archive.run("plot", *arguments_of(kind, result_id))
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert len(done.stdout.splitlines()) > 10
