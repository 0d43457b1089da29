"""iop4 flag: what people remark is kept apart from all that the steps write."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest
from small_archives import NIGHT, SmallArchive


@pytest.fixture
def archive(small_archive: SmallArchive, tmp_path: Path) -> SmallArchive:
    return small_archive.copy(tmp_path / "archive")


def flags(archive: SmallArchive) -> dict[str, str | None]:
    rows = archive.rows("sql", "select id, flags from results", "--format", "ndjson")
    return {row["id"]: row["flags"] for row in rows if row["flags"]}


def some_id(archive: SmallArchive) -> str:
    return str(archive.rows("export", "--format", "ndjson", "--columns", "id")[0]["id"])


def test_a_flag_bears_reason_and_name_and_shows_in_the_results(archive: SmallArchive) -> None:
    name = some_id(archive)
    done = archive.run("flag", "add", name, "--reason", "satellite trail")
    assert (done.returncode, done.stdout) == (0, f"{name}\n")
    assert flags(archive) == {name: "satellite trail"}
    (row,) = archive.rows("flag", "list", "--json")
    assert (row["id"], row["who"], row["reason"]) == (name, getpass.getuser(), "satellite trail")


def test_a_flag_survives_every_rerun(archive: SmallArchive) -> None:
    name = some_id(archive)
    archive.run("flag", "add", name, "--reason", "clouds")
    before = archive.rows("sql", "select count(*) as n from item", "--format", "ndjson")
    assert archive.run("phot", "--force", "-j", "1").returncode == 0
    archive.run("run", "-j", "1", "--param", "phot.radius_fwhm=2.0")
    assert archive.rows("sql", "select count(*) as n from item", "--format", "ndjson") == before
    assert flags(archive) == {name: "clouds"}


def test_filters_and_frames_choose_what_is_flagged(archive: SmallArchive) -> None:
    done = archive.run("flag", "add", "--source", "BL Lacertae", "--mode", "pol", "--reason", "clouds")
    assert len(done.stdout.split()) == 1
    done = archive.run("flag", "add", f"{NIGHT}/BLLac-0001R90.fit", "--reason", "jump of the telescope")
    assert len(done.stdout.split()) == 4
    assert sorted(text for text in flags(archive).values() if text)[0] == "clouds; jump of the telescope"


def test_rows_of_an_export_are_flagged_by_a_pipe(archive: SmallArchive) -> None:
    rows = archive.run("export", "--mode", "phot", "--format", "ndjson").stdout
    archive.run("flag", "add", "-", "--reason", "twilight", stdin=rows)
    assert len(flags(archive)) == rows.count("\n") == 4


def test_with_one_unknown_id_nothing_is_written(archive: SmallArchive) -> None:
    done = archive.run("flag", "add", some_id(archive), "ffffffffffff", "--reason", "clouds")
    assert (done.returncode, done.stdout) == (4, "")
    assert "ffffffffffff" in done.stderr
    assert flags(archive) == {}


@pytest.mark.parametrize(
    "arguments", [("--reason", "all of it"), ("--source", "BL Lac"), ("--source", "BL Lac", "--reason", " ")]
)
def test_a_flag_needs_a_reason_and_something_to_flag(archive: SmallArchive, arguments: tuple[str, ...]) -> None:
    done = archive.run("flag", "add", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert flags(archive) == {}


def test_flags_are_removed_all_or_by_reason(archive: SmallArchive) -> None:
    name = some_id(archive)
    archive.run("flag", "add", name, "--reason", "clouds")
    archive.run("flag", "add", name, "--reason", "moon")
    archive.run("flag", "remove", name, "--reason", "clouds")
    assert flags(archive) == {name: "moon"}
    assert archive.run("flag", "remove", name).stdout == f"{name}\n"
    assert flags(archive) == {}
    assert archive.run("flag", "remove", name).stdout == ""


def test_a_flag_whose_result_is_gone_is_listed_and_can_be_removed(archive: SmallArchive) -> None:
    name = some_id(archive)
    archive.run("flag", "add", name, "--reason", "clouds")
    archive.run("sql", "--write", f"delete from measurement where id = '{name}'")
    (row,) = archive.rows("flag", "list", name, "--json")
    assert row["source"] is None
    assert archive.run("flag", "remove", name).stdout == f"{name}\n"


def test_an_archive_without_flags_says_so(small_archive: SmallArchive) -> None:
    done = small_archive.run("flag", "list", "--json")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no flags" in done.stderr
