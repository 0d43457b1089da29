"""What all servers have in common: listing, facts and bytes of files, and the ways it can go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from iop4cli.errors import Iop4Error
from iop4cli.full_disk import disk_full, is_full

CHUNK_BYTES = 64 * 1024
# A folder with more entries is none of a night: a server that goes on and on would fill the memory.
MOST_ENTRIES = 1_000_000
_MOST_FIGURES = 18


class RemoteError(Iop4Error):
    """Something about a remote archive."""


class Broken(RemoteError):
    """The connection failed or ended; another try may do."""


class LoginRefused(RemoteError):
    """Wrong user or password, or a host that is not known to be the right one; another try would do harm."""


class NotThere(RemoteError):
    """No such file or folder on the server, or none that one may read."""


class FileTrouble(RemoteError):
    """This file cannot be had now, and trying again at once is of no use."""


class LocalTrouble(RemoteError):
    """The file cannot be written here (disk full, ...): nothing else can be either."""


def local_trouble(error: OSError, file: Path) -> LocalTrouble:
    """What this machine's disk says of a file that was to be written."""
    if is_full(error):
        return LocalTrouble(str(disk_full(file.parent)))
    return LocalTrouble(f"cannot write {file.parent}: {error.strerror or error}")


@dataclass(frozen=True)
class Entry:
    """A line of a listing, exactly as the server says it; the name may be anything."""

    name: str
    is_folder: bool
    size: int | None = None


@dataclass(frozen=True)
class Facts:
    """What a server says of a file; equal facts before and after reading mean that it did not change meanwhile.

    `mark` is its time of change, or an entity tag, as the server writes it; `mtime_s` the same since 1970 if known.
    """

    size: int | None
    mark: str = ""
    mtime_s: float | None = None


@dataclass(frozen=True)
class Reading:
    """Bytes of a file from `offset` on, which is 0 where the server cannot go on from the middle."""

    offset: int
    chunks: Iterator[bytes]


@dataclass(frozen=True)
class Checksum:
    """A checksum by the server; `algorithm` as hashlib or `crc32`."""

    algorithm: str
    value: str


def whole(text: str | None) -> int | None:
    """The whole number that a server says, if it is one that a file can have."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= _MOST_FIGURES else None


class Server(Protocol):
    """One connection, logged in. Paths are text; each server writes them in its archive's encoding."""

    def entries(self, folder: str) -> list[Entry]: ...

    def facts(self, path: str) -> Facts: ...

    def reading(self, path: str, offset: int, facts: Facts) -> AbstractContextManager[Reading]: ...

    def checksum(self, path: str) -> Checksum | None: ...

    def close(self) -> None: ...
