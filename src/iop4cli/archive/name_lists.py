"""Lists of the names in an archive, which shells read to complete them: .names/KIND, one name a line.

They are a copy of what the store says, kept so that Tab need not start Python. Nothing rests on them: where they
cannot be written (a read-only archive) or the store is busy they stay as they were, and nobody is told. One that a
full disk has no room for goes, and is made with the next that is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from iop4cli.archive.store import Store
from iop4cli.errors import Iop4Error
from iop4cli.unfinished import unfinished_beside

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
