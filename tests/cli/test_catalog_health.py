"""`iop4 catalog health`: the archive names the calibrator whose catalogue magnitude is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_archives import SmallArchive

from iop4cli.archive.store import Batch, Store
from iop4cli.science.magnitudes import FieldSource, calibrate

STARS = {"BL Lac A": 13.0, "BL Lac B": 13.6, "BL Lac C": 14.1, "BL Lac D": 14.6}
TRUE_TARGET = 14.4
WRONG, OFF_MAG = "BL Lac C", 0.3


@pytest.fixture(scope="module")
def archive(module_folder: Callable[[str], Path]) -> SmallArchive:
    """Thirty nights of one field through the photometry's own calibration, with a wrong catalogue magnitude."""
    small = SmallArchive(module_folder("health") / "archive")
    small.root.mkdir()
    assert small.run("init").returncode == 0
    rng = np.random.default_rng(1)
    catalogued = {name: mag + 0.01 * rng.normal() for name, mag in STARS.items()}
    catalogued[WRONG] += OFF_MAG
    lines = ["name,ra,dec,kind,mag_R,mag_R_err,calibrates", "BL Lac,330.68,42.28,blazar,,,"]
    lines += [f"{name},{330.7 + i / 50},42.28,star,{catalogued[name]},0.015,BL Lac" for i, name in enumerate(STARS)]
    (small.root / "field.csv").write_text("\n".join(lines) + "\n")
    assert small.run("catalog", "import", "field.csv").returncode == 0
    rows = [row for night in range(30) for row in _night(night, rng, catalogued)]
    Store(small.root / "iop4.duckdb").write([Batch("measurement", rows)])
    return small


def _night(number, rng, catalogued):
    zero_point = 24.0 + 0.1 * rng.normal()
    truth = {"BL Lac": TRUE_TARGET, **STARS}
    noise = 0.004
    fluxes = {name: 10 ** (-0.4 * (mag - zero_point)) * (1 + noise * rng.normal()) for name, mag in truth.items()}
    sources = [
        FieldSource(
            name, flux, noise * flux, True, catalogued.get(name), 0.015 if name in STARS else None,
            ("BL Lac",) if name in STARS else (),
        )
        for name, flux in fluxes.items()
    ]  # fmt: skip
    for name, one in calibrate(sources, "BL Lac", "R").items():
        yield {
            "id": f"{number:02d}{abs(hash(name)) % 10**10:010d}", "origin": f"night {number}", "step": "phot",
            "source": name, "telescope": "OSN-T090", "night": f"2022-{1 + number // 10:02d}-{10 + number % 10}",
            "instrument": "AndorT90", "mode": "phot", "band": "R", "mjd_utc": 59600.0 + number, "mag": one.mag,
            "mag_err": one.mag_err, "mag_err_photon": one.mag_err_photon, "zp": one.zero_point.zp,
            "zp_err": one.zero_point.zp_err, "n_calibrators": len(one.calibrators), "bits": 0, "n_frames": 1,
        }  # fmt: skip


def test_the_wrong_calibrator_is_named_and_the_others_are_good(archive):
    rows = archive.rows("catalog", "health", "--json")
    assert {row["source"] for row in rows} == set(STARS)
    by_name = {row["source"]: row for row in rows}
    assert rows[0]["source"] == WRONG
    assert by_name[WRONG]["verdict"] == "offset"
    assert abs(by_name[WRONG]["mean_mag"] + OFF_MAG) < 4 * by_name[WRONG]["mean_err_mag"]
    assert {name: row["verdict"] for name, row in by_name.items() if name != WRONG} == dict.fromkeys(
        set(STARS) - {WRONG}, "good"
    )
    assert by_name[WRONG]["n"] == by_name[WRONG]["nights"] == 30


def test_the_targets_magnitude_is_unmoved(archive):
    rows = Store(archive.root / "iop4.duckdb").rows("select mag, mag_err from measurement where source = 'BL Lac'")
    assert len(rows) == 30
    for row in rows:
        assert abs(row["mag"] - TRUE_TARGET) < 4 * row["mag_err"]
    # Its common error is that of three literature magnitudes: 0.015 / sqrt(3).
    assert abs(np.mean([row["mag"] for row in rows]) - TRUE_TARGET) < 3 * 0.015 / np.sqrt(3)


def test_a_target_stands_for_its_calibrators_and_a_calibrator_for_itself(archive):
    assert len(archive.rows("catalog", "health", "bl lac", "--json")) == 4
    assert [row["source"] for row in archive.rows("catalog", "health", "BLLac D", "--json")] == ["BL Lac D"]
    nobody = archive.run("catalog", "health", "Vega")
    assert nobody.returncode == 4
    assert "Vega" in nobody.stderr


def test_in_a_pipe_it_is_a_table_of_tabs(archive):
    lines = archive.run("catalog", "health").stdout.splitlines()
    assert len(lines) == 5
    assert lines[0].split("\t")[:4] == ["source", "instrument", "band", "verdict"]
    assert lines[1].split("\t")[3] == "offset"


def test_flagged_results_do_not_count(archive, tmp_path):
    copy = archive.copy(tmp_path / "archive")
    ids = [
        row["id"] for row in Store(copy.root / "iop4.duckdb").rows("select id from measurement where mjd_utc < 59605")
    ]
    Store(copy.root / "iop4.duckdb").write(
        [Batch("flag", [{"measurement": name, "reason": "clouds", "who": "me"} for name in ids])]
    )
    counts = {row["source"]: row["n"] for row in copy.rows("catalog", "health", "--json")}
    assert set(counts.values()) == {25}


def test_an_empty_archive_says_so(tmp_path):
    small = SmallArchive(tmp_path / "archive")
    small.root.mkdir()
    assert small.run("init").returncode == 0
    done = small.run("catalog", "health", "--json")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no calibrator" in done.stderr
