"""The lists that shells complete from are what the store says, and never in the way."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from iop4cli.archive.catalog_store import write_sources
from iop4cli.archive.create import create_archive
from iop4cli.archive.layout import Layout
from iop4cli.archive.name_lists import (
    FOLDER,
    TABLES,
    add_frames,
    expect_names,
    expect_no_names,
    keep_names,
    recover_names,
)
from iop4cli.archive.source import Source
from iop4cli.archive.store import Batch, Store

FRAME = "OSN-T090/2022-09-08/BLLac-0001R0.fit"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return create_archive(tmp_path / "archive")


def listed(layout: Layout, kind: str) -> set[str]:
    return set((layout.root / FOLDER / kind).read_text(encoding="utf-8").splitlines())


def frame_row(name: str) -> dict[str, object]:
    telescope, night, filename = name.split("/")
    return {
        "name": name, "telescope": telescope, "night": night, "filename": filename, "instrument": "AndorT90",
        "band": "R",
    }  # fmt: skip


def test_lists_hold_what_the_store_holds(layout):
    store = Store(layout.store)
    store.write([Batch("frame", [frame_row(FRAME)])])
    keep_names(store, ("frame",))
    assert listed(layout, "frames") == {FRAME}
    assert listed(layout, "epochs") == {"OSN-T090/2022-09-08"}
    assert (listed(layout, "instruments"), listed(layout, "bands")) == ({"AndorT90"}, {"R"})
    store.write([], "delete from frame;")
    keep_names(store, ("frame",))
    assert listed(layout, "frames") == set()


def test_sources_are_listed_as_they_are_written(layout):
    write_sources(Store(layout.store), [Source("2200+420", 330.68, 42.28, "blazar", ("BL Lac", "S4 2200+42"))])
    assert listed(layout, "sources") == {"2200+420"}
    assert listed(layout, "other_names") == {"BL Lac", "S4 2200+42"}


def test_a_name_that_commands_the_terminal_is_not_listed(layout):
    write_sources(Store(layout.store), [Source(name, 1.0, 2.0, "star") for name in ("good", "\x1b]0;bad\x07")])
    assert listed(layout, "sources") == {"good"}


def test_fetched_frames_are_listed_before_they_are_classified(layout):
    add_frames(layout.root, [FRAME])
    add_frames(layout.root, ["OSN-T150/2022-09-09/x.fit"])
    assert listed(layout, "frames") == {FRAME, "OSN-T150/2022-09-09/x.fit"}
    assert listed(layout, "epochs") == {"OSN-T090/2022-09-08", "OSN-T150/2022-09-09"}


def test_what_has_not_changed_is_not_written(layout):
    store = Store(layout.store)
    write_sources(store, [Source("2200+420", 330.68, 42.28, "blazar")])
    path = layout.root / FOLDER / "sources"
    os.utime(path, ns=(1, 1))
    keep_names(store, ("source",))
    assert path.stat().st_mtime_ns == 1


def test_no_list_can_make_a_command_fail(layout):
    store = Store(layout.store)
    (layout.root / FOLDER).write_text("a file where the folder would be")
    write_sources(store, [Source("2200+420", 330.68, 42.28, "blazar")])
    add_frames(layout.root, [FRAME])
    assert store.rows("select name from source") == [{"name": "2200+420"}]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_archive_is_no_trouble(layout):
    layout.root.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        keep_names(Store(layout.store), TABLES)
    finally:
        layout.root.chmod(stat.S_IRWXU)


def test_a_list_that_a_full_disk_had_no_room_for_is_made_with_the_next(layout, monkeypatch):
    store = Store(layout.store)
    write_sources(store, [Source("2200+420", 330.68, 42.28, "blazar")])
    store.write([Batch("frame", [frame_row(FRAME)])])
    with monkeypatch.context() as full:
        full.setattr(Path, "write_bytes", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "no space")))
        keep_names(store, ("frame",))
    assert not any((layout.root / FOLDER / kind).exists() for kind in ("frames", "epochs", "bands"))
    keep_names(store, ("master",))
    assert (listed(layout, "epochs"), listed(layout, "bands")) == ({"OSN-T090/2022-09-08"}, {"R"})


_DIES_BEFORE_ITS_LISTS = """
import os, sys
from pathlib import Path
from iop4cli.archive.name_lists import expect_names
from iop4cli.archive.store import Store
store = Store(Path(sys.argv[1]))
expect_names(store)
store.write([], "insert into source (name, ra_deg, dec_deg, kind) values ('OJ 287', 133.7, 20.1, 'blazar');")
os._exit(9)
"""


def test_lists_of_a_run_that_died_before_it_made_them_are_made_by_the_next(layout):
    store = Store(layout.store)
    write_sources(store, [Source("2200+420", 330.68, 42.28, "blazar")])
    died = subprocess.run([sys.executable, "-c", _DIES_BEFORE_ITS_LISTS, layout.store], check=False)
    assert died.returncode == 9
    assert listed(layout, "sources") == {"2200+420"}
    expect_names(store)  # somebody who lives and is still at work is left alone
    recover_names(store)
    assert listed(layout, "sources") == {"2200+420", "OJ 287"}
    assert len(list((layout.root / FOLDER).glob(".*.part"))) == 1
    expect_no_names(store)
    assert list((layout.root / FOLDER).glob(".*.part")) == []


def test_lists_need_one_look_at_the_store(layout, monkeypatch):
    store, connections = Store(layout.store), []
    store.rows("select 1")
    connect = store.door.connect
    monkeypatch.setattr(store.door, "connect", lambda read_only: connections.append(1) or connect(read_only))
    keep_names(store, TABLES)
    assert len(connections) == 1
    keep_names(store, ("run", "log"))
    assert len(connections) == 1
