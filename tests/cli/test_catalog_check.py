"""`iop4 catalog check` finds what is amiss, and `resolve` asks SIMBAD."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from catalogue_services import service
from small_archives import SmallArchive

from iop4cli.archive.store import Store

GOOD = """name,other_names,ra,dec,kind,mag_R,calibrates
BL Lac,2200+420,330.680375,42.277772,blazar,,
Star B,,330.70,42.28,star,12.9,BL Lac
PKS 0420-014,,65.815,-1.342,blazar,,
PKS 0420-01 4,,65.82,-1.33,star,13.0,PKS 0420-014
"""
SIMBAD = (
    'main_id,ra,dec,otype,rvz_redshift,ids\n"NAME BL Lac",330.68038,42.27777,"BLL",0.0686,"V* BL Lac|QSO B2200+420|x"\n'
)


def archive_of(folder: Path, text: str) -> SmallArchive:
    small = SmallArchive(folder / "archive")
    small.root.mkdir()
    assert small.run("init").returncode == 0
    (small.root / "field.csv").write_text(text)
    assert small.run("catalog", "import", "field.csv").returncode == 0
    return small


@pytest.fixture(scope="module")
def untouched(module_folder: Callable[[str], Path]) -> SmallArchive:
    return archive_of(module_folder("good"), GOOD)


@pytest.fixture
def good(untouched: SmallArchive, tmp_path: Path) -> SmallArchive:
    return untouched.copy(tmp_path / "archive")


def found(archive: SmallArchive) -> set[tuple[str, str, str | None]]:
    done = archive.run("catalog", "check", "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == (3 if rows else 0)
    return {(row["check"], row["source"], row["other"]) for row in rows}


def test_a_good_catalogue_passes_and_so_does_the_shipped_one(good, tmp_path):
    assert found(good) == set()
    (tmp_path / "other").mkdir()
    shipped = archive_of(tmp_path / "other", "name,ra,dec,kind\nElsewhere,10,20,blazar\n")
    assert shipped.run("catalog", "import").returncode == 0
    assert found(shipped) == set()


def test_each_fault_is_found_and_nothing_else(good):
    # 1.8" and 2.2" north of Star B; 9.4' is the half diagonal of the widest camera.
    faults = (
        "Twin,,330.70,42.2805,star,13,BL Lac\nNot twin,,330.70,42.27938889,star,13,BL Lac\n"
        "Far,,330.70,42.50,star,13,BL Lac\nDark,,330.72,42.30,star,,BL Lac\n"
    )
    assert good.run("catalog", "add", "-", stdin=GOOD.split("\n")[0] + "\n" + faults).returncode == 0
    assert found(good) == {
        ("duplicate", "Star B", "Twin"), ("outside", "Far", "BL Lac"), ("no magnitude", "Dark", None),
    }  # fmt: skip
    lines = good.run("catalog", "check").stdout.splitlines()
    assert len(lines) == 4
    assert '1.80" away' in lines[1]


def test_aliases_that_collide_are_found_though_import_refuses_them(good):
    archive = good
    Store(archive.root / "iop4.duckdb").write([], "update source set other_names = ['bllac'] where name = 'Star B';")
    assert found(archive) == set()  # a star of the field may be called as its target is, but for blanks
    Store(archive.root / "iop4.duckdb").write(
        [], "update source set other_names = ['2200+420'] where name = 'PKS 0420-014';"
    )
    assert ("alias", "PKS 0420-014", "BL Lac") in found(archive)


def test_with_frames_a_calibrator_must_lie_on_one(small_archive: SmallArchive, tmp_path: Path):
    copy = small_archive.copy(tmp_path / "archive")
    before = found(copy)
    assert {row for row in before if row[0] == "outside"} == set()
    # The frames are 640 x 0.387" wide, so 2.1' from the middle to an edge.
    target = copy.rows("catalog", "list", "BL Lac", "--json")[0]
    dec = str(target["dec_deg"] + 3.2 / 60)
    done = copy.run(
        "catalog", "add", "Beside", "--ra", str(target["ra_deg"]), "--dec", dec, "--kind", "star", "--mag", "R=14",
        "--calibrates", target["name"],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert found(copy) - before == {("outside", "Beside", target["name"])}


def test_simbad_gives_a_source_that_can_be_added_by_a_pipe(tmp_path):
    archive = archive_of(
        tmp_path, GOOD.replace("BL Lac,2200+420,330.680375", "Elsewhere,,10.0").replace("BL Lac", "Elsewhere")
    )
    asked = []

    def answer(path, query):
        asked.append(query["QUERY"])
        return SIMBAD

    with service(answer) as url:
        shown = archive.run("catalog", "resolve", "BLLac's", IOP4_CATALOG_SIMBAD_URL=url)
    assert "n.id = 'BLLac''s'" in asked[0]
    assert shown.returncode == 0, shown.stderr
    added = archive.run("catalog", "add", "-", stdin=shown.stdout)
    assert added.stdout == "BLLac's\n"
    (row,) = archive.rows("catalog", "list", "BL Lac", "--json")
    assert (row["ra_deg"], row["dec_deg"], row["kind"], row["redshift"]) == (330.68038, 42.27777, "bllac", 0.0686)


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        ({"code": 500}, 1, "answers 500"),
        ({"pause_s": 0.2}, 1, "within 0.3 s"),
        ({}, 4, "knows no"),
        (None, 1, "reached"),
    ],
)
def test_simbad_that_does_not_answer_changes_nothing(good, more, code, said):
    archive = good
    before = archive.run("catalog", "export").stdout
    with service(lambda *_: SIMBAD.splitlines()[0] + "\n", **(more or {})) as url:
        if more is not None:
            done = archive.run("catalog", "resolve", "X", "--add", "--timeout", "0.3", IOP4_CATALOG_SIMBAD_URL=url)
    if more is None:
        done = archive.run("catalog", "resolve", "X", "--add", "--timeout", "0.3", IOP4_CATALOG_SIMBAD_URL=url)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert archive.run("catalog", "export").stdout == before
