"""iop4 fetch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from iop4cli.commands.fetching import RemoteWish, fetch_from_server
from iop4cli.commands.opening import Opened, open_archive
from iop4cli.errors import UsageError
from iop4cli.shell import messages, output
from iop4cli.shell.options import PANEL_ITEMS, ArchiveOptions, Json, takes_options

EPILOG = """Examples:

  iop4 fetch ~/night/*.fits

  iop4 fetch /mnt/telescope/20220908 --copy

  iop4 fetch --from osn-t090 --new --since 2022-09-01 | iop4 classify -

  iop4 fetch --from caha-t220 220908 --pattern '^BLLac' --pattern '(?i)^(flat|bias)'
"""

_REMOTE = "From an observatory's archive"


def _remote(flag: str, metavar: str | None, text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        flag, metavar=metavar, show_default=False, rich_help_panel=_REMOTE, help=text
    )
    return option


@takes_options
def command(
    options: ArchiveOptions,
    items: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILES|FOLDERS|NIGHTS",
            show_default=False,
            rich_help_panel=PANEL_ITEMS,
            help="FITS files, or folders of them; with --from nights (220908, T090/220908) or frames.",
        ),
    ] = None,
    source: Annotated[str | None, _remote("--from", "ARCHIVE", "Fetch from this one: osn-t090, caha-t220, ...")] = None,
    new: Annotated[bool, _remote("--new", None, "All nights on the server: whatever is not here yet.")] = False,
    listing: Annotated[
        bool, _remote("--list", None, "Only say what is there: nights, or the files of those named.")
    ] = False,
    since: Annotated[str | None, _remote("--since", "NIGHT", "From this night on.")] = None,
    until: Annotated[str | None, _remote("--until", "NIGHT", "Up to and with this night.")] = None,
    pattern: Annotated[
        list[str] | None,
        _remote("--pattern", "REGEX", "Only files whose name has this in it; may be repeated (any of them)."),
    ] = None,
    again: Annotated[bool, _remote("--again", None, "Fetch also what was found broken on the server before.")] = False,
    copy: Annotated[
        bool | None,
        typer.Option("--copy/--link", show_default=False, help="Copy into raw/, or link (the default)."),
    ] = None,
    json: Json = False,
) -> int:
    """Bring raw frames into the archive: from local disk, or from an observatory's server.

    Reads headers of files of local disk, and links (or copies) them to raw/TELESCOPE/NIGHT/FILE as these say; or
    reads the folders of nights of a server (FTP, SFTP, HTTP, HTTPS), and writes their files there. These are resumed
    if cut, checked for being whole and never half there: after any interruption give the same command again. Writes
    nothing into the store. What is already there is left alone; a different file of the same name is refused. What
    cannot be had is said so, and the rest goes on (exit code 3).

    A server is described by a file archives/NAME.toml, here or in the folder of your settings; its address is the
    setting fetch.NAME.host. Passwords come from IOP4_FETCH_NAME_PASSWORD, from the command
    fetch.NAME.password_command or from ~/.netrc, and are never shown. Over https only a server whose certificate
    your system (or the file that SSL_CERT_FILE names) vouches for is told anything.
    """
    wish = RemoteWish(tuple(items or ()), new, listing, since, until, tuple(pattern or ()), again)
    opened = open_archive(options)
    if source is not None:
        if copy is not None:
            raise UsageError("--copy and --link are for files of local disk, not for --from")
        return fetch_from_server(opened, source, wish, json)
    if wish != RemoteWish(wish.items):
        raise UsageError("--new, --list, --since, --until, --pattern and --again need --from ARCHIVE")
    if not items:
        raise UsageError("nothing to fetch: name files or folders, or an archive with --from")
    return _fetch_from_disk(opened, [Path(item) for item in items], copy, json)


def _fetch_from_disk(opened: Opened, paths: list[Path], copy: bool | None, json: bool) -> int:
    from iop4cli.archive.name_lists import add_frames
    from iop4cli.remote.local import LocalFetch, frames_below

    missing = [path for path in paths if not path.exists()]
    if missing:
        raise UsageError(f"no such file or folder: {', '.join(map(str, missing))}")
    by_copy = opened.config["fetch.copy"] if copy is None else copy
    fetch = LocalFetch(opened.layout, opened.surroundings().registry, by_copy, opened.config["fetch.read_only"])
    counts = {"done": 0, "current": 0, "failed": 0}
    come = []
    for path in frames_below(paths):
        status, name, reason = fetch.one(path)
        counts[status] += 1
        if status == "done" and name:
            come.append(name)
        if json:
            output.json_row({"name": name, "file": str(path), "status": status, "reason": reason or None})
        elif status == "done" and name:
            output.line(name)
        if status == "failed":
            messages.warn(f"{path}: {reason}")
    add_frames(opened.layout.root, come)
    messages.notice(f"{counts['done']} fetched, {counts['current']} there already, {counts['failed']} refused")
    if not counts["failed"]:
        return 0
    return 3 if counts["done"] or counts["current"] else 1
