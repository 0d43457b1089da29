"""Whether an archive's files and its store agree, by names; and whether the store agrees with itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from iop4cli.archive.layout import FOLDERS, PRODUCT_FOLDERS, Layout
from iop4cli.archive.name_lists import FOLDER as NAMES
from iop4cli.archive.name_lists import KINDS
from iop4cli.archive.store import Store
from iop4cli.errors import Iop4Error
from iop4cli.unfinished import is_abandoned, is_unfinished

_MADE = ("raw", "master", "reduced", "plots", "reports", NAMES)
# What a process of another host leaves unfinished for so long it has given up.
_GIVEN_UP_S = 86400.0

# What a step that is done must have left: step -> (folder of its files or "", items that lack it).
_LACKING = {
    "reduce": "select i.name from item i where i.step = 'reduce' and i.status = 'done' and (i.name not in "
    "(select frame from reduced) or i.name not in (select item from product where starts_with(path, 'reduced/')))",
    "mkmaster": "select i.name from item i where i.step = 'mkmaster' and i.status = 'done' and i.name not in "
    "(select m.name from master m join product p on p.path = m.path)",
    "solve": "select i.name from item i where i.step = 'solve' and i.status = 'done' and i.name not in "
    "(select frame from wcs)",
}
# Rows that speak of what no row tells of.
_SPEAKING_OF_NOTHING = {
    "reduced frames that no step is on record for": "select frame as name from reduced "
    "where frame not in (select name from item where step = 'reduce')",
    "masters that no step is on record for": "select name from master "
    "where name not in (select name from item where step = 'mkmaster')",
    "checksums of files that no product has": "select path as name from product where path not in "
    "(select path from reduced union select path from master where path is not null)",
    "corrections of results that are not there": "select measurement as name from correction "
    "where measurement not in (select id from measurement)",
    "inputs of results that are not there": "select distinct measurement as name from measurement_input "
    "where measurement not in (select id from measurement)",
}


def missing_folders(layout: Layout) -> list[str]:
    return [name for name in FOLDERS if not (layout.root / name).is_dir()]


def leftovers(layout: Layout) -> list[Path]:
    """Unfinished files of processes that are dead, and of other hosts' if a day has gone since."""
    found = [path for folder in _MADE for path in _files(layout.root / folder) if is_unfinished(path)]
    found += [path for path in layout.root.iterdir() if is_unfinished(path)]
    return sorted(path for path in found if is_abandoned(path) or _is_given_up(path))


def lost_files(store: Store, layout: Layout) -> dict[str, list[str]]:
    """Rows whose file is gone, by kind."""
    found = store.tables(
        {
            "raw frame": "select name as name, 'raw/' || name as path from frame order by 1",
            "master": "select name, path from master where path is not null order by 1",
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
    files = (path for folder in PRODUCT_FOLDERS for path in _files(layout.root / folder))
    return sorted(name for path in files if not is_unfinished(path) and (name := layout.relative(path)) not in known)


def lacking(store: Store) -> dict[str, list[str]]:
    """Items that are on record as done, and of whose products something is not, by step."""
    return {step: [row["name"] for row in rows] for step, rows in store.tables(_LACKING).items() if rows}


def speaking_of_nothing(store: Store) -> dict[str, list[str]]:
    """Rows of products that contradict others, in words."""
    return {what: [row["name"] for row in rows] for what, rows in store.tables(_SPEAKING_OF_NOTHING).items() if rows}


def unreadable(store: Store) -> list[str]:
    """What of the store cannot be read to the last row, or has a key twice; with the reason."""
    tables = store.rows("select table_name as name from duckdb_tables() where not internal order by 1")
    found = []
    for name in [*(row["name"] for row in tables), "results"]:
        try:
            store.rows(f'select sum(hash(t)::hugeint) as read from "{name}" t')
        except Iop4Error as problem:
            found.append(f"{name}: {problem}")
        except Exception as problem:  # the library has an error of its own for each kind of damage
            found.append(f"{name}: {str(problem).splitlines()[0]}")
    keys = store.rows(
        "select table_name as name, constraint_column_names as columns from duckdb_constraints() "
        "where constraint_type = 'PRIMARY KEY'"
    )
    for key in keys:
        columns = ", ".join(f'"{column}"' for column in key["columns"])
        question = f'select count(*) as n from (select 1 from "{key["name"]}" group by {columns} having count(*) > 1)'
        if store.rows(question)[0]["n"]:
            found.append(f"{key['name']}: rows with the same key")
    return found


def outdated_names(store: Store, layout: Layout) -> list[str]:
    """Lists of names that are not what the store says; those that were never made are not missed."""
    found = []
    for kind, (_, question) in KINDS.items():
        path = layout.root / NAMES / kind
        if path.exists():
            wanted = {row["name"] for row in store.rows(question)} - {None, ""}
            said = set(path.read_text(encoding="utf-8", errors="replace").splitlines())
            if said != {name for name in wanted if name.isprintable()}:
                found.append(kind)
    return found


def _is_given_up(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _GIVEN_UP_S
    except OSError:
        return False


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.rglob("*") if path.is_file())
