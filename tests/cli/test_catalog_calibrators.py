"""`iop4 catalog calibrators`: what the survey's service says becomes calibrators by the published formulas."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from catalogue_services import MEAN_COLUMNS, as_csv, mean_csv, service, star
from small_archives import SmallArchive

RA, DEC = 330.680375, 42.277772
MINUTE = 1 / 60
EAST = MINUTE / math.cos(math.radians(DEC))
FIELD = f"""name,ra,dec,kind,mag_R,calibrates
BL Lac,{RA},{DEC},blazar,,
Star K,{RA + 3 * EAST},{DEC},star,13.9,BL Lac
"""
GOOD = [
    star(1, RA + EAST, DEC, 15.2, 14.6, 14.4),
    star(2, RA, DEC + 2 * MINUTE, 14.5, 14.0, 13.85),
    star(3, RA - 2 * EAST, DEC - MINUTE, 17.9, 17.2, 16.9),
]
# Each fails in one way alone.
BAD = {
    "the source itself": star(10, RA + EAST / 100, DEC, 15.0, 14.5, 14.3),
    "too few detections": star(11, RA + 4 * EAST, DEC, 15.0, 14.5, 14.3, nDetections=9),
    "too much scatter": star(12, RA, DEC - 4 * MINUTE, 15.0, 14.5, 14.3, iMeanPSFMagStd=0.011),
    "too bright": star(13, RA, DEC + 4 * MINUTE, 13.4, 12.99, 12.8),
    "too faint": star(14, RA, DEC + 5 * MINUTE, 18.5, 18.01, 17.8),
    "no magnitude in g, r or i": star(15, RA, DEC - 5 * MINUTE, -999.0, 14.5, 14.3),
    "a neighbour": star(16, RA - 5 * EAST, DEC, 15.0, 14.5, 14.3),
    "in the catalogue as Star K": star(17, RA + 3 * EAST, DEC, 14.6, 14.2, 14.0),
    "no relation holds": star(18, RA - 4 * EAST, DEC + MINUTE, 16.0, 14.5, 13.2),
}
OTHERS = [
    star(20, RA - 5.05 * EAST, DEC, 18.9, 18.4, 18.0),  # 3" from number 16, and 3.9 mag fainter
    star(21, RA + 1.05 * EAST, DEC, 19.2, 18.7, 18.0),  # 3" from number 1, but 4.1 mag fainter
    star(22, RA, DEC + 7.3 * MINUTE, 15.0, 14.5, 14.3),  # beyond 0.12 deg
]
SKY = [*GOOD, *BAD.values(), *OTHERS]


def by_hand(row: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Tonry et al. 2012, table 6, with x = g - r: magnitudes, and errors from the three independent ones."""
    g, r, i = (row[f"{band}MeanPSFMag"] for band in "gri")
    sg, sr, si = (row[f"{band}MeanPSFMagErr"] for band in "gri")
    x = g - r
    slope = {"B": 0.556 + 0.068 * x, "V": 0.462 + 0.026 * x, "R": -0.108 - 0.058 * x, "I": -0.136 - 0.036 * x}
    errors = {
        "B": ((1 + slope["B"]) * sg, slope["B"] * sr, 0.032),
        "V": (slope["V"] * sg, (1 - slope["V"]) * sr, 0.012),
        "R": (slope["R"] * sg, (1 - slope["R"]) * sr, 0.015),
        "I": (slope["I"] * sg, slope["I"] * sr, si, 0.017),
    }
    mags = {
        "B": g + 0.212 + 0.556 * x + 0.034 * x * x,
        "V": r + 0.005 + 0.462 * x + 0.013 * x * x,
        "R": r - 0.137 - 0.108 * x - 0.029 * x * x,
        "I": i - 0.366 - 0.136 * x - 0.018 * x * x,
    }
    return {band: (mags[band], math.hypot(*errors[band])) for band in mags}


