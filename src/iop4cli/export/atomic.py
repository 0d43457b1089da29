"""Files for people: written under a temporary name, then renamed, so that nobody reads half of one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from iop4cli.errors import UsageError
from iop4cli.full_disk import told_if_full
from iop4cli.unfinished import written_whole


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    write_parts(path, [content], len(content))


def write_parts(path: Path, parts: Iterable[bytes], n_bytes: int = 0) -> None:
    """Write a file whole or not at all, part by part, as they are made; `n_bytes` of it if that is known before."""
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: its folder does not exist")
    with told_if_full(path, n_bytes), written_whole(path) as temporary, temporary.open("wb") as stream:
        stream.writelines(parts)
        stream.flush()
        os.fsync(stream.fileno())
