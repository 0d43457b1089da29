"""iop4 index fetch."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iop4cli.commands.index_fields import (
    Asked,
    InstrumentNames,
    Scales,
    SeriesNames,
    SourceNames,
    Wish,
    sized,
    summary,
)  # fmt: skip
from iop4cli.errors import UsageError
from iop4cli.shell import messages, output
from iop4cli.shell.options import PANEL_HOW, ArchiveOptions, Json, takes_options

if TYPE_CHECKING:
    from iop4cli.archive.index_series import Published
    from iop4cli.remote.web_files import WebFiles
    from iop4cli.shell.config import Config

EPILOG = """Examples:

  iop4 index fetch -n

  iop4 index fetch --scales 2-6 --source "BL Lac" --instrument AndorT90

  iop4 index fetch --from /mnt/mirror/astrometry --copy --to ~/index
"""
# Left free beside what is fetched, for whoever else writes there.
_SPARE_BYTES = 100_000_000
# So many files in a row whose connection fails, and the others are not tried.
_MOST_BROKEN = 2

Take = Callable[["Published", Path], None]


@takes_options
def fetch(
    options: ArchiveOptions,
    source: SourceNames = None,
    instrument: InstrumentNames = None,
    scales: Scales = None,
    series: SeriesNames = None,
    origin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="URL|FOLDER",
            show_default=False,
            rich_help_panel=PANEL_HOW,
            help="Where the files, or their folders 5200/ and 4100/, are; else index.mirror, then index.url, "
            "then where each series is published.",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="DIR",
            show_default=False,
            rich_help_panel=PANEL_HOW,
            help="Where to; else the first folder of solve.index_path that can be written, else your data folder.",
        ),
    ] = None,
    copy: Annotated[
        bool, typer.Option("--copy/--link", rich_help_panel=PANEL_HOW, help="From a folder: copy, or link to it.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", rich_help_panel=PANEL_HOW, help="Also what was found broken on the server before."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", rich_help_panel=PANEL_HOW, help="Only say what would be fetched.")
    ] = False,
    json: Json = False,
) -> int:
    """Fetch the index files that the catalogue's fields need and that are not here: see `iop4 index needs`.

    From where each series is published, a mirror on the web, or a folder of this machine (then linked). Says first
    how much it will be. Each file gets its name only when it is whole and of the quads and the tile that its name
    says; after any interruption give the same command again. What cannot be had is said, and the rest goes on (exit
    code 3; 1 if nothing could be had). An https server whose certificate your system does not know is not asked:
    SSL_CERT_FILE names a file of authorities.
    """  # fmt: skip
    asked = Asked.of(options, Wish(tuple(source or ()), tuple(instrument or ()), scales, series))
    needed = asked.needed()
    if not needed:
        messages.notice("nothing more is needed")
        return 0
    config = asked.opened.config
    folder = _destination(to, config, write=not dry_run)
    files = [need.file for need in needed]
    sources = _Sources.of(origin, config, {file.series: None for file in files}, copy=copy, again=again)
    messages.notice(f"{summary(needed)}\nfrom {sources.said} to {folder}")
    if dry_run:
        for file in files:
            _tell(file, "due", "", json)
        return 0
    _check_space(folder, sources.bytes_to_write(files, folder))
    if folder.resolve() not in {one.expanduser().resolve() for one in config.index_folders()}:
        messages.notice(f"{folder} is not in solve.index_path: `iop4 index add {folder}` when they are there")
    return _Run(sources, folder, json).over(files)


def _destination(to: Path | None, config: Config, *, write: bool) -> Path:
    """A folder that can be written; the user's own data folder is made if it is not there."""
    import os

    *named, own = config.index_folders()
    if to is not None:
        folder = to.expanduser().absolute()
    else:
        folder = next((one.absolute() for one in named if one.is_dir() and os.access(one, os.W_OK)), own)
    if folder.exists() and not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise UsageError(f"{folder} is no folder that can be written")
    if write:
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _check_space(folder: Path, needed_bytes: int) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if needed_bytes and needed_bytes + _SPARE_BYTES > free_bytes:
        raise UsageError(
            f"{folder} has room for {sized(free_bytes)}, and {sized(needed_bytes + _SPARE_BYTES)} are needed: make "
            "room, choose fewer with --scales, --source or --instrument, or another place with --to; nothing is fetched"
        )


def _tell(file: Published, status: str, reason: str, json: bool) -> None:
    if json:
        output.json_row({"name": file.name, "size_bytes": file.size_bytes, "status": status, "reason": reason or None})
    elif status in ("done", "due"):
        output.line(file.name)
    if status == "failed":
        messages.warn(f"{file.name}: {reason}")


