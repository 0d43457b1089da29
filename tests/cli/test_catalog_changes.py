"""`iop4 catalog` add, edit, remove, rename, log, undo: every change is recorded and can be taken back."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from small_archives import NIGHT, SmallArchive

from iop4cli.archive.store import Store

FIELD = """name,other_names,ra,dec,kind,mag_R,mag_R_err,calibrates
BL Lac,2200+420,330.680375,42.277772,blazar,,,
Star B,,330.70,42.28,star,12.9,0.02,BL Lac
Star C,,330.71,42.27,star,13.5,0.02,BL Lac
Far,,10.0,5.0,blazar,,,
"""


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


def changes(archive: SmallArchive) -> list[dict]:
    return archive.rows("catalog", "log", "--json")


def editor(folder: Path, script: str) -> str:
    """An editor that changes the file by a sed script."""
    file = folder / "editor.sh"
    file.write_text(f'#!/bin/sh\nsed \'{script}\' "$1" > "$1.new" && mv "$1.new" "$1"\n')
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


def test_a_source_is_added_from_options_and_what_is_wrong_adds_nothing(archive):
    added = archive.run(
        "catalog", "add", "OJ 287", "--ra", "08:54:48.87", "--dec", "-0 30 00", "--kind", "bllac", "--other-name",
        "0851+202", "--mag", "R=14.5,0.02", "--mag", "V=15", "--p", "0.1,0.01", "--redshift", "0.306",
    )  # fmt: skip
    assert (added.returncode, added.stdout) == (0, "OJ 287\n")
    (row,) = archive.rows("catalog", "list", "0851+202", "--json")
    assert row["ra_deg"] == pytest.approx(133.703625)
    assert (row["dec_deg"], row["mags"], row["p"]) == (-0.5, "R=14.5 V=15", 0.1)
    before = catalogue(archive)
    for wrong, said in (
        (("add", "OJ 287", "--ra", "1", "--dec", "2"), "already"),
        (("add", "X", "--ra", "361", "--dec", "2"), "right ascension"),
        (("add", "X", "--ra", "1", "--dec", "2", "--calibrates", "nobody"), "is no source"),
        (("add", "X", "--ra", "1", "--dec", "2", "--p", "10"), "not percent"),
        (("add", "X", "--ra", "1", "--dec", "2", "--other-name", "bl lac"), "BL Lac"),
    ):
        done = archive.run("catalog", *wrong)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
    assert catalogue(archive) == before


def test_sources_are_added_from_standard_input_as_toml_or_csv(archive):
    toml = 'name = "T"\nra = 10.5\ndec = 2\nkind = "star"\ncalibrates = ["Far"]\n[mags]\nR = [13.0, 0.01]\n'
    assert archive.run("catalog", "add", "-", stdin=toml).stdout == "T\n"
    assert archive.run("catalog", "add", "-", stdin="name,ra,dec,kind\nU,1,2,star\nW,3,4,star\n").stdout == "U\nW\n"
    wrong = archive.run("catalog", "add", "-", stdin=toml.replace('"T"', '"T2"').replace("13.0", '"bright"'))
    assert wrong.returncode == 2
    assert "standard input:7: mag_R" in wrong.stderr


def test_an_edit_changes_what_was_edited_and_nothing_else(archive):
    done = archive.run("catalog", "edit", "star b", EDITOR=editor(archive.root, "s/^R = .*/R = [12.8, 0.03]/"))
    assert (done.returncode, done.stdout) == (0, "Star B\n")
    assert catalogue(archive) == archive_text("Star B,,330.7,42.28,star,BL Lac,12.8,0.03")
    last = changes(archive)[-1]
    assert (last["what"], last["source"], last["changes"]) == ("edit", "Star B", "mags R: 12.9 +- 0.02 -> 12.8 +- 0.03")
    assert last["who"]
    assert last["time_utc"]


def archive_text(star_b: str) -> str:
    return (
        "name,other_names,ra,dec,kind,calibrates,mag_R,mag_R_err\nBL Lac,2200+420,330.680375,42.277772,blazar,,,\n"
        f"Far,,10.0,5.0,blazar,,,\n{star_b}\nStar C,,330.71,42.27,star,BL Lac,13.5,0.02\n"
    )


def test_an_edit_with_an_error_changes_nothing_and_keeps_the_file(archive):
    before = catalogue(archive)
    done = archive.run("catalog", "edit", "Star B", EDITOR=editor(archive.root, 's/^kind = .*/kind = "str"/'))
    assert done.returncode == 2
    assert "kind" in done.stderr
    assert "did you mean 'star'" in done.stderr
    kept = Path(done.stderr.split("what you wrote is in ")[1].strip())
    assert 'kind = "str"' in kept.read_text()
    kept.unlink()
    for script, said in (('s/^name = .*/name = "B2"/', "rename"), ("s/^ra = .*/ra = /", "not valid TOML")):
        done = archive.run("catalog", "edit", "Star B", EDITOR=editor(archive.root, script))
        assert done.returncode == 2
        assert said in done.stderr
        Path(done.stderr.split("what you wrote is in ")[1].strip()).unlink()
    assert archive.run("catalog", "edit", "Star B", EDITOR="/no/such/editor").returncode == 2
    assert archive.run("catalog", "edit", "Star B", EDITOR="true").stderr.strip() == "nothing is changed"
    assert catalogue(archive) == before


def test_at_a_terminal_a_wrong_edit_is_offered_again(archive):
    """The first time the editor writes what is no kind, the second time it mends that."""
    file = archive.root / "editor.sh"
    first = "sed -i 's/^kind = .*/kind = \"blzr\"/' $1"
    file.write_text(f"#!/bin/sh\nif grep -q blzr $1; then sed -i 's/blzr/agn/' $1; else {first}; fi\n")
    file.chmod(0o755)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "iop4cli", "catalog", "edit", "Far"], cwd=archive.root, stdin=theirs,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=archive.environment(EDITOR=str(file)), text=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        os.write(ours, b"y\n")
        out, err = process.communicate(timeout=60)
    os.close(ours)
    assert (process.returncode, out) == (0, "Far\n")
    assert "'blzr' is no kind of source" in err
    assert "edit again?" in err
    assert archive.rows("catalog", "list", "Far", "--json")[0]["kind"] == "agn"


def test_what_is_calibrated_or_calibrates_is_removed_only_by_force(archive):
    before = catalogue(archive)
    refused = archive.run("catalog", "remove", "BL Lac")
    assert refused.returncode == 2
    assert "Star B calibrates BL Lac" in refused.stderr
    assert archive.run("catalog", "remove", "Star C").returncode == 2
    assert archive.run("catalog", "remove", "nobody").returncode == 4
    assert catalogue(archive) == before
    assert archive.run("catalog", "remove", "Far").stdout == "Far\n"
    forced = archive.run("catalog", "remove", "2200+420", "--force")
    assert forced.returncode == 0
    assert "Star C calibrates nothing any more" in forced.stderr
    assert "BL Lac" not in catalogue(archive)
    assert archive.run("catalog", "undo").returncode == 0
    assert archive.run("catalog", "undo").returncode == 0
    assert catalogue(archive) == before
    together = archive.run("catalog", "remove", "BL Lac", "Star B", "Star C")
    assert together.returncode == 0, together.stderr


def test_a_renamed_source_keeps_its_old_name_as_alias_and_its_calibrators(archive):
    before = catalogue(archive)
    assert archive.run("catalog", "rename", "BL Lac", "BL Lacertae").returncode == 0
    (row,) = archive.rows("catalog", "list", "bllac", "--json")
    assert (row["name"], row["other_names"]) == ("BL Lacertae", "BL Lac;2200+420")
    assert archive.rows("catalog", "list", "Star B", "--json")[0]["calibrates"] == "BL Lacertae"
    assert archive.run("catalog", "rename", "Far", "Star B").returncode == 2
    assert archive.run("catalog", "rename", "Far", "bl lac").returncode == 2
    assert archive.run("catalog", "undo").returncode == 0
    assert catalogue(archive) == before


def test_any_change_can_be_undone_and_the_undoing_too(archive):
    before = catalogue(archive)
    archive.run("catalog", "add", "A", "--ra", "1", "--dec", "2")
    archive.run("catalog", "edit", "Far", EDITOR=editor(archive.root, "s/^ra = .*/ra = 11.0/"))
    changed = catalogue(archive)
    first, second = changes(archive)[-2:]
    assert archive.run("catalog", "undo", str(first["change"])).stdout == "A\n"
    assert archive.run("catalog", "undo").stdout == "Far\n"
    assert catalogue(archive) == before
    numbers = [row["change"] for row in changes(archive)]
    assert archive.run("catalog", "undo", str(numbers[-1])).returncode == 0
    assert archive.run("catalog", "undo", str(numbers[-2])).returncode == 0
    assert catalogue(archive) == changed
    taken = archive.run("catalog", "undo", str(second["change"]))
    assert taken.returncode == 2
    assert "was taken back by change" in taken.stderr
    assert archive.run("catalog", "undo", "999").returncode == 4


def test_a_change_is_not_undone_below_a_later_one_or_where_others_rest_on_it(archive):
    archive.run("catalog", "add", "T", "--ra", "1", "--dec", "2")
    added = changes(archive)[-1]["change"]
    archive.run("catalog", "add", "S", "--ra", "1.01", "--dec", "2", "--kind", "star", "--calibrates", "T")
    needed = archive.run("catalog", "undo", str(added))
    assert needed.returncode == 2
    assert "S calibrates T" in needed.stderr
    archive.run("catalog", "undo")
    archive.run("catalog", "rename", "T", "T new")
    later = archive.run("catalog", "undo", str(added))
    assert later.returncode == 2
    assert "undo that first" in later.stderr


def test_the_journal_is_in_the_store_with_before_and_after(archive):
    archive.run("catalog", "rename", "Far", "Farther")
    sql = "select * from catalog_change where what like 'rename%' order by source desc"
    (new, old) = Store(archive.root / "iop4.duckdb").rows(sql)
    assert (new["source"], new["before"], json.loads(new["after"])["other_names"]) == ("Farther", None, ["Far"])
    assert (old["source"], old["after"], json.loads(old["before"])["ra_deg"]) == ("Far", None, 10.0)


def test_a_changed_magnitude_makes_the_results_that_rest_on_it_due_and_undoing_makes_them_current(
    small_archive: SmallArchive, tmp_path: Path
):
    copy = small_archive.copy(tmp_path / "archive")

    def due(step: str) -> set[str]:
        rows = copy.run(step, "-n", "--json", NIGHT).stdout.splitlines()
        return {row["name"] for row in map(json.loads, rows) if row["status"] == "due"}

    assert due("pol") == set()
    star = next(row["name"] for row in copy.rows("catalog", "list", "--json") if row["calibrates"])
    done = copy.run("catalog", "edit", star, EDITOR=editor(copy.root, "s/^R = .*/R = [14.0, 0.03]/"))
    assert done.returncode == 0, done.stderr
    assert len(due("pol")) == 1
    assert len(due("phot")) == 1
    assert copy.run("catalog", "undo").returncode == 0
    assert due("pol") == due("phot") == set()


@pytest.mark.night
def test_flags_go_with_a_renamed_source(small_archive: SmallArchive, tmp_path: Path):
    copy = small_archive.copy(tmp_path / "archive")
    flagged = copy.run("flag", "add", "--source", "BL Lac", "--reason", "moon").stdout.split()
    assert flagged
    name = copy.rows("catalog", "list", "BL Lac", "--json")[0]["name"]
    assert copy.run("catalog", "rename", name, "The target").returncode == 0
    done = copy.run("run", "-j", "1")
    assert done.returncode == 0, done.stderr
    rows = Store(copy.root / "iop4.duckdb").rows("select source from results where flags is not null")
    assert [row["source"] for row in rows] == ["The target"] * len(flagged)
