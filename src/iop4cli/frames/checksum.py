"""What a file is, so that it can be known again: size, time of change, SHA-256."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FileState:
    """Size in bytes, time of change in nanoseconds, and SHA-256 of the content."""

    size_bytes: int
    mtime_ns: int
    sha256: str


def file_state(path: Path) -> FileState:
    status = path.stat()
    return FileState(status.st_size, status.st_mtime_ns, sha256_of(path))


def sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_state(path: Path, size_bytes: int | None, mtime_ns: int | None, sha256: str | None) -> bool:
    """Whether a file is still what it was; it is read only if its time of change is another."""
    status = path.stat()
    if status.st_size != size_bytes:
        return False
    return status.st_mtime_ns == mtime_ns or sha256_of(path) == sha256
