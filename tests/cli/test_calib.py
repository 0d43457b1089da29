"""iop4 calib: one list of calibrations, who accepted what, and what becomes due by it."""

from __future__ import annotations

import getpass
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from small_archives import NIGHT, SmallArchive

from iop4cli.archive.people import add_calibration
from iop4cli.archive.store import Store
from iop4cli.instruments.registry import Registry, parse_instrument
from iop4cli.share import share_dir

COVARIANCE = [[1e-6, 0, -1e-4, 0], [0, 1e-6, 0, 0], [-1e-4, 0, 0.04, 0], [0, 0, 0, 1e-4]]
RESIDUALS = [
    {"id": "0" * 12, "star": "HD 204827", "source": "HD 204827", "night": "2022-09-07", "q": 1e-4, "u": -3e-4,
     "q_err": 5e-4, "u_err": 5e-4, "used": True, "reason": ""},
    {"id": "1" * 12, "star": "BD+33 2642", "source": "BD+33 2642", "night": "2022-09-07", "q": None, "u": None,
     "q_err": None, "u_err": None, "used": False, "reason": "doubtful standard: no zero"},
]  # fmt: skip


@pytest.fixture
def archive(small_archive: SmallArchive, tmp_path: Path) -> SmallArchive:
    return small_archive.copy(tmp_path / "archive")


def add(archive: SmallArchive, name: str, **other: Any) -> None:
    """A calibration as a fit leaves it: nobody has accepted it."""
    row = {
        "name": name, "instrument": "AndorT90", "band": "R", "q_inst": 0.051, "q_inst_err": 1e-3, "u_inst": 0.052,
        "u_inst_err": 1e-3, "zero_angle_deg": -17.0, "zero_angle_err_deg": 0.2, "efficiency": 1.01,
        "efficiency_err": 0.01, "valid_from": "2022-09-01", "valid_until": None, "source": "a test",
        "covariance": json.dumps(COVARIANCE), "chi2": 3.5, "dof": 4, "n_measurements": 1, "n_stars": 1,
        "scatter": 0.0, "star_scatter": 0.0, "raw_scatter": None, "held": "", "residuals": json.dumps(RESIDUALS),
        **other,
    }  # fmt: skip
    add_calibration(Store(archive.root / "iop4.duckdb"), row, "somebody")


def due(archive: SmallArchive) -> dict[str, list[str]]:
    """step -> why each of its items is due; what cannot be done is left out."""
    found: dict[str, list[str]] = {}
    for row in archive.rows("run", "-n", "--json"):
        if row["status"] == "due":
            found.setdefault(row["step"], []).append(row["reason"])
    return found


def accept(archive: SmallArchive, name: str) -> None:
    done = archive.run("calib", "accept", name)
    assert (done.returncode, done.stdout) == (0, f"{name}\n"), done.stderr


def test_the_list_holds_those_of_the_files_and_those_of_the_archive(archive: SmallArchive) -> None:
    add(archive, "T90 autumn")
    rows = {(row["instrument"], row["name"]): row for row in archive.rows("calib", "list", "--json")}
    assert rows["CAFOS", "CAFOS, R"]["status"] == "instrument file"
    assert rows["AndorT90", "T90 autumn"]["status"] == "proposed"
    only = archive.rows("calib", "list", "--instrument", "andort90", "--json")
    assert {row["instrument"] for row in only} == {"AndorT90"}
    header = archive.run("calib", "list").stdout.splitlines()[0].split("\t")
    assert header[:4] == ["name", "instrument", "band", "status"]


@pytest.mark.parametrize(
    "other",
    [
        {"instrument": "RoperT90"},
        {"band": "V"},
        {"valid_from": "2022-09-09"},
        {"valid_from": None, "valid_until": "2022-09-07"},
    ],
)
def test_a_calibration_of_something_else_makes_nothing_due(archive: SmallArchive, other: dict[str, Any]) -> None:
    add(archive, "other", **other)
    accept(archive, "other")
    assert due(archive) == {}


