"""What `iop4 fetch --from` does: which nights are meant, and telling what became of each file."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from iop4cli.archive.epochs import Epoch, FrameName, NameGlob, parse_item, parse_night
from iop4cli.commands.opening import Opened
from iop4cli.errors import NoSuchItem, UsageError
from iop4cli.instruments.registry import Registry
from iop4cli.shell import messages, output
from iop4cli.shell.config import remote_archive_folders, user_instrument_folder

if TYPE_CHECKING:
    from iop4cli.remote.archives import RemoteArchive
    from iop4cli.remote.feeds import ServerNights
    from iop4cli.remote.nights import NightFetch, RemoteFile


@dataclass(frozen=True)
class RemoteWish:
    """What the command line asks of a server."""

    items: tuple[str, ...] = ()
    new: bool = False
    listing: bool = False
    since: str | None = None
    until: str | None = None
    patterns: tuple[str, ...] = ()
    again: bool = False


def fetch_from_server(opened: Opened, name: str, wish: RemoteWish, json: bool) -> int:
    """Do what is wished, say what happens, and return the exit code."""
    archive = _archive(opened, name)
    registry = Registry.load((user_instrument_folder(), opened.layout.instruments))
    wanted = _Wanted.of(wish, archive, registry)
    fetch = _night_fetch(opened, archive, wish)
    try:
        nights = wanted.nights(fetch)
        if wish.listing and not (wish.items or wish.new or wish.patterns):
            return _list_nights(archive, nights, json)
        return _Run(opened.layout.root, fetch, archive, wanted, json, wish.listing).over(nights)
    finally:
        fetch.close()


def server_nights(opened: Opened, name: str, every_s: float, epochs: frozenset[str] | None) -> ServerNights:
    """Looks at a server again and again, for the newest nights or for those of `epochs`."""
    from iop4cli.remote.feeds import ServerNights

    archive = _archive(opened, name)
    nights = None if epochs is None else [epoch.split("/", 1)[1] for epoch in epochs]
    return ServerNights(lambda: _night_fetch(opened, archive, RemoteWish()), every_s, nights)


def _archive(opened: Opened, name: str) -> RemoteArchive:
    from iop4cli.remote.archives import archive_named, load_archives

    archives = load_archives(remote_archive_folders(opened.layout.config))
    return archive_named(name, archives).with_settings(opened.config.values)


def _night_fetch(opened: Opened, archive: RemoteArchive, wish: RemoteWish) -> NightFetch:
    from iop4cli.remote.credentials import credentials_of
    from iop4cli.remote.line import Limits
    from iop4cli.remote.nights import NightFetch

    config = opened.config
    limits = Limits(config["fetch.retries"], config["fetch.retry_pause_s"], config["fetch.timeout_s"])
    return NightFetch(
        opened.layout, archive, credentials_of(archive), limits,
        read_only=config["fetch.read_only"], again=wish.again, patterns=_compiled(wish.patterns),
    )  # fmt: skip


def _compiled(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    compiled = []
    for pattern in patterns:
        try:
            compiled.append(re.compile(pattern, re.DOTALL))
        except re.error as error:
            raise UsageError(f"--pattern {pattern!r} is not a regular expression: {error}") from None
    return tuple(compiled)


@dataclass(frozen=True)
class _Wanted:
    """The nights and files that are meant."""

    telescope: str
    items: tuple[Epoch | FrameName | NameGlob, ...]
    all_nights: bool
    since: str
    until: str

    @classmethod
    def of(cls, wish: RemoteWish, archive: RemoteArchive, registry: Registry) -> _Wanted:
        telescope = registry.telescope(archive.telescope)
        items = tuple(parse_item(_with_telescope(text, telescope), registry.telescope) for text in wish.items)
        for text, item in zip(wish.items, items, strict=True):
            if not isinstance(item, NameGlob) and item.telescope != telescope:
                raise UsageError(f"{text}: {archive.name} has frames of {telescope} only")
        ranged = wish.since is not None or wish.until is not None
        if not (items or wish.new or wish.listing or ranged):
            raise UsageError("name nights (220908), or say --new, --since or --list")
        since = parse_night(wish.since) if wish.since else ""
        until = parse_night(wish.until) if wish.until else "9999"
        globs = any(isinstance(item, NameGlob) and any(mark in item.night for mark in "*?[") for item in items)
        return cls(telescope, items, not items or globs, since, until)

    def nights(self, fetch: NightFetch) -> list[str]:
        if self.all_nights:
            found = [night for night in fetch.nights() if not self.items or self._meant(night)]
        else:
            found = sorted({item.night for item in self.items})
        return [night for night in found if self.since <= night <= self.until]

    def _meant(self, night: str) -> bool:
        epoch = Epoch(self.telescope, night)
        return any(item.matches_epoch(epoch) if isinstance(item, NameGlob) else item.night == night
                   for item in self.items)  # fmt: skip

    def file(self, file: RemoteFile) -> bool:
        """Whether a file of a night is meant."""
        if not self.items:
            return True
        frame = FrameName(*file.name.split("/", 2))
        return any(
            item.matches(frame) if isinstance(item, NameGlob)
            else item == frame.epoch if isinstance(item, Epoch) else item == frame
            for item in self.items
        )  # fmt: skip


def _with_telescope(text: str, telescope: str) -> str:
    return text if "/" in text else f"{telescope}/{text}"


def _list_nights(archive: RemoteArchive, nights: list[str], json: bool) -> int:
    for night in nights:
        epoch = str(Epoch(archive.telescope, night))
        if json:
            output.json_row({"name": epoch, "folder": archive.night_folder.of(night)})
        else:
            output.line(epoch)
    messages.notice(f"{len(nights)} nights in {archive.name}")
    return 0


@dataclass
class _Run:
    """Going over the nights; `root` is the archive's folder."""

    root: Path
    fetch: NightFetch
    archive: RemoteArchive
    wanted: _Wanted
    json: bool
    listing: bool

    def over(self, nights: list[str]) -> int:
        from iop4cli.archive.name_lists import add_frames
        from iop4cli.remote.server import NotThere, RemoteError

        counts: Counter[str] = Counter()
        absent = 0
        for night in nights:
            try:
                found = [file for file in self.fetch.files(night) if self.wanted.file(file)]
            except NotThere as problem:
                messages.warn(f"{self.archive.telescope}/{night}: not in {self.archive.name}: {problem}")
                absent += 1
                continue
            except RemoteError as problem:
                if not counts:
                    raise
                messages.error(f"{problem}; nothing more is tried")
                counts["failed"] += 1
                break
            come = []
            for file in found if self.listing else self.fetch.fetch(found):
                counts[file.status] += 1
                self._tell(file)
                if file.status == "done":
                    come.append(file.name)
            add_frames(self.root, come)
            if self.fetch.given_up:
                messages.error(f"{self.fetch.given_up}; nothing more is tried")
                break
        if self.wanted.items and not counts:
            raise NoSuchItem(f"nothing of that in {self.archive.name}")
        counts["failed"] += absent
        return self._end(counts)

    def _tell(self, file: RemoteFile) -> None:
        if self.json:
            row = {"name": file.name, "size": file.size, "status": file.status, "reason": file.reason or None}
            output.json_row(row | {"archive": self.archive.name})
        elif file.status == "done" or (self.listing and file.status in ("due", "current")):
            output.line(file.name)
        if file.status == "failed":
            messages.warn(f"{file.name}: {file.reason}")

    def _end(self, counts: Counter[str]) -> int:
        done = f"{counts['due']} to fetch" if self.listing else f"{counts['done']} fetched"
        messages.notice(f"{done}, {counts['current']} there already, {counts['failed']} not to be had")
        if not counts["failed"]:
            return 0
        return 3 if counts["done"] or counts["current"] or counts["due"] else 1
