"""iop4 export --bundle: what a collaborator gets, whole or not at all."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from small_archives import SmallArchive

from iop4cli.export.bundle import file_stem, staged_bundle


@pytest.fixture(scope="module")
def bundle(small_archive: SmallArchive, module_folder: Callable[[str], Path]) -> Path:
    path = module_folder("bundle") / "bllac"
    done = small_archive.run("export", "--bundle", str(path))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return path


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_it_holds_data_plots_readme_and_bibtex(bundle: Path) -> None:
    data = {f"data/results.{form}" for form in ("csv", "ecsv", "parquet", "fits")}
    plots = {"plots/2200+420-lightcurve.png", "plots/2200+420-qu.png"}
    assert files(bundle) == data | plots | {"README.md", "references.bib", "SHA256SUMS"}
    assert [path.name for path in bundle.parent.iterdir()] == ["bllac"]


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_finds_every_file_whole_and_a_changed_one_not(bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    check = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    done = subprocess.run(check, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {line.split(": ")[0] for line in done.stdout.splitlines()} == files(copy) - {"SHA256SUMS"}
    (copy / "data/results.csv").write_text("changed")
    assert subprocess.run(check, cwd=copy, capture_output=True, check=False).returncode == 1


def test_the_readme_names_every_comparison_star_calibration_and_convention(
    bundle: Path, small_archive: SmallArchive
) -> None:
    text = (bundle / "README.md").read_text().replace("\\", "")
    question = "select distinct input from measurement_input where role = 'calibrator'"
    stars = [row["input"] for row in small_archive.rows("sql", question, "--format", "ndjson")]
    assert len(stars) == 3 and all(f"| {star} |" in text for star in stars)
    for said in ("T90 polarised filters, R", "Escudero Pedrosa et al. 2024", "Nilsson et al. 2007", "iop4 0.1.0",
                 "BJD_TDB", "north through east", "sha256sum -c SHA256SUMS", "references.bib"):  # fmt: skip
        assert said in text, said
    named = set(re.findall(r"^- `([^`]+)`:", text, re.MULTILINE))
    assert named == files(bundle) - {"README.md", "SHA256SUMS"}


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_a_zip_holds_the_same_files_in_a_folder_of_its_name(
    bundle: Path, small_archive: SmallArchive, tmp_path: Path
) -> None:
    path = tmp_path / "week.zip"
    assert small_archive.run("export", "--bundle", str(path)).returncode == 0
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    assert files(tmp_path / "week") == files(bundle)
    assert (tmp_path / "week/SHA256SUMS").read_bytes() == (bundle / "SHA256SUMS").read_bytes()


def test_the_same_files_make_the_same_zip(tmp_path: Path) -> None:
    contents = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        with staged_bundle(tmp_path / place / "a.zip") as folder:
            for name in ("z", "a"):
                (folder / name).write_text(name)
        contents.append((tmp_path / place / "a.zip").read_bytes())
    assert contents[0] == contents[1]


def test_nothing_is_overwritten(small_archive: SmallArchive, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("mine")
    done = small_archive.run("export", "--bundle", str(tmp_path / "mine"))
    assert done.returncode == 2 and "is there already" in done.stderr
    assert files(tmp_path) == {"mine/notes"}


def test_a_bundle_that_fails_half_way_leaves_nothing(small_archive: SmallArchive, tmp_path: Path) -> None:
    with mock.patch("iop4cli.export.bundle_readme.readme", side_effect=OSError(28, "No space left on device")):
        assert small_archive.run("export", "--bundle", str(tmp_path / "half")).returncode == 1
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyboardInterrupt), staged_bundle(tmp_path / "half.zip") as folder:
        (folder / "x").write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_while_it_is_written_it_has_not_its_name(tmp_path: Path) -> None:
    for name in ("a", "a.zip"):
        with staged_bundle(tmp_path / name) as folder:
            (folder / "x").write_text("x")
            assert not (tmp_path / name).exists()
        assert (tmp_path / name).exists()


def test_no_results_are_a_bundle_that_says_so(small_archive: SmallArchive, tmp_path: Path) -> None:
    done = small_archive.run("export", "--since", "2030-01-01", "--bundle", str(tmp_path / "none"))
    assert done.returncode == 0 and "no results" in done.stderr
    assert "Nothing fulfils the selection" in (tmp_path / "none" / "README.md").read_text()
    assert not (tmp_path / "none" / "plots").exists()


def test_names_of_sources_make_names_of_files_in_the_folder_and_apart() -> None:
    taken: set[str] = set()
    stems = [file_stem(name, taken) for name in ("../../etc/passwd", "a/b", "a b", "A_b", "\n", "", "γ", "$x^2$")]
    assert len({stem.casefold() for stem in stems}) == len(stems)
    assert all(re.fullmatch(r"[A-Za-z0-9+][A-Za-z0-9+._-]*", stem) for stem in stems)


def test_a_hostile_source_is_plotted_too(small_archive: SmallArchive, tmp_path: Path) -> None:
    source = "$x^{2$ a/../b\n|_%& γ\x07"
    archive = small_archive.copy(tmp_path / "archive")
    for table, column in (("measurement", "source"), ("source", "name"), ("calibrates", "target")):
        change = f"update {table} set {column} = '{source}' where {column} = '2200+420'"
        assert archive.run("sql", "--write", change).returncode == 0
    done = archive.run("export", "--bundle", str(tmp_path / "b"))
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "b" / "plots").iterdir())) == 2


@pytest.mark.parametrize("more", [("-o", "x.csv"), ("--format", "csv"), ("--cite",)])
def test_a_bundle_has_no_other_output(small_archive: SmallArchive, tmp_path: Path, more: tuple[str, ...]) -> None:
    done = small_archive.run("export", "--bundle", str(tmp_path / "b"), *more)
    assert done.returncode == 2 and list(tmp_path.iterdir()) == []