def test_only_an_accepted_calibration_counts_and_then_exactly_its_results_are_due(archive: SmallArchive) -> None:
    add(archive, "T90 autumn", valid_from="2022-09-08", valid_until="2022-09-08")
    assert due(archive) == {}
    accept(archive, "T90 autumn")
    found = due(archive)
    assert found.pop("pol") == ["changed: calibration"]
    # The night's own judgement of its results follows them.
    assert set(found) <= {"correct"}
    assert archive.run("pol", "-j", "1").returncode == 0
    assert "pol" not in due(archive)
    rows = archive.rows("export", "--mode", "pol", "--format", "ndjson")
    assert {row["calibration"] for row in rows} == {"T90 autumn"}
    assert {(row["q_inst"], row["u_inst"]) for row in rows} == {(0.051, 0.052)}
    assert archive.run("calib", "reject", "T90 autumn", "--reason", "a cloud").returncode == 0
    assert due(archive)["pol"] == ["changed: calibration"]


def test_of_two_accepted_ones_the_newer_holds(archive: SmallArchive) -> None:
    add(archive, "first")
    add(archive, "second", q_inst=0.055)
    accept(archive, "second")
    done = archive.run("calib", "accept", "first")
    assert "second holds, the newer one" in done.stderr
    assert archive.run("pol", "-j", "1").returncode == 0
    rows = archive.rows("export", "--mode", "pol", "--format", "ndjson")
    assert {row["calibration"] for row in rows} == {"second"}
    (named,) = {name for row in rows for name in [row["calibration"]]}
    shown = archive.rows("show", str(rows[0]["id"]), "--json")[0]["calibration"]
    assert (shown["name"], shown["status"]) == (named, "accepted")


def test_decisions_are_kept_with_who_and_why(archive: SmallArchive) -> None:
    add(archive, "T90 autumn")
    accept(archive, "T90 autumn")
    archive.run("calib", "reject", "t90 autumn", "--reason", "the filter was turned")
    (document,) = archive.rows("calib", "show", "T90 autumn", "--json")
    assert [(one["text"], one["who"]) for one in document["decisions"]] == [
        ("accepted", getpass.getuser()), ("rejected: the filter was turned", getpass.getuser()),
    ]  # fmt: skip
    assert (document["status"], document["made_by"]) == ("rejected", "somebody")
    assert document["correlation"][0][2] == pytest.approx(-1e-4 / (1e-3 * 0.2))
    assert [one["used"] for one in document["measurements"]] == [True, False]
    text = archive.run("calib", "show", "T90 autumn").stdout
    for word in ("rejected: the filter was turned", "left out: doubtful standard", "HD 204827", "1.0100"):
        assert word in text


def test_show_tells_which_results_use_a_calibration(archive: SmallArchive) -> None:
    shown = archive.rows("calib", "show", "T90 polarised filters, R", "--json")
    used = {one["instrument"]: one["used_by"] for one in shown}
    assert used["RoperT90"] == []
    assert {one["night"] for one in used["AndorT90"]} == {NIGHT.split("/")[1]}


def test_an_exported_entry_is_read_back_by_an_instruments_file(archive: SmallArchive, tmp_path: Path) -> None:
    add(archive, "T90 autumn", valid_until="2022-12-31")
    accept(archive, "T90 autumn")
    assert archive.run("calib", "export", "-o", str(tmp_path / "entry.toml")).returncode == 0
    entry = (tmp_path / "entry.toml").read_text()
    assert archive.run("calib", "export").stdout == entry
    assert tomllib.loads(entry)["calibrations"][0]["covariance"] == COVARIANCE
    shipped = (share_dir() / "instruments" / "andor_t90.toml").read_text()
    instrument = parse_instrument(f"{shipped}\n{entry}")
    found = instrument.calibration_for("R", "2022-10-01")
    assert found is not None
    assert (found.name, found.efficiency, found.covariance) == ("T90 autumn", 1.01, tuple(map(tuple, COVARIANCE)))
    assert instrument.calibration_for("R", "2023-01-01") == Registry.load().by_name("AndorT90").calibrations[0]


