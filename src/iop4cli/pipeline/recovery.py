"""What a run that was killed left half done is put right by the next one, before it plans.

A run puts files in place, then writes rows, then removes files that the rows spoke of before. The lock of its nights
says that it was at work, so that only nights of runs that did not end well are looked at, and of their files only
those that were changed since: unfinished files go, products of ours that no row speaks of go, and what lies under a
recorded name but is not what was recorded is made anew. Files of other programs and of people are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iop4cli.archive.layout import PRODUCT_FOLDERS, Layout
from iop4cli.archive.name_lists import TABLES, keep_names, recover_names
from iop4cli.archive.night_locks import file_of
from iop4cli.archive.past import Replacement, remove_items
from iop4cli.archive.people import quoted
from iop4cli.archive.store import Store, utc_now
from iop4cli.frames.checksum import is_state
from iop4cli.frames.fits import is_own_master, is_own_reduced
from iop4cli.pipeline.planning import locks_of
from iop4cli.pipeline.session import Session
from iop4cli.unfinished import abandoned_in, is_unfinished, remove

# Disks keep times of change as coarse as this.
_COARSE_S = 2.0
# What is due again when a file is not what it was.
_MADE_BY = {"master": ("mkmaster",), "reduced": ("reduce", "solve")}


@dataclass
class Found:
    """What was put right: files removed, and items that are due again by the folder of their file."""

    removed: list[Path] = field(default_factory=list)
    due: dict[str, list[str]] = field(default_factory=dict)


def recover(session: Session) -> Found:
    """Put right what dead runs left; nights that somebody works on are left alone."""
    found = Found()
    for held in locks_of(session).unfinished():
        well = False
        try:
            mend(session, held.begun_s, found)
            well = True
        finally:
            held.release(well=well)
    if found.removed or found.due:
        keep_names(session.store, TABLES)
    recover_names(session.store)
    return found


def mend(session: Session, begun_s: Mapping[int, float], found: Found | None = None) -> None:
    """Put right the nights of these locks, which this process holds: number of the lock -> when the dead run began."""
    if not begun_s:
        return
    found = Found() if found is None else found
    layout, store = session.surroundings.layout, session.store
    for top in PRODUCT_FOLDERS:
        for folder in _night_folders(layout.root / top):
            since_s = begun_s.get(file_of(f"{folder.parent.name}/{folder.name}"))
            if since_s is not None:
                _mend_folder(layout, store, top, folder, since_s - _COARSE_S, found)
    if found.due:
        make_due(store, found.due, session.run_id)


def clear(layout: Layout, nights: Iterable[str]) -> None:
    """Remove what workers that died left in nights that this process holds, and where all that was due is recorded."""
    for folder in (layout.root / top / night for top in PRODUCT_FOLDERS for night in nights):
        for left in abandoned_in(folder):
            remove(left)


def make_due(store: Store, items: Mapping[str, Sequence[str]], run_id: str) -> None:
    """Let the next plan find that these masters and reduced frames are to be made anew (folder -> items)."""
    replacement = Replacement(run_id, utc_now())
    script = ""
    for top, names in items.items():
        steps = ", ".join(map(quoted, _MADE_BY[top]))
        script += remove_items(f"step in ({steps}) and name in ({', '.join(map(quoted, names))})", replacement)
    store.write([], script, replacement)


def is_ours(layout: Layout, path: Path) -> bool:
    """Whether a file in master/ or reduced/ is one that a step wrote under this very name."""
    top = path.relative_to(layout.root).parts[0]
    return is_own_master(path) if top == "master" else is_own_reduced(path, layout.root / "reduced")


def _mend_folder(layout: Layout, store: Store, top: str, folder: Path, since_s: float, found: Found) -> None:
    for left in abandoned_in(folder):
        remove(left)
        found.removed.append(left)
    known = _known(store, layout.relative(folder))
    for path in sorted(entry for entry in folder.iterdir() if entry.is_file() and not is_unfinished(entry)):
        row = known.get(layout.relative(path))
        if row is None:
            if is_ours(layout, path):
                path.unlink(missing_ok=True)
                found.removed.append(path)
        elif path.stat().st_mtime >= since_s and not is_state(path, *_state(row)):
            found.due.setdefault(top, []).append(row["item"])


def _known(store: Store, folder: str) -> dict[str, dict[str, Any]]:
    rows = store.rows("select * from product where starts_with(path, ?)", [folder + "/"])
    return {row["path"]: row for row in rows}


def _state(row: Mapping[str, Any]) -> tuple[int, int, str]:
    return row["size_bytes"], row["mtime_ns"], row["checksum"]


def _night_folders(top: Path) -> Iterator[Path]:
    for telescope in sorted(path for path in top.glob("*") if path.is_dir()):
        yield from sorted(path for path in telescope.glob("*") if path.is_dir())
