"""iop4 export: the promise of the view `results`, in three formats."""

from __future__ import annotations

import csv
import io
import json
import math
import warnings
from pathlib import Path

import pytest
from small_archives import NIGHT, SmallArchive

from iop4cli.archive.columns import RESULTS

PROMISED = """
    id, source, telescope, instrument, night, mode, band, mjd_utc, bjd_tdb, exptime_s, n_frames,
    n_calibrators, mag, mag_err, zp, zp_err, q, q_err, u, u_err, qu_cov, p, p_err, p_debiased, p_lo68,
    p_hi68, p_upper95, chi_deg, chi_err_deg, q_sys, u_sys, p_sys, chi_sys_deg, q_instr, u_instr, chi2_red,
    mag_host, mag_host_err, p_host, p_host_err, aperture_arcsec, fwhm_arcsec, quality, quality_text,
    flags, calibration, method, version
""".replace(",", " ").split()
N_SOURCES = 4  # BL Lac and its three calibrators within the small frames


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def changed(small_archive: SmallArchive, tmp_path: Path) -> SmallArchive:
    return small_archive.copy(tmp_path / "archive")


def test_csv_has_the_promised_columns_in_the_promised_order(small_archive: SmallArchive) -> None:
    done = small_archive.run("export")
    header = done.stdout.splitlines()[0].split(",")
    assert header[: len(PROMISED)] == PROMISED
    assert len(read_csv(done.stdout)) == 2 * N_SOURCES


def test_every_column_is_described_with_its_unit(small_archive: SmallArchive) -> None:
    header = small_archive.run("export").stdout.splitlines()[0].split(",")
    assert [name for name in header if name not in RESULTS] == []
    units = {"_deg": "deg", "_s": "s", "_arcsec": "arcsec", "mag": "mag", "_utc": "d", "_tdb": "d"}
    wrong = [n for n in header for end, unit in units.items() if n.endswith(end) and RESULTS[n].unit != unit]
    assert wrong == []


