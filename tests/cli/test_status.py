"""iop4 status: what is there, what is missing, and why."""

from __future__ import annotations

import csv
import io
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from small_archives import NIGHT, SmallArchive


def test_a_night_is_counted_step_by_step(small_archive: SmallArchive) -> None:
    (night,) = small_archive.rows("status", "--json")
    said = {name: night[name] for name in ("name", "frames", "classified", "lights", "masters", "groups")}
    # 3 bias, 15 flats, 4 + 1 lights, one without flat, one cut short; a bias and five flats combined.
    assert said == {"name": NIGHT, "frames": 25, "classified": 24, "lights": 6, "masters": 6, "groups": 1}
    assert [night[name] for name in ("reduced", "solved", "phot", "results", "problems")] == [5, 5, 5, 8, 2]
    assert night["steps"]["reduce"] == {"done": 5, "impossible": 1}


def test_a_pipe_gets_tab_separated_values(small_archive: SmallArchive) -> None:
    done = small_archive.run("status", COLUMNS="20")
    (row,) = csv.DictReader(io.StringIO(done.stdout), delimiter="\t")
    (night,) = small_archive.rows("status", "--json")
    assert {name: value for name, value in row.items() if name != "night"} == {
        name: str(night[name]) for name in row if name != "night"
    }
    assert (row["night"], row["frames"], row["unclassified"]) == (NIGHT, "25", "0")
    assert "--why" in done.stderr
    why = list(csv.DictReader(io.StringIO(small_archive.run("status", "--why").stdout), delimiter="\t"))
    assert [{**row, "updated": None} for row in why] == [
        {**row, "updated": None} for row in small_archive.rows("status", "--why", "--json")
    ]


def test_without_standard_streams_it_is_no_crash(small_archive: SmallArchive) -> None:
    """As daemons start programs; `>&-` in a shell."""
    command = f"{shlex.quote(sys.executable)} -m iop4cli status"
    for closed, streams in (("stdout", ">&-"), ("all", "<&- >&- 2>&-")):
        done = subprocess.run(
            ["sh", "-c", f"{command} {streams}"], cwd=small_archive.root, env=small_archive.environment(),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (0, "", False), closed


def test_filters_narrow_the_counts(small_archive: SmallArchive) -> None:
    (night,) = small_archive.rows("status", "--json", "--mode", "phot", "--band", "R")
    # One light and the flats of its filter, the masters that the light had, and a result for each source.
    assert [night[name] for name in ("frames", "masters", "phot", "groups", "results")] == [4, 2, 1, 0, 4]


def test_why_lists_each_item_that_has_no_product_and_the_reason(small_archive: SmallArchive) -> None:
    rows = {(row["step"], row["name"]): row for row in small_archive.rows("status", "--why", "--json")}
    cut, no_flat = f"{NIGHT}/Cut-0001R.fit", f"{NIGHT}/BLLac-0002V.fit"
    assert rows[("classify", cut)]["status"] == "failed"
    assert rows[("reduce", no_flat)]["status"] == "impossible"
    assert "no master flat" in rows[("reduce", no_flat)]["reason"]
    assert {rows[(step, no_flat)]["status"] for step in ("solve", "phot")} == {"blocked"}
    assert {name for _, name in rows} == {cut, no_flat}


def test_why_of_a_frame_tells_the_masters_taken_and_passed_over(small_archive: SmallArchive) -> None:
    (row,) = small_archive.rows("status", "--why", "--json", "T090/220908/BLLac-0001R45.fit")
    masters = {master["kind"]: master for master in row["masters"]}
    assert set(masters) == {"bias", "flat"}
    flat = masters["flat"]
    assert "R-+45deg" in flat["taken"] and flat["had"] == flat["taken"]
    assert len(flat["passed_over"]) == 4
    assert all("angle" in other["why"] for other in flat["passed_over"])
    assert [step["step"] for step in row["steps"]] == [
        "classify", "reduce", "solve", "phot", "pol", "correct",
    ]  # fmt: skip


def test_why_of_a_frame_without_a_master_names_the_criterion_that_failed(small_archive: SmallArchive) -> None:
    shown = small_archive.run("status", "--why", f"{NIGHT}/BLLac-0002V.fit").stdout
    assert "flat: none" in shown
    assert shown.count("its band is R") >= 5


def test_new_files_are_announced(small_archive: SmallArchive, tmp_path: Path) -> None:
    archive = small_archive.copy(tmp_path / "archive")
    folder = archive.root / "raw" / "OSN-T090" / "2022-09-09"
    folder.mkdir()
    shutil.copy(archive.root / "raw" / NIGHT / "Bias-0001.fit", folder / "Bias-0001.fit")
    nights = {row["name"]: row for row in archive.rows("status", "--json")}
    assert nights["OSN-T090/2022-09-09"]["unclassified"] == 1
    assert set(nights["OSN-T090/2022-09-09"]) == set(nights[NIGHT])
    assert "1 files in raw/" in archive.run("status").stderr


def test_an_empty_archive_says_what_to_do(small_archive: SmallArchive, tmp_path: Path) -> None:
    small_archive.run("init", str(tmp_path / "empty"))
    empty = SmallArchive(tmp_path / "empty")
    assert empty.rows("status", "--json") == []
    assert "iop4 fetch" in empty.run("status").stderr
    assert [len(empty.run(*verb).stdout.splitlines()) for verb in (["status"], ["status", "--why"], ["log"])] == [1] * 3
    assert empty.rows("status", "--why", "--json") == []


def test_an_unknown_night_is_no_such_item(small_archive: SmallArchive) -> None:
    assert small_archive.run("status", "T090/010101").returncode == 4
