"""What is wrong between an archive's files and its store, and what can be done about each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from iop4cli.archive import soundness
from iop4cli.archive.layout import Layout
from iop4cli.archive.store import Store
from iop4cli.frames.checksum import sha256_of, xxh3_of
from iop4cli.pipeline.recovery import is_ours

REMOVE, MAKE_AGAIN, FORGET, MAKE_LISTS = "remove", "make again", "forget", "write lists"
_FOLDER_OF = {"master": "master", "reduced frame": "reduced"}
_STEP_FOLDER = {"reduce": "reduced", "solve": "reduced", "mkmaster": "master"}


@dataclass(frozen=True)
class Trouble:
    """One kind of trouble, in words, with all it was found in.

    `mend` is what `--repair` can do (or ""), `folder` where the files of items lie that are to be made again.
    """

    kind: str
    names: tuple[str, ...]
    text: str
    is_bad: bool
    mend: str = ""
    folder: str = ""


Tick = Callable[[], None]


def examine(store: Store, layout: Layout) -> Iterator[Trouble]:
    """The cheap part: by names, sizes and times of change."""
    left = [layout.relative(path) for path in soundness.leftovers(layout)]
    if left:
        yield Trouble("unfinished files", tuple(left), "of a run that was killed; they may be deleted", False, REMOVE)
    for kind, names in soundness.lost_files(store, layout).items():
        if names:
            yield _lost(kind, tuple(names))
    ours: list[str] = []
    others: list[str] = []
    for name in soundness.strays(store, layout):
        (ours if is_ours(layout, layout.root / name) else others).append(name)
    if ours:
        text = "no row of the store speaks of it; it may be deleted"
        yield Trouble("stray files", tuple(ours), text, False, REMOVE)
    if others:
        text = "no row of the store speaks of it, and no step wrote it under this name; it is left alone"
        yield Trouble("files of others", tuple(others), text, False)
    yield from _rows(store)
    names = soundness.outdated_names(store, layout)
    if names:
        text = "not what the store says; only what Tab completes rests on them"
        yield Trouble("name lists", tuple(names), text, False, MAKE_LISTS)


def _lost(kind: str, names: tuple[str, ...]) -> Trouble:
    if kind == "raw frame":
        text = "is on record, but its file is gone; fetch it again (its results stay)"
        return Trouble("lost raw frames", names, text, True, FORGET)
    text = "is on record, but its file is gone; `iop4 run` makes it again"
    return Trouble(f"lost {kind}s", names, text, True, MAKE_AGAIN, _FOLDER_OF[kind])


def _rows(store: Store) -> Iterator[Trouble]:
    for step, names in soundness.lacking(store).items():
        text = f"{step} is on record as done, and something of its product is not"
        yield Trouble("rows", tuple(names), text, True, MAKE_AGAIN, _STEP_FOLDER[step])
    for what, names in soundness.speaking_of_nothing(store).items():
        yield Trouble("rows", tuple(names), f"{what}; `iop4 run --force` on their nights makes them anew", True)


def n_to_read(store: Store) -> int:
    """How many files `read_all` reads."""
    question = "select (select count(*) from product) + (select count(*) from frame where checksum is not null) as n"
    return int(store.rows(question)[0]["n"])


def read_all(store: Store, layout: Layout, tick: Tick) -> Iterator[Trouble]:
    """The thorough part: every file is read to its end and held beside its checksum, and the store to its last row."""
    broken = soundness.unreadable(store)
    if broken:
        yield Trouble("store", tuple(broken), "cannot be read: take the store from your backup", True)
    altered: dict[str, list[str]] = {}
    for row in store.rows("select path, item, checksum from product order by path"):
        if _differs(layout.root / row["path"], row["checksum"], xxh3_of):
            altered.setdefault(row["path"].split("/", 1)[0], []).append(row["item"])
        tick()
    for folder, items in altered.items():
        text = "its file is not what was recorded; `iop4 doctor --repair` and `iop4 run` make it again"
        kind = "altered masters" if folder == "master" else "altered reduced frames"
        yield Trouble(kind, tuple(items), text, True, MAKE_AGAIN, folder)
    yield from _raw(store, layout, tick)


def _raw(store: Store, layout: Layout, tick: Tick) -> Iterator[Trouble]:
    altered: list[str] = []
    newer: list[str] = []
    known = "select name, checksum, size_bytes, mtime_ns from frame where checksum is not null order by name"
    for row in store.rows(known):
        path = layout.raw_frame(row["name"])
        if _differs(path, row["checksum"], sha256_of):
            status = path.stat()
            seen = (status.st_size, status.st_mtime_ns) != (row["size_bytes"], row["mtime_ns"])
            (newer if seen else altered).append(row["name"])
        tick()
    if altered:
        text = "is not what was classified, though size and time are: the disk may be failing; fetch it again"
        yield Trouble("altered raw frames", tuple(altered), text, True)
    if newer:
        text = "was changed since it was classified; the next run takes it as it is now"
        yield Trouble("changed raw frames", tuple(newer), text, True)


def _differs(path: Path, checksum: str | None, checksum_of: Callable[[Path], str]) -> bool:
    """Whether a file that is there is not what it was, or cannot be read."""
    if not path.is_file():
        return False
    try:
        return checksum_of(path) != checksum
    except OSError:
        return True