@pytest.mark.parametrize("form", ["csv", "ecsv", "ndjson"])
def test_a_file_and_a_redirection_hold_the_same_bytes(small_archive: SmallArchive, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"out.{form}"
    assert small_archive.run("export", "-o", str(path)).stdout == ""
    done = small_archive.process("export", "--format", form)
    assert done.returncode == 0
    assert path.read_bytes() == done.stdout.encode()


def test_astropy_reads_units_masks_and_conventions_from_ecsv(small_archive: SmallArchive, tmp_path: Path) -> None:
    path = tmp_path / "out.ecsv"
    small_archive.run("export", "-o", str(path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        from astropy.table import Table

        table = Table.read(path, format="ascii.ecsv")
    units = {"mag": "mag", "chi_deg": "deg", "exptime_s": "s", "bjd_tdb": "d", "aperture_arcsec": "arcsec"}
    assert {name: str(table[name].unit) for name in units} == units
    assert all(table[name].description for name in table.colnames)
    photometric = table["mode"] == "phot"
    assert table["p"].mask[photometric].all() and not table["p"].mask[~photometric].any()
    # Of its sources only BL Lac has a host that is known.
    assert (table["mag_host"].mask == (table["source"] != "2200+420")).all() and table["mag_host"].dtype == float
    assert "BJD_TDB" in table.meta["time_system"] and "radius" in table.meta["aperture"]
    calibrations = {name for name in table["calibration"] if name}
    assert calibrations and calibrations == set(table.meta["calibration_references"])


def test_numbers_are_the_stores_own_to_the_last_bit(small_archive: SmallArchive) -> None:
    told = {row["id"]: row for row in small_archive.rows("export", "--format", "ndjson")}
    asked = {row["id"]: row for row in small_archive.rows("sql", "select * from results", "--format", "ndjson")}
    assert told == asked
    written = {row["id"]: row for row in read_csv(small_archive.run("export").stdout)}
    assert all(float(written[name]["bjd_tdb"]) == told[name]["bjd_tdb"] for name in told)


def test_what_is_not_known_is_empty_or_null_and_never_nan(small_archive: SmallArchive) -> None:
    for row in small_archive.rows("export", "--format", "ndjson", "--mode", "phot"):
        assert row["p"] is None and row["flags"] is None
        assert all(math.isfinite(value) for value in row.values() if isinstance(value, float))
    for row in read_csv(small_archive.run("export", "--mode", "phot").stdout):
        assert row["p"] == row["chi_deg"] == ""
        assert "nan" not in {value.lower() for value in row.values()}


@pytest.mark.parametrize(
    ("arguments", "n_rows"),
    [
        (("--source", "bl lac"), 2),
        (("--mode", "pol"), N_SOURCES),
        (("--band", "r", "--targets"), 2),
        (("--since", "2022-09-09"), 0),
        (("--until", "220908", "--instrument", "andort90"), 2 * N_SOURCES),
        (("--where", "mode = 'pol' and p > 0.01 -- clearly"), 1),
        (("T090/220908",), 2 * N_SOURCES),
        ((f"{NIGHT}/BLLac-0001R0.fit",), N_SOURCES),
        (("OSN-T090/*/pol-*",), N_SOURCES),
        (("T090/2209*", "--band", "V"), 0),
    ],
)
def test_items_and_filters_choose_results(small_archive: SmallArchive, arguments: tuple[str, ...], n_rows: int) -> None:
    done = small_archive.run("export", *arguments)
    assert done.returncode == 0
    assert len(read_csv(done.stdout)) == n_rows
    assert f"{n_rows or 'no'} result" in done.stderr


def test_ids_come_in_by_a_pipe(small_archive: SmallArchive) -> None:
    chosen = small_archive.run("export", "--mode", "pol", "--format", "ndjson").stdout
    again = small_archive.rows("export", "-", "--format", "ndjson", stdin=chosen)
    assert {row["mode"] for row in again} == {"pol"}
    assert [json.loads(line)["id"] for line in chosen.splitlines()] == [row["id"] for row in again]


def test_columns_are_chosen_and_ordered(small_archive: SmallArchive) -> None:
    done = small_archive.run("export", "--columns", "mag,source", "--source", "2200+420")
    assert done.stdout.splitlines()[0] == "mag,source"


def test_an_unknown_column_is_a_usage_error_with_the_nearest(small_archive: SmallArchive) -> None:
    done = small_archive.run("export", "--columns", "chi_dge")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'chi_deg'" in done.stderr


def test_a_mistake_in_a_condition_is_told_of_what_was_written(small_archive: SmallArchive) -> None:
    done = small_archive.run("export", "--where", "magg > 3")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'magg > 3'" in done.stderr and '"mag"' in done.stderr


@pytest.mark.parametrize("item", ["ffffffffffff", f"{NIGHT}/no.fit", "OSN-T090/2001-01-01"])
def test_an_unknown_item_is_an_error_of_its_own(small_archive: SmallArchive, item: str) -> None:
    done = small_archive.run("export", item)
    assert (done.returncode, done.stdout) == (4, "")
    assert item in done.stderr


def test_flagged_results_are_left_out_and_that_is_said(changed: SmallArchive, tmp_path: Path) -> None:
    changed.run("flag", "add", "--source", "BL Lac", "--reason", "clouds")
    done = changed.run("export", "-o", str(tmp_path / "a.ecsv"))
    assert "2 flagged" in done.stderr
    text = (tmp_path / "a.ecsv").read_text()
    assert '{"flagged_left_out": 2}' in text and ",clouds," not in text
    kept = read_csv(changed.run("export", "--flagged").stdout)
    assert [row["flags"] for row in kept if row["source"] == "2200+420"] == ["clouds", "clouds"]


def test_an_empty_archive_exports_a_header(small_archive: SmallArchive, tmp_path: Path) -> None:
    small_archive.run("init", str(tmp_path / "empty"))
    done = SmallArchive(tmp_path / "empty").run("export")
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1 and "no results" in done.stderr
