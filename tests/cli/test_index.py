"""iop4 index: what is here, what it covers, what is needed, and where it is looked for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from small_archives import SmallArchive

from iop4cli.share import share_dir
from tests.index_samples import write_index

CATALOGUE = (
    "name,ra,dec,kind\nBL Lac,330.68038,42.27777,bllac\n3C 273,187.27792,2.05239,fsrq\nfar south,20,-70,blazar\n"
)
DEMO = share_dir() / "demo" / "index"


class IndexArchive(SmallArchive):
    """An archive with three targets and no index files but those that its settings name."""

    def environment(self, **more: str) -> dict[str, str]:
        found = super().environment(**more)
        if "IOP4_INDEX_PATH" not in more:
            del found["IOP4_INDEX_PATH"]
        return found


@pytest.fixture
def archive(tmp_path: Path) -> IndexArchive:
    made = IndexArchive(tmp_path / "archive")
    made.root.mkdir()
    (tmp_path / "sources.csv").write_text(CATALOGUE)
    for command in (["init"], ["catalog", "import", str(tmp_path / "sources.csv")]):
        assert made.run(*command).returncode == 0
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of tile 14, and one that is cut."""
    write_index(tmp_path / "index", "index-5203-14.fits")
    write_index(tmp_path / "index", "index-5204-14.fits")
    content = write_index(tmp_path / "index", "index-5205-14.fits")
    (tmp_path / "index" / "index-5205-14.fits").write_bytes(content[:-2880])
    return tmp_path / "index"


def test_list_says_what_each_file_holds_and_which_is_cut(archive: IndexArchive, folder: Path) -> None:
    done = archive.run("index", "list", "--json", IOP4_INDEX_PATH=str(folder))
    rows = {row["file"]: row for row in map(json.loads, done.stdout.splitlines())}
    good, cut = rows["index-5203-14.fits"], rows["index-5205-14.fits"]
    assert (good["number"], good["healpix"], good["nside"], good["quads_arcmin"]) == (5203, 14, 2, "5.6-7.84")
    assert (good["status"], good["size_bytes"]) == ("ok", (folder / "index-5203-14.fits").stat().st_size)
    assert (cut["status"], "cut" in cut["reason"]) == ("broken", True)
    assert done.returncode == 0
    assert "index-5205-14.fits" in archive.run("index", "list", IOP4_INDEX_PATH=str(folder)).stderr


def test_list_works_outside_an_archive(archive: IndexArchive, folder: Path, tmp_path: Path) -> None:
    outside = IndexArchive(tmp_path / "elsewhere")
    outside.root.mkdir()
    done = outside.run("index", "list", IOP4_INDEX_PATH=str(folder))
    assert (done.returncode, "2 index files in use, 1 broken" in done.stderr) == (0, True)


def test_coverage_marks_the_targets_without_a_file(archive: IndexArchive, folder: Path) -> None:
    done = archive.run("index", "coverage", IOP4_INDEX_PATH=str(folder))
    header, *lines = [line.split("\t") for line in done.stdout.splitlines()]
    table = {line[0]: dict(zip(header, line, strict=True)) for line in lines}
    assert done.returncode == 0
    # Quads of 8 to 11 arcmin are larger than the 7.9 arcmin of AndorT150, and fit in the 13 of AndorT90.
    assert {name: table["BL Lac"][name] for name in ("AndorT90", "AndorT150")} == {"AndorT90": "2", "AndorT150": "1"}
    assert set(table["3C 273"].values()) == {"3C 273", "none"}
    assert "10 of 15 fields (2 of 3 targets)" in done.stderr


def test_coverage_answers_check_with_its_exit_code(archive: IndexArchive, folder: Path) -> None:
    here = {"IOP4_INDEX_PATH": str(folder)}
    assert archive.run("index", "coverage", "--check", **here).returncode == 3
    assert archive.run("index", "coverage", "--check", "--source", "BL Lac", **here).returncode == 0
    rows = archive.run("index", "coverage", "--missing", "--json", "--instrument", "CAFOS", **here).stdout.splitlines()
    assert {json.loads(row)["source"] for row in rows} == {"3C 273", "far south"}


