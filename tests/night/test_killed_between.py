"""A run that dies between putting files in place, writing rows and removing old files loses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
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
_TELLS_THE_ORDER = """
import json, os, sys
from pathlib import Path
from iop4cli.archive.store import Store
said = []
def told(kind, call, what):
    def telling(*given, **more):
        said.append([kind, *what(*given)])
        return call(*given, **more)
    return telling
os.fsync = told("sync", os.fsync, lambda number: [os.fstat(number).st_ino])
Path.replace = told("name", Path.replace, lambda old, new: [old.stat().st_ino, str(new)])
Path.mkdir = told("folder", Path.mkdir, lambda path, *a, **k: [str(path)])
Path.unlink = told("remove", Path.unlink, lambda path, *a, **k: [str(path)])
Store.write = told("rows", Store.write, lambda store, batches, *a, **k: [
    row["path"] for batch in batches if batch.table == "product" for row in batch.rows])
to = sys.argv[1]
sys.argv = ["iop4", "run", "-j1", "--executor", "here"]
from iop4cli.__main__ import main
try:
    main()
finally:
    Path(to).write_text(json.dumps(said))
"""
OTHER_KEYS = {"mkmaster": "max_age_days=29", "reduce": "max_age_days=29", "solve": "track_hours=23"}


@pytest.fixture(scope="module")
def alone(module_folder: Callable[[str], Path]) -> Archive:
    archive = small_night(module_folder("killed") / "alone", "2022-03-10")
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


def test_files_and_their_folders_are_on_disk_before_the_rows_that_speak_of_them(tmp_path: Path) -> None:
    """In the order of calls: the file's content, its name, the folder that holds the name, the rows."""
    archive = small_night(tmp_path / "archive", "2022-03-10")
    told = tmp_path / "order.json"
    subprocess.run(
        [sys.executable, "-c", _TELLS_THE_ORDER, str(told)],
        cwd=archive.root, env=environment(archive.root), capture_output=True, text=True, check=True,
    )  # fmt: skip
    events = json.loads(told.read_text())
    rows = [(at, event[1:]) for at, event in enumerate(events) if event[0] == "rows" and len(event) > 1]
    assert {path.split("/")[0] for _, paths in rows for path in paths} == {"master", "reduced"}
    for at, paths in rows:
        for path in paths:
            final = archive.root / path
            before = events[:at]
            named = max(n for n, event in enumerate(before) if event[0] == "name" and event[2] == str(final))
            assert ["sync", before[named][1]] in before[:named]
            assert ["sync", final.parent.stat().st_ino] in before[named:]
            for folder in (final.parent, final.parent.parent):
                made = max(n for n, event in enumerate(before) if event == ["folder", str(folder)])
                assert ["sync", folder.parent.stat().st_ino] in before[made:named]
