"""Lists of the names in an archive, which shells read to complete them: .names/KIND, one name a line.

They are a copy of what the store says, kept so that Tab need not start Python. Nothing rests on them: where they
cannot be written (a read-only archive) or the store is busy they stay as they were, and nobody is told. One that a
full disk has no room for goes, and is made with the next that is. Who is going to change the store says so in a mark
beside them: where its writer died before the lists were made, the next run makes them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from iop4cli.archive.store import Store
from iop4cli.errors import Iop4Error
from iop4cli.unfinished import abandoned_in, remove, unfinished_beside

FOLDER = ".names"
# Kind -> the tables that it rests on, and its names. An other name of two sources stands once.
KINDS = {
    "epochs": (("frame",), "select distinct telescope || '/' || night::text as name from frame"),
    "frames": (("frame",), "select name from frame"),
    "instruments": (("frame",), "select distinct instrument as name from frame"),
    "bands": (("frame",), "select distinct band as name from frame"),
    "masters": (("master",), "select name from master"),
    "groups": (("measurement",), "select distinct origin as name from measurement where mode = 'pol'"),
    "results": (("measurement",), "select id as name from measurement"),
    "sources": (
        ("source", "measurement"),
        "select name from source union select distinct source from measurement",
    ),
    "other_names": (("source",), "select distinct unnest(other_names) as name from source"),
    "calibrations": (("calibration",), "select name from calibration"),
}
_MARK = "changing"
TABLES = frozenset(table for tables, _ in KINDS.values() for table in tables)


def keep_names(store: Store, tables: Collection[str]) -> None:
    """Write the lists that rest on these tables, as the store is now; never an error."""
    folder = store.path.parent / FOLDER
    changed = {kind for kind, (of, _) in KINDS.items() if not set(of).isdisjoint(tables)}
    if not changed:
        return
    kinds = [kind for kind in KINDS if kind in changed or not (folder / kind).exists()]
    listed = ", ".join(
        f"(select string_agg(name, chr(10)) from ({KINDS[kind][1]}) where name <> '') as {kind}" for kind in kinds
    )
    try:
        # The store is kept open till all is written: nobody changes it meanwhile, so no older list replaces a newer.
        with store.reading():
            for kind, text in store.rows(f"select {listed}")[0].items():
                with suppress(OSError):
                    _write(folder / kind, text or "")
    except (OSError, Iop4Error):
        return


def expect_names(store: Store) -> None:
    """Leave a mark that this process is about to change what the lists rest on; never an error."""
    with suppress(OSError):
        mark = _mark(store)
        mark.parent.mkdir(exist_ok=True)
        mark.touch()


def expect_no_names(store: Store) -> None:
    """Take the mark away: the lists are as the store is."""
    with suppress(OSError):
        _mark(store).unlink(missing_ok=True)


def recover_names(store: Store) -> None:
    """Make the lists anew where a process died between a change of the store and theirs; never an error."""
    with suppress(OSError):
        left = list(abandoned_in(store.path.parent / FOLDER))
        if left:
            keep_names(store, TABLES)
        for path in left:
            remove(path)


def _mark(store: Store) -> Path:
    return unfinished_beside(store.path.parent / FOLDER / _MARK)


def add_frames(root: Path, names: Iterable[str]) -> None:
    """Frames that have come and are not classified yet join the lists; never an error."""
    frames = set(names)
    if not frames:
        return
    try:
        for kind, new in (("frames", frames), ("epochs", {name.rsplit("/", 1)[0] for name in frames})):
            path = root / FOLDER / kind
            known = set(path.read_text(encoding="utf-8").splitlines()) if path.exists() else set()
            if not new <= known:
                _write(path, "\n".join(known | new))
    except (OSError, UnicodeDecodeError):
        return


def _write(path: Path, text: str) -> None:
    """In no order: shells sort what they show."""
    names = text.split("\n")
    # A name with an escape would command the terminal.
    if not "".join(names).isprintable():
        text = "\n".join(name for name in names if name.isprintable())
    data = f"{text}\n".encode() if text else b""
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(exist_ok=True)
    temporary = unfinished_beside(path)
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        temporary.unlink(missing_ok=True)