def lupton_by_hand(row: dict[str, float]) -> float:
    """R of Lupton 2005, from r and i of SDSS by table 6 of Tonry et al. 2012."""
    x = row["gMeanPSFMag"] - row["rMeanPSFMag"]
    r = row["rMeanPSFMag"] - 0.001 + 0.004 * x + 0.007 * x * x
    i = row["iMeanPSFMag"] - 0.005 + 0.011 * x + 0.010 * x * x
    return r - 0.2936 * (r - i) - 0.1439


@pytest.fixture(scope="module")
def untouched(module_folder: Callable[[str], Path]) -> SmallArchive:
    small = SmallArchive(module_folder("field") / "archive")
    small.root.mkdir()
    assert small.run("init").returncode == 0
    (small.root / "field.csv").write_text(FIELD)
    assert small.run("catalog", "import", "field.csv").returncode == 0
    return small


@pytest.fixture
def archive(untouched: SmallArchive, tmp_path: Path) -> SmallArchive:
    return untouched.copy(tmp_path / "archive")


def catalogue(archive: SmallArchive) -> str:
    return archive.run("catalog", "export").stdout


def ask(archive: SmallArchive, url: str, *more: str):
    return archive.run("catalog", "calibrators", "bl lac", *more, IOP4_CATALOG_PANSTARRS_URL=f"{url}/dr2/mean")


def test_the_service_gives_the_stars_magnitudes_and_errors_that_the_formulas_give(archive):
    asked = []

    def answer(path, query):
        asked.append(path)
        return mean_csv(SKY, query)

    before = catalogue(archive)
    with service(answer) as url:
        preview = ask(archive, url)
        assert preview.returncode == 0, preview.stderr
        assert catalogue(archive) == before
        applied = ask(archive, url, "--apply")
        again = ask(archive, url, "--apply")
    assert asked == ["/dr2/mean.csv"] * 3
    brightest_first = sorted(GOOD, key=lambda row: row["rMeanPSFMag"])
    names = [f"BL Lac PS1 {number}" for number in (1, 2, 3)]
    assert [line.split("\t")[0] for line in preview.stdout.splitlines()] == ["name", *names]
    assert applied.stdout.split("\n")[:-1] == names
    assert (again.returncode, again.stdout) == (0, "")
    rows = archive.rows("sql", "--format", "ndjson", "select * from source_mag where source like 'BL Lac PS1%'")
    found = {(row["source"], row["band"]): (row["mag"], row["mag_err"]) for row in rows}
    expected = {
        (n, band): pair for n, row in zip(names, brightest_first, strict=True) for band, pair in by_hand(row).items()
    }
    assert found.keys() == expected.keys()
    for key, (mag, err) in expected.items():
        assert found[key] == (pytest.approx(mag, abs=1e-9), pytest.approx(err, abs=1e-9)), key
    (first,) = archive.rows("catalog", "list", names[0], "--json")
    assert (first["ra_deg"], first["dec_deg"]) == (GOOD[1]["raMean"], GOOD[1]["decMean"])
    assert (first["kind"], first["calibrates"]) == ("star", "BL Lac")
    (row,) = archive.rows(
        "sql", "--format", "ndjson", f"select reference, comment from source where name = '{names[0]}'"
    )
    assert "Pan-STARRS1 DR2" in row["reference"]
    assert "Tonry" in row["reference"]
    assert row["comment"] == f"PS1 objID {GOOD[1]['objID']}"
    assert archive.run("catalog", "undo").returncode == 0
    assert catalogue(archive) == before


def test_a_file_of_the_service_gives_the_same_and_each_star_left_out_has_its_reason(archive):
    (archive.root / "field_ps1.csv").write_text(as_csv(SKY, MEAN_COLUMNS))
    rows = archive.rows("catalog", "calibrators", "BL Lac", "--file", "field_ps1.csv", "--all", "--json")
    assert len(rows) == len(SKY) - 1
    by_id = {int(row["obj_id"]): row for row in rows}
    assert {row["objID"] for row in GOOD} == {number for number, row in by_id.items() if not row["reason"]}
    for reason, row in BAD.items():
        assert by_id[row["objID"]]["reason"].startswith(reason)
    assert by_id[GOOD[0]["objID"]]["mag_R"] == pytest.approx(by_hand(GOOD[0])["R"][0], abs=1e-9)


