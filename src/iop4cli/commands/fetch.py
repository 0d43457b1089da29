"""iop4 fetch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from iop4cli.commands.opening import open_archive
from iop4cli.errors import UsageError
from iop4cli.shell import messages, output
from iop4cli.shell.options import ArchiveOptions, Json, takes_options

EPILOG = """Examples:

  iop4 fetch ~/night/*.fits

  iop4 fetch /mnt/telescope/20220908 --copy

  iop4 fetch night/ | iop4 classify -
"""


@takes_options
def command(
    options: ArchiveOptions,
    paths: Annotated[list[Path], typer.Argument(metavar="FILES|FOLDERS...", help="FITS files, or folders of them.")],
    copy: Annotated[
        bool | None,
        typer.Option("--copy/--link", show_default=False, help="Copy into raw/, or link (the default)."),
    ] = None,
    json: Json = False,
) -> int:
    """Bring raw frames into the archive, where their headers say they belong.

    Reads the headers; writes links (or copies) raw/TELESCOPE/NIGHT/FILE, and nothing into the store. What
    is already there is left alone; a different file of the same name is refused. A frame that cannot be
    placed is said so, and the rest goes on (exit code 3).
    """
    from iop4cli.remote.local import LocalFetch, frames_below

    opened = open_archive(options)
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise UsageError(f"no such file or folder: {', '.join(map(str, missing))}")
    by_copy = opened.config["fetch.copy"] if copy is None else copy
    fetch = LocalFetch(opened.layout, opened.surroundings().registry, by_copy)
    counts = {"done": 0, "current": 0, "failed": 0}
    for path in frames_below(paths):
        status, name, reason = fetch.one(path)
        counts[status] += 1
        if json:
            output.json_row({"name": name, "file": str(path), "status": status, "reason": reason or None})
        elif status == "done" and name:
            output.line(name)
        if status == "failed":
            messages.warn(f"{path}: {reason}")
    messages.notice(f"{counts['done']} fetched, {counts['current']} there already, {counts['failed']} refused")
    if not counts["failed"]:
        return 0
    return 3 if counts["done"] or counts["current"] else 1
