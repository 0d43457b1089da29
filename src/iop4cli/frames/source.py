"""The bytes of a file that may be anything: opened without waiting, unpacked as they are read."""

from __future__ import annotations

import bz2
import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from iop4cli.errors import BadFrame

# A frame has 1 GB at most (see images.py); what is longer is another thing, and would be read for hours.
LARGEST_FILE_BYTES = 4 << 30
_MAGIC_BYTES = 6
_UNREAD = {
    b"PK\x03\x04": "zip", b"\xfd7zXZ\x00": "xz", b"\x1f\x9d": "compress (.Z)", b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf\x27\x1c": "7z", b"\x04\x22\x4d\x18": "lz4",
}  # fmt: skip
_READ_BYTES = 1 << 20
_KINDS = (
    (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
)  # fmt: skip


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked if gzip or bzip2 packed it (which its first bytes tell, not its name).

    BadFrame for what is no file of a frame's size, or cannot be read. Never waits, as opening a pipe would.
    """
    with _regular(path) as plain:
        magic = plain.peek(_MAGIC_BYTES)[:_MAGIC_BYTES]  # type: ignore[attr-defined]
        for start, packer in _UNREAD.items():
            if magic.startswith(start):
                raise BadFrame(f"packed by {packer}, which is not read here: unpack it, or pack it with gzip")
        try:
            if magic.startswith(b"\x1f\x8b"):
                with gzip.open(plain, "rb") as unpacked:
                    yield cast(IO[bytes], unpacked)
            elif magic.startswith(b"BZh"):
                with bz2.open(plain, "rb") as unpacked_bz2:
                    yield cast(IO[bytes], unpacked_bz2)
            else:
                yield plain
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BadFrame(f"the compressed file is not whole: {error}; copy or fetch it again") from None
        except OSError as error:
            if error.errno is None:  # what bz2 says of bytes that it did not write
                raise BadFrame(f"the compressed file is not whole: {error}; copy or fetch it again") from None
            raise BadFrame(f"cannot be read: {error.strerror}") from None


@contextmanager
def _regular(path: Path) -> Iterator[IO[bytes]]:
    try:
        _check_kind(path.stat())
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise BadFrame(f"{_gone(path)}") from None
    except OSError as error:
        raise BadFrame(f"cannot be read: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as plain:
        status = os.fstat(plain.fileno())
        _check_kind(status)
        if status.st_size == 0:
            raise BadFrame("the file is empty (0 bytes): copy or fetch it again")
        if status.st_size > LARGEST_FILE_BYTES:
            raise BadFrame(f"{status.st_size} bytes: no frame is larger than {LARGEST_FILE_BYTES}")
        yield plain


def _check_kind(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((words for fits, words in _KINDS if fits(status.st_mode)), "no file")
        raise BadFrame(f"{kind}, not a file with a frame; remove it from raw/")


def _gone(path: Path) -> str:
    return "a link to a file that is not there" if path.is_symlink() else f"{path} is not there any more"


def is_packed(file: IO[bytes]) -> bool:
    return isinstance(file, (gzip.GzipFile, bz2.BZ2File))


def skip(file: IO[bytes], length: int) -> int:
    """Read on without keeping anything; the number of bytes that were there."""
    left = length
    while left:
        piece = file.read(min(left, _READ_BYTES))
        if not piece:
            break
        left -= len(piece)
    return length - left