def test_needs_names_files_that_a_pipe_can_take(archive: IndexArchive, folder: Path) -> None:
    asked = ("index", "needs", "--source", "BL Lac", "--instrument", "AndorT90")
    done = archive.run(*asked, IOP4_INDEX_PATH=str(folder))
    assert done.stdout.splitlines() == [f"index-520{scale}-14.fits" for scale in (0, 1, 2, 5)]
    done = archive.run(*asked, "--scales", "2", "--urls", IOP4_INDEX_URL="http://127.0.0.1/mirror/")
    assert done.stdout == "http://127.0.0.1/mirror/5200/index-5202-14.fits\n"
    # Without a mirror, where the series is published.
    done = archive.run("index", "needs", "--urls", "--instrument", "AndorT90", "--source", "BL Lac", "--scales", "2")
    assert done.stdout == ("https://portal.nersc.gov/project/cosmo/temp/dstn/index-5200/LITE/index-5202-14.fits\n")
    (row,) = map(json.loads, archive.run(*asked, "--scales", "2", "--json").stdout.splitlines())
    assert (row["sources"], row["size_bytes"], row["quads_arcmin"]) == (["BL Lac"], 101424960, "4-5.6")


@pytest.mark.parametrize("said", ["2-", "x", "6-2", "-1"])
def test_scales_that_are_none_are_refused(archive: IndexArchive, said: str) -> None:
    assert archive.run("index", "needs", f"--scales={said}").returncode == 2


def test_a_calibrator_is_looked_for_in_the_field_of_its_target(archive: IndexArchive, tmp_path: Path) -> None:
    (tmp_path / "star.csv").write_text("name,ra,dec,kind,calibrates\nstar C,330.7,42.3,star,BL Lac\n")
    assert archive.run("catalog", "import", str(tmp_path / "star.csv")).returncode == 0
    done = archive.run("index", "needs", "--source", "star C", "--scales", "3")
    assert done.stdout == "index-5203-14.fits\n"


def test_add_keeps_comments_and_is_done_once(archive: IndexArchive, folder: Path) -> None:
    config = archive.root / "iop4.toml"
    config.write_text("# ours\n[solve]\nmax_stars = 50  # enough\n")
    for _ in range(2):
        done = archive.run("index", "add", str(folder))
        assert (done.returncode, done.stdout) == (0, f"{folder}\n")
    lines = config.read_text().splitlines()
    assert lines == ["# ours", "[solve]", f'index_path = ["{folder}"]', "max_stars = 50  # enough"]
    assert "2 index files in use" in archive.run("index", "list").stderr


def test_add_for_the_user_holds_for_every_archive_and_is_not_lost_by_the_archives_own(
    archive: IndexArchive, folder: Path
) -> None:
    assert archive.run("index", "add", "--user", str(DEMO)).returncode == 0
    assert "3 index files in use" in archive.run("index", "list").stderr
    assert archive.run("index", "add", str(folder)).returncode == 0
    assert "5 index files in use" in archive.run("index", "list").stderr


def test_add_refuses_what_holds_no_index_file(archive: IndexArchive, tmp_path: Path) -> None:
    before = (archive.root / "iop4.toml").read_text()
    write_index(tmp_path / "disk" / "5200", "index-5203-14.fits")
    done = archive.run("index", "add", str(tmp_path / "disk"))
    assert (done.returncode, f"{tmp_path}/disk/5200" in done.stderr) == (2, True)  # where there are some
    assert archive.run("index", "add", str(tmp_path / "nowhere")).returncode == 2
    assert (archive.root / "iop4.toml").read_text() == before


def test_add_says_that_the_environment_wins(archive: IndexArchive, folder: Path) -> None:
    assert "IOP4_INDEX_PATH is set" in archive.run("index", "add", str(folder), IOP4_INDEX_PATH=str(DEMO)).stderr


def test_verify_tells_whole_from_broken(archive: IndexArchive, folder: Path) -> None:
    done = archive.run("index", "verify", IOP4_INDEX_PATH=str(folder))
    assert (done.returncode, len(done.stdout.splitlines())) == (3, 2)
    assert archive.run("index", "verify", str(folder / "index-5203-14.fits")).returncode == 0
    assert archive.run("index", "verify", str(folder / "index-5205-14.fits")).returncode == 1
    assert archive.run("index", "verify", str(folder / "nothing.fits")).returncode == 4


def test_doctor_tells_which_targets_have_no_index_file(archive: IndexArchive, folder: Path, tmp_path: Path) -> None:
    def checked() -> dict[tuple[str, str], str]:
        rows = map(json.loads, archive.run("doctor", "--json", IOP4_INDEX_PATH=str(folder)).stdout.splitlines())
        return {(row["check"], row["status"]): row["text"] for row in rows if row["check"] != "setting"}

    found = checked()
    assert "3C 273, far south" in found["index coverage", "warning"]
    assert "index-5205-14.fits" in found["index files", "warning"]
    shutil.rmtree(folder)
    for tile in range(48):
        write_index(folder, f"index-5203-{tile:02d}.fits")
    assert ("index coverage", "warning") not in checked()