def test_the_limits_and_relations_can_be_chosen(archive):
    (archive.root / "f.csv").write_text(as_csv(SKY, MEAN_COLUMNS))

    def names(*more: str) -> set[int]:
        rows = archive.rows("catalog", "calibrators", "BL Lac", "--file", "f.csv", "--json", *more)
        return {int(row["obj_id"]) % 1000 for row in rows}

    assert names() == {1, 2, 3}
    assert names("--min-detections", "9") == {1, 2, 3, 11}
    assert names("--max-std", "0.012") == {1, 2, 3, 12}
    assert names("--bright", "12.9") == {1, 2, 3, 13}
    assert names("--isolation", "2") == {1, 2, 3, 16}
    assert names("--radius", "0.13") == {1, 2, 3, 22}
    assert names("--at-most", "2") == {1, 2}
    (row, *_) = archive.rows(
        "catalog", "calibrators", "BL Lac", "--file", "f.csv", "--json", "--system", "lupton", "--band", "R"
    )
    assert row["mag_R"] == pytest.approx(lupton_by_hand(GOOD[1]), abs=1e-9)
    assert "mag_V" not in row
    assert archive.run("catalog", "calibrators", "BL Lac", "--system", "mine").returncode == 2


def test_a_service_that_is_down_slow_cut_or_wrong_changes_nothing_and_says_so(archive):
    before = catalogue(archive)

    def fine(_path, query):
        return mean_csv(SKY, query)

    with service(fine) as url:
        gone = url  # shut when this block ends
    troubles = [(gone, "cannot be reached", ())]
    for more, said in (
        ({"code": 503}, "answers 503"),
        ({"cut": True}, "broke off"),
        ({"pause_s": 0.05}, "within 0.5 s"),
    ):
        with service(fine, **more) as url:
            start = time.monotonic()
            done = ask(archive, url, "--apply", "--timeout", "0.5")
            assert time.monotonic() - start < 5
            assert (done.returncode, done.stdout) == (1, "")
            assert said in done.stderr
            assert "nothing is changed" in done.stderr
    with service(lambda *_: "<html>Sorry</html>") as url:
        done = ask(archive, url, "--apply")
        assert done.returncode == 1
        assert "no table of Pan-STARRS mean objects" in done.stderr
    for url, said, more in troubles:
        done = ask(archive, url, "--apply", *more)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr
    assert catalogue(archive) == before


def test_an_empty_field_is_no_error(archive):
    with service(lambda *_: "") as url:
        done = ask(archive, url, "--apply", "--chart", "empty.pdf")
    assert done.returncode == 0, done.stderr
    assert "0 of 0 objects" in done.stderr


def test_a_finding_chart_is_drawn_and_a_new_star_takes_the_next_number(archive):
    (archive.root / "f.csv").write_text(as_csv(SKY, MEAN_COLUMNS))
    done = archive.run("catalog", "calibrators", "BL Lac", "--file", "f.csv", "--chart", "f.png", "--apply")
    assert done.returncode == 0, done.stderr
    assert (archive.root / "f.png").read_bytes().startswith(b"\x89PNG")
    more = archive.run("catalog", "calibrators", "BL Lac", "--file", "f.csv", "--bright", "12.9", "--apply")
    assert more.stdout == "BL Lac PS1 4\n"
    double = star(30, GOOD[0]["raMean"] + 0.5 / 3600, GOOD[0]["decMean"], 15.3, 14.7, 14.5)
    (archive.root / "double.csv").write_text(as_csv([*GOOD, double], MEAN_COLUMNS))
    loose = archive.rows(
        "catalog", "calibrators", "BL Lac", "--file", "double.csv", "--isolation", "0", "--all", "--json"
    )
    assert {row["reason"] for row in loose} == {"", "the same star as BL Lac PS1 2"}
    assert archive.run("catalog", "calibrators", "BL Lac", "--file", "f.csv", "--chart", "f.txt").returncode == 2