@dataclass
class _Sources:
    """Where files come from: a folder of this machine before the web."""

    mirror: Path | None
    web: WebFiles | None
    said: str
    copy: bool

    @classmethod
    def of(cls, origin: str | None, config: Config, series: Iterable[str], *, copy: bool, again: bool) -> _Sources:
        from iop4cli.archive.index_series import known_series
        from iop4cli.remote.line import Limits
        from iop4cli.remote.web_files import WebFiles, WebFolder

        mirror_said, url = config["index.mirror"], config["index.url"]
        if origin is not None:
            mirror_said, url = ("", origin) if "://" in origin else (origin, "")
            if not origin:
                raise UsageError("--from is empty: it takes an address (https://...) or a folder")
        mirror = Path(mirror_said).expanduser().absolute() if mirror_said else None
        if mirror is not None and not mirror.is_dir():
            raise UsageError(f"{mirror_said} ({'--from' if origin else 'index.mirror'}) is no folder")
        if origin and mirror is not None:
            return cls(mirror, None, str(mirror), copy)
        limits = Limits(config["fetch.retries"], config["fetch.retry_pause_s"], config["fetch.timeout_s"])
        published = {name: WebFolder.of(known_series()[name].url) for name in series}
        web = WebFiles(published, WebFolder.of(url) if url else None, limits, again, messages.notice)
        places = [str(mirror)] if mirror else []
        places += [url] if url else [folder.url for folder in published.values()]
        return cls(mirror, web, ", ".join(places), copy)

    def bytes_to_write(self, files: list[Published], folder: Path) -> int:
        """What these take on the disk: links nothing, what is there of a broken-off download not again."""
        total = 0
        for file in files:
            found = self._in_mirror(file)
            if found is not None:
                total += found.stat().st_size if self.copy else 0
            else:
                parts = [part.stat().st_size for part in folder.glob(f".{file.name}.*.part")]
                total += max(0, file.size_bytes - max(parts, default=0)) if self.web else 0
        return total

    def take(self, file: Published, final: Path) -> None:
        from iop4cli.archive.index_identity import check_is
        from iop4cli.remote import mirror
        from iop4cli.remote.server import NotThere

        def inspect(path: Path) -> None:
            for difference in check_is(file, path):
                messages.notice(f"{file.name} is taken, but {difference}")

        found = self._in_mirror(file)
        if found is not None or self.web is None:
            mirror.take(found, final, inspect, copy=self.copy)
            return
        try:
            self.web.fetch(file.series, file.name, final, inspect)
        except NotThere as problem:
            raise NotThere(
                f"{problem}. If series {file.series} was moved, say --from URL (or set index.url); "
                "if you have the file, --from FOLDER takes it from there"
            ) from None

    def place_of(self, file: Published) -> str:
        """What fails together: a server, or the folder."""
        return self.web.host(file.series) if self.web is not None and self._in_mirror(file) is None else ""

    def _in_mirror(self, file: Published) -> Path | None:
        from iop4cli.remote.mirror import find_in

        return find_in(self.mirror, file.series, file.name) if self.mirror is not None else None


@dataclass
class _Run:
    """Going over the files; where a server fails, those of others are still tried."""

    sources: _Sources
    folder: Path
    json: bool
    counts: Counter[str] = field(default_factory=Counter)
    n_broken: Counter[str] = field(default_factory=Counter)

    def over(self, files: list[Published]) -> int:
        from iop4cli.remote.server import LocalTrouble

        with messages.Progress() as progress:
            progress.begin("index files", len(files))
            for file in files:
                place = self.sources.place_of(file)
                if self.n_broken[place] < _MOST_BROKEN:
                    try:
                        status, reason = self._one(file, place)
                    except LocalTrouble as problem:
                        _tell(file, "failed", str(problem), self.json)
                        messages.error(f"{problem}; nothing more is tried")
                        break
                    self.counts[status] += 1
                    _tell(file, status, reason, self.json)
                    if self.n_broken[place] >= _MOST_BROKEN:
                        messages.error(f"{reason}; nothing more is tried there")
                progress.step()
        n_left = len(files) - self.counts["done"]
        messages.notice(f"{self.counts['done']} fetched to {self.folder}, {n_left} not")
        if not n_left:
            return 0
        return 3 if self.counts["done"] else 1

    def _one(self, file: Published, place: str) -> tuple[str, str]:
        from iop4cli.remote.server import Broken, LocalTrouble, LoginRefused, RemoteError

        final = self.folder / file.name
        self._set_aside(final)
        try:
            self.sources.take(file, final)
        except LocalTrouble:
            raise
        except LoginRefused as problem:
            self.n_broken[place] = _MOST_BROKEN
            return "failed", str(problem)
        except RemoteError as problem:
            self.n_broken[place] = self.n_broken[place] + 1 if isinstance(problem, Broken) else 0
            return "failed", str(problem)
        self.n_broken[place] = 0
        return "done", ""

    def _set_aside(self, final: Path) -> None:
        """A broken file of that name is in the way: it is kept under another."""
        from iop4cli.archive.index_files import IndexFile, examine

        if final.is_symlink() and not final.exists():
            final.unlink()
        elif final.exists() and not isinstance(examine(final), IndexFile):
            kept = final.with_name(f"{final.name}.broken")
            final.replace(kept)
            messages.notice(f"{final} was broken and is {kept.name} now")
