"""A run that dies between putting files in place, writing rows and removing old files loses nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.night.archives import Archive, environment
from tests.soak.killed import contents, different, leftovers, sound
from tests.soak.many import small_night

pytestmark = pytest.mark.night

_DIES = """
import os, sys
from iop4cli.archive.store import Store
table, when = sys.argv[1:3]
write = Store.write
def dying(self, batches, *rest, **more):
    hit = any(batch.table == table and batch.rows for batch in batches)
    if hit and when == "before":
        os._exit(9)
    write(self, batches, *rest, **more)
    if hit:
        os._exit(9)
Store.write = dying
sys.argv = ["iop4", *sys.argv[3:]]
from iop4cli.__main__ import main
main()
"""
OTHER_KEYS = {"mkmaster": "max_age_days=29", "reduce": "max_age_days=29", "solve": "track_hours=23"}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    archive = small_night(tmp_path_factory.mktemp("killed") / "alone", "2022-03-10")
    archive.iop4("run", "-j1")
    return archive


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("step", "table"), [("mkmaster", "master"), ("reduce", "reduced"), ("solve", "wcs")])
def test_a_run_that_dies_beside_its_rows_is_undone_by_the_next(
    alone: Archive, tmp_path: Path, step: str, table: str, when: str
) -> None:
    """Dead with other parameters, and then run with those of before: nothing of the dead run may stay."""
    archive = alone.copy(tmp_path / "archive")
    died = subprocess.run(
        [sys.executable, "-c", _DIES, table, when, step, "-j1", "--param", OTHER_KEYS[step]],
        cwd=archive.root, env=environment(archive.root), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert died.returncode == 9, died.stderr
    assert sound(archive) == []
    archive.iop4("run", "-j1")
    assert sound(archive) + leftovers(archive) == []
    assert different(contents(archive), contents(alone)) == []


def test_a_file_that_a_person_put_beside_products_stays(alone: Archive, tmp_path: Path) -> None:
    archive = alone.copy(tmp_path / "archive")
    night = next((archive.root / "master").glob("*/*"))
    product = next(night.glob("flat*.fits"))
    mine = night / "my-flat.fits"
    mine.write_bytes(product.read_bytes())
    (night / "notes.txt").write_text("the lamp was weak\n")
    lock = next(path for path in (archive.root / ".locks").iterdir() if b"at rest" in path.read_bytes())
    for path in (archive.root / ".locks").iterdir():
        path.write_bytes(path.read_bytes().replace(b"at rest", b"at work"))
    archive.iop4("run", "-j1")
    assert mine.exists() and (night / "notes.txt").exists() and product.exists()
    assert b"at rest" in lock.read_bytes()
