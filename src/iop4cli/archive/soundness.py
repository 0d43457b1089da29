"""Whether an archive's files and its store agree: cheap checks, by name and existence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from iop4cli.archive.layout import FOLDERS, TEMPORARY_SUFFIX, Layout
from iop4cli.archive.store import Store

_MADE = ("raw", "master", "reduced", "plots", "reports")


def missing_folders(layout: Layout) -> list[str]:
    return [name for name in FOLDERS if not (layout.root / name).is_dir()]


def leftovers(layout: Layout) -> list[Path]:
    """Unfinished files that a crash left behind (or that are being written at this moment)."""
    found = [path for folder in _MADE for path in _files(layout.root / folder) if path.name.endswith(TEMPORARY_SUFFIX)]
    return sorted(found)


def lost_files(store: Store, layout: Layout) -> dict[str, list[str]]:
    """Rows whose file is gone, by kind."""
    found = store.tables(
        {
            "raw frame": "select name as name, 'raw/' || name as path from frame where status = 'done' order by 1",
            "master": "select name, path from master where path is not null and accepted order by 1",
            "reduced frame": "select frame as name, path from reduced order by 1",
        }
    )
    return {
        kind: [row["name"] for row in rows if not (layout.root / row["path"]).exists()] for kind, rows in found.items()
    }


def strays(store: Store, layout: Layout) -> list[str]:
    """Files in master/ and reduced/ that no row speaks of."""
    found = store.rows("select path from reduced union all select path from master where path is not null")
    known = {row["path"] for row in found}
    files = (path for folder in ("master", "reduced") for path in _files(layout.root / folder))
    return sorted(
        name
        for path in files
        if not path.name.endswith(TEMPORARY_SUFFIX) and (name := layout.relative(path)) not in known
    )


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.rglob("*") if path.is_file())
