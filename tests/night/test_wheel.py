"""The wheel and the sdist work where there is no checkout: data, man pages and completions come along."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.night

ROOT = Path(__file__).resolve().parents[2]
COMPLETIONS = (
    "share/bash-completion/completions/iop4",
    "share/zsh/site-functions/_iop4",
    "share/fish/vendor_completions.d/iop4.fish",
)


@pytest.fixture(scope="module")
def outside(module_folder: Callable[[str], Path]) -> Path:
    """A folder that no checkout is above of."""
    folder = module_folder("outside")
    assert not any((above / "pyproject.toml").exists() for above in folder.parents)
    return folder


def ran(*command: str | Path, cwd: Path, **variables: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("IOP4_", "PYTHON", "XDG_"))}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=kept | variables, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def packed(source: Path, to: Path) -> tuple[Path, Path]:
    """(wheel, sdist) of a folder of sources; the wheel is made of the checkout's files, not of the sdist's."""
    for kind in ("--sdist", "--wheel"):
        ran(sys.executable, "-m", "build", "--quiet", kind, "-o", to, source, cwd=to.parent)
    return next(to.glob("*.whl")), next(to.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def packages(outside: Path) -> tuple[Path, Path]:
    """What a release would be."""
    return packed(ROOT, outside / "dist")


@pytest.fixture(scope="module")
def installed(outside: Path, packages: tuple[Path, Path]) -> Path:
    """An empty virtual environment with the wheel and the parts of constraints.txt."""
    folder = outside / "venv"
    ran(sys.executable, "-m", "venv", folder, cwd=outside)
    pip = (folder / "bin" / "python", "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt")
    ran(*pip, packages[0], cwd=outside)
    return folder


def files_of(wheel: Path) -> dict[str, int]:
    """Name -> checksum."""
    with zipfile.ZipFile(wheel) as archive:
        return {info.filename: info.CRC for info in archive.infolist()}


def test_the_sdist_makes_the_same_wheel(outside, packages):
    wheel, sdist = packages
    with tarfile.open(sdist) as archive:
        archive.extractall(outside / "unpacked", filter="data")
    (source,) = (outside / "unpacked").iterdir()
    again, _ = packed(source, outside / "dist-of-sdist")
    assert files_of(again) == files_of(wheel)
    assert {path.name for path in source.iterdir()} == {
        "src", "share", "completions", "tests", "Makefile", "constraints.txt", "CHANGELOG.md", "README.md", "LICENSE",
        "pyproject.toml", "PKG-INFO", ".gitignore", "CONTRIBUTING.md", "CITATION.cff",
    }  # fmt: skip


def test_the_wheel_has_all_of_share_and_no_tests(packages):
    files = set(files_of(packages[0]))
    kept = subprocess.run(["git", "ls-files", "share"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    for name in kept.splitlines():
        assert f"iop4cli/{name}" in files
    assert not [name for name in files if name.startswith(("tests/", "src/"))]


def test_the_wheel_runs_the_demo_outside_the_checkout(outside, installed):
    iop4 = installed / "bin" / "iop4"
    assert "2200+420" in ran(iop4, "demo", "demo", cwd=outside)
    counted = ran(iop4, "sql", "select count(*) > 0 as some from results", "--format", "csv", cwd=outside / "demo")
    assert counted.split() == ["some", "true"]
    where = "import iop4cli, pathlib; print(pathlib.Path(iop4cli.__file__).resolve())"
    assert ran(installed / "bin" / "python", "-c", where, cwd=outside).startswith(str(installed))


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
def test_man_finds_the_pages_of_the_environment(outside, installed):
    # Other packages have pages too.
    pages = {path.name for path in (installed / "share" / "man" / "man1").glob("iop4*")}
    assert pages == {path.name for path in (ROOT / "share" / "man" / "man1").iterdir()}
    shown = ran("man", "-P", "cat", "iop4-run", cwd=outside, MANPATH=str(installed / "share" / "man"), MANWIDTH="80")
    assert "iop4-run" in shown


def test_completions_are_where_shells_look(installed):
    for name in COMPLETIONS:
        source = {"iop4": "iop4.bash"}.get(Path(name).name, Path(name).name)
        assert (installed / name).read_bytes() == (ROOT / "completions" / source).read_bytes()


def test_pipx_installs_the_wheel(outside, packages):
    home = {
        "PIPX_HOME": str(outside / "pipx"), "PIPX_BIN_DIR": str(outside / "bin"), "PIPX_MAN_DIR": str(outside / "man"),
        "PIP_CONSTRAINT": str(ROOT / "constraints.txt"),
    }  # fmt: skip
    pipx = (sys.executable, "-m", "pipx")
    ran(*pipx, "install", "--python", sys.executable, packages[0], cwd=outside, **home)
    iop4 = outside / "bin" / "iop4"
    assert ran(iop4, "--version", cwd=outside).startswith("iop4 ")
    assert ran(iop4, "demo", "-q", "demo-of-pipx", cwd=outside)
    assert (outside / "man" / "man1" / "iop4-run.1").exists()


def test_make_installs_and_uninstalls(outside):
    prefix = outside / "a prefix"
    source = outside / "source"
    copied = ("Makefile", "pyproject.toml", "constraints.txt", "README.md", "LICENSE", "src", "share", "completions")
    source.mkdir()
    for name in copied:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, source / name)
    make = ("make", f"PREFIX={prefix}", f"PYTHON={sys.executable}")
    ran(*make, "install", cwd=source)
    assert ran(prefix / "bin" / "iop4", "--version", cwd=outside).startswith("iop4 ")
    linked = [prefix / name for name in ("bin/iop4", "share/man/man1/iop4-run.1", *COMPLETIONS)]
    assert all(path.is_symlink() and path.exists() for path in linked)
    theirs = prefix / "share" / "man" / "man1" / "iop4-theirs.1"
    theirs.write_text("somebody else's")
    ran(*make, "uninstall", cwd=source)
    assert [path for path in prefix.rglob("*") if not path.is_dir()] == [theirs]