def test_an_exported_table_is_read_by_astropy(archive: SmallArchive, tmp_path: Path) -> None:
    from astropy.table import Table

    add(archive, "T90 autumn")
    assert archive.run("calib", "export", "T90 autumn", "CAFOS, R", "-o", str(tmp_path / "all.ecsv")).returncode == 0
    table = Table.read(tmp_path / "all.ecsv")
    assert list(table["name"]) == ["T90 autumn", "CAFOS, R"]
    assert str(table["zero_angle_deg"].unit) == "deg"
    assert table["dof"].mask.tolist() == [False, True]


def test_a_plot_is_drawn(archive: SmallArchive, tmp_path: Path) -> None:
    add(archive, "T90 autumn", scatter=2e-4)
    done = archive.run("calib", "plot", "T90 autumn", "-o", str(tmp_path / "r.png"))
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'r.png'}\n"), done.stderr
    assert (tmp_path / "r.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert archive.run("calib", "plot", "T90 autumn", "-o", str(tmp_path / "r.txt")).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["fit", "--instrument", "AndorT90"], 4, "holds none of the 15 standards"),
        (["fit", "--instrument", "AndorT9"], 2, "did you mean 'AndorT90'"),
        (["fit", "--instrument", "AndorT90", "--hold", "chi"], 2, "polarisation, zero-angle, efficiency"),
        (["fit"], 2, "--instrument"),
        (["show", "T90 autum"], 4, "did you mean 'T90 autumn'"),
        (["accept", "CAFOS, R"], 2, "is in the file of CAFOS"),
        (["export"], 4, "no calibration is accepted"),
        (["export", "CAFOS, R", "--format", "csv"], 2, "toml or ecsv"),
    ],
)
def test_mistakes_are_told_with_what_to_do(archive: SmallArchive, arguments: list[str], code: int, said: str) -> None:
    add(archive, "T90 autumn")
    done = archive.run("calib", *arguments)
    assert done.returncode == code
    assert said in " ".join(done.stderr.split())


def test_without_results_of_standards_the_way_to_some_is_told(archive: SmallArchive) -> None:
    standards = str(share_dir() / "catalogs" / "polarimetric_standards.ecsv")
    assert archive.run("catalog", "import", standards).returncode == 0
    done = archive.run("calib", "fit", "--instrument", "AndorT90", "--band", "R")
    assert done.returncode == 4
    assert "no polarimetric result of a standard by AndorT90 in R" in done.stderr
    assert "4 results of other sources" in done.stderr


def test_the_users_own_standards_are_fitted(archive: SmallArchive, tmp_path: Path) -> None:
    """Any star of a table of standards will do, by alias or place: here BL Lac and its comparison stars."""
    (row,) = archive.rows("catalog", "list", "BL Lac", "--json")
    table = tmp_path / "mine.csv"
    rows = ["name,other_names,ra,dec,kind,band,p,p_err,chi,chi_err,doubt"]
    rows += [f"Beta,,{row['ra_deg']},{row['dec_deg']},polarised,,0.1,0.01,20,3,"]
    table.write_text("\n".join(rows) + "\n")
    (fitted,) = archive.rows("calib", "fit", "--instrument", "AndorT90", "--standards", str(table), "--json")
    # One beam and one group: nothing tells the transparency, so the instrument's own polarisation is kept.
    assert fitted["held"] == "q_inst, u_inst"
    assert (fitted["q_inst"], fitted["u_inst"]) == (0.0579, 0.0583)
    assert [one["star"] for one in fitted["residuals"]] == ["Beta"]
    assert fitted["name"] == "AndorT90 R 2022-09-08"
    again = archive.run("calib", "fit", "--instrument", "AndorT90", "--standards", str(table))
    assert again.stdout == "AndorT90 R 2022-09-08 (2)\n"
    table.write_text("\n".join([rows[0], rows[1] + "variable"]) + "\n")
    doubtful = archive.run("calib", "fit", "--instrument", "AndorT90", "--standards", str(table))
    assert doubtful.returncode == 4
    assert "doubtful standard: variable" in doubtful.stderr
    asked = ["calib", "fit", "--instrument", "AndorT90", "--standards", str(table), "--doubtful", "-n"]
    assert archive.run(*asked).returncode == 0
    assert len(archive.rows("calib", "list", "--instrument", "AndorT90", "--json")) == 3
