"""The note beside a store's file that says who serves it: for messages, and to refuse the server of another archive."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iop4cli.archive.quack import Address


def note_of(store: Path) -> Path:
    return store.with_name(store.name + ".served")


def token_file_of(store: Path) -> Path:
    """Where a server keeps the token that it made, and where a client looks for one."""
    return store.with_name(store.name + ".token")


@contextmanager
def announced(store: Path, address: Address, serving: str) -> Iterator[None]:
    """`serving` is what the server calls itself, so that a client can tell it from that of another archive."""
    note = note_of(store)
    said = {
        "host": address.host, "port": address.port, "process": os.getpid(), "machine": socket.gethostname(),
        "serving": serving,
    }  # fmt: skip
    note.write_text(json.dumps(said) + "\n", encoding="utf-8")
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def is_noted(store: Path) -> bool:
    return note_of(store).exists()


def serving_of(store: Path) -> str | None:
    """What the server of this store called itself; None if the folder knows of none."""
    try:
        return str(json.loads(note_of(store).read_text(encoding="utf-8"))["serving"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def said_of(store: Path) -> str:
    """What to tell somebody who opens the file of a served store."""
    try:
        said = json.loads(note_of(store).read_text(encoding="utf-8"))
        host, port, process, machine = (said[name] for name in ("host", "port", "process", "machine"))
    except (OSError, ValueError, KeyError, TypeError):
        return f"{store} is served by `iop4 serve`: use --db (or IOP4_DB)"
    return (
        f"{store} is served at {host}:{port} by process {process} on {machine}: use --db quack:{host}:{port} "
        "(or IOP4_DB, or the setting db), or end that process"
    )
