"""Observatories' archives as data: a TOML file says how to talk to one and which files to take."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from iop4cli import strict_toml
from iop4cli.errors import UsageError
from iop4cli.nearest import did_you_mean
from iop4cli.remote.folders import NightFolder
from iop4cli.share import share_dir

PORTS = {"ftp": 21, "sftp": 22, "http": 80, "https": 443}
# What a user's settings may add to an archive, as fetch.NAME.KEY: key, default, unit, meaning.
SETTINGS: tuple[tuple[str, Any, str, str], ...] = (
    ("host", "", "", "address of the server of {name}"),
    ("port", 0, "", "port of {name}; 0 is that of its file, else the protocol's usual one"),
    ("user", "", "", "who logs in at {name}; empty: as its file or netrc says, else anonymous"),
    ("password_command", "", "", "command that prints the password for {name}; else IOP4_FETCH_..._PASSWORD or netrc"),
    ("known_hosts", "", "file", "host keys for {name} instead of ~/.ssh/known_hosts"),
)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*", re.ASCII)


@dataclass(frozen=True)
class RemoteArchive:
    """Where the raw frames of one telescope are to be had."""

    name: str
    protocol: Literal["ftp", "sftp", "http", "https"]
    telescope: str
    folder: str
    description: str = ""
    host: str = ""
    port: int = 0
    user: str = ""
    files: tuple[str, ...] = (r"(?i)\.(fits?|fts)(\.(gz|fz))?$",)
    encoding: str = "utf-8"
    connections: int = 2
    pause_s: float = 1.0
    source_file: str = field(default="", metadata={"computed": True})
    password_command: str = field(default="", metadata={"computed": True})
    known_hosts: str = field(default="", metadata={"computed": True})

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name: {self.name!r} must be of small letters, figures and -")
        NightFolder(self.folder)
        for number, pattern in enumerate(self.files):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"files[{number}]: {pattern!r} is not a regular expression: {error}") from None
        try:
            "".encode(self.encoding)
        except LookupError:
            raise ValueError(f"encoding: there is no encoding {self.encoding!r}") from None
        if not 1 <= self.connections <= 16:
            raise ValueError(f"connections: must be 1 to 16, not {self.connections}")
        if not 0 <= self.pause_s <= 3600:
            raise ValueError(f"pause_s: must be 0 to 3600, not {self.pause_s}")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port: must be 0 to 65535, not {self.port}")
        if any(letter in self.host for letter in "/@ \t\r\n"):
            raise ValueError(f"host: {self.host!r} must be a name or address alone, without protocol, user or path")
        if any(not letter.isprintable() for letter in self.user):
            raise ValueError("user: has characters that cannot be sent")

    @property
    def night_folder(self) -> NightFolder:
        return NightFolder(self.folder)

    @property
    def effective_port(self) -> int:
        return self.port or PORTS[self.protocol]

    @property
    def variable(self) -> str:
        """The environment variable of its password."""
        return password_variable(self.name)

    def wants(self, filename: str) -> bool:
        """Whether any of the patterns is found in the name; `.` fits every character, so that none slips by."""
        return any(re.search(pattern, filename, re.DOTALL) for pattern in self.files)

    def with_settings(self, settings: Mapping[str, Any]) -> RemoteArchive:
        """This archive with a user's settings (host, port, ...) that are not empty; the host must be known then."""
        given = {key: settings[f"fetch.{self.name}.{key}"] for key, *_ in SETTINGS}
        try:
            archive = replace(self, **{key: value for key, value in given.items() if value})
        except ValueError as error:
            raise UsageError(f"fetch.{self.name}.{error}") from None
        if not archive.host:
            variable = password_variable(self.name).removesuffix("PASSWORD") + "HOST"
            raise UsageError(
                f"the address of {self.name} is not known: set fetch.{self.name}.host in iop4.toml "
                f'([fetch.{self.name}] host = "..."), or {variable}'
            )
        return archive


def password_variable(name: str) -> str:
    return f"IOP4_FETCH_{name.replace('-', '_').upper()}_PASSWORD"


def shipped_folder() -> Path:
    return share_dir() / "archives"


def archive_names(extra_folders: Iterable[Path] = ()) -> list[str]:
    """Names of all archives, without a check of anything else: the settings of each are known by them."""
    found: dict[str, None] = {}
    for folder in (shipped_folder(), *extra_folders):
        for path in sorted(folder.glob("*.toml")):
            try:
                name = tomllib.loads(path.read_text(encoding="utf-8-sig")).get("name")
            except (OSError, ValueError):
                continue  # `fetch` says what is wrong with it
            if isinstance(name, str) and _NAME.fullmatch(name):
                found[name] = None
    return list(found)


def load_archives(extra_folders: Iterable[Path] = ()) -> dict[str, RemoteArchive]:
    """The shipped ones, each replaced by one of the same name in a later folder."""
    found: dict[str, RemoteArchive] = {}
    for folder in (shipped_folder(), *extra_folders):
        here: dict[str, RemoteArchive] = {}
        for path in sorted(folder.glob("*.toml")):
            archive = strict_toml.build(strict_toml.read(path), RemoteArchive, source_file=str(path))
            if archive.name in here:
                other = here[archive.name].source_file
                raise UsageError(f"{path}: name: {archive.name!r} is already that of {other}")
            here[archive.name] = archive
        found |= here
    return dict(sorted(found.items()))


def archive_named(name: str, archives: Mapping[str, RemoteArchive]) -> RemoteArchive:
    """The archive of that name, any case."""
    try:
        return archives[name.casefold()]
    except KeyError:
        hint = did_you_mean(name, archives)
        raise UsageError(f"--from {name}: no such archive{hint}; known: {', '.join(archives)}") from None
