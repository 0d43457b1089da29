"""Raw frames of local disk into an archive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from iop4cli.api.frames import frame_of
from iop4cli.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from iop4cli.commands.opening import Opened


def fetch_from_disk(opened: Opened, files: Sequence[str | Path], *, copy: bool | None) -> pl.DataFrame:
    """A row for each file that was named or lies in a folder that was."""
    from iop4cli.remote.local import LocalFetch, frames_below

    paths = [Path(file).expanduser() for file in files]
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise UsageError(f"no such file or folder: {', '.join(map(str, missing))}")
    by_copy = opened.config["fetch.copy"] if copy is None else copy
    fetch = LocalFetch(opened.layout, opened.surroundings().registry, by_copy, opened.config["fetch.read_only"])
    rows = []
    for path in frames_below(paths):
        status, name, reason = fetch.one(path)
        rows.append({"name": name, "file": str(path), "status": status, "reason": reason or None})
    return frame_of(rows, ("name", "file", "status", "reason"))
