"""One file from a server into its place: resumed, checked, synced, renamed; nothing half there at any moment."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn

from iop4cli.errors import BadFrame
from iop4cli.frames.fits import put_in_place
from iop4cli.frames.source import LARGEST_FILE_BYTES
from iop4cli.remote.local import FITS_SUFFIXES
from iop4cli.remote.server import Broken, Facts, FileTrouble, Server, local_trouble
from iop4cli.remote.verify import check_whole

# Bytes up to the last multiple of this were synced before any later one was written: after a power cut a file may
# hold anything behind it, so a transfer is taken up from there.
CHECKPOINT_BYTES = 1 << 20
_LEFTOVER = re.compile(r"\.(?P<name>.+)\.(?P<key>[0-9a-f]{12})\.(?:part|bad)")


class Stopped(Exception):
    """The run is ending; what is written so far is taken up by the next one."""


class Transfer:
    """The way of one file from `path` on a server to `final`; to be tried again after Broken.

    `origin` names the archive: what is left of a transfer is taken up only for the same file of the same archive,
    of the same size and time of change, which its temporary name says. `inspect` looks at the whole file before it
    gets its name, and raises BadFrame if it is not what it should be.
    """

    def __init__(
        self, origin: str, path: str, final: Path, *, read_only: bool, again: bool, stop: threading.Event,
        inspect: Callable[[Path], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._origin, self._path, self._final = origin, path, final
        self._read_only, self._again, self._stop, self._inspect = read_only, again, stop, inspect
        self.synced_bytes = 0
        self.began_at_bytes = 0
        self.reading = False

    def run(self, server: Server) -> None:
        """Fetch and put in place; raises a RemoteError, Stopped, or leaves the file whole."""
        facts = server.facts(self._path)
        if facts.size is not None and facts.size > LARGEST_FILE_BYTES:
            raise FileTrouble(f"the server says {facts.size} bytes: no frame is larger than {LARGEST_FILE_BYTES}")
        part = self._beside(facts, "part")
        self._refuse_known_bad(facts)
        with _local(part), _locked(part) as file:
            self._sweep(part)
            self._receive(server, facts, file)
            self._check(server, facts, file, part)
            self._finish(facts, file, part)

    def _beside(self, facts: Facts, suffix: str) -> Path:
        said = "\0".join((self._origin, self._path, str(facts.size), facts.mark))
        key = hashlib.sha256(said.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        return self._final.with_name(f".{self._final.name}.{key}.{suffix}")

    def _refuse_known_bad(self, facts: Facts) -> None:
        bad = self._beside(facts, "bad")
        if not bad.exists():
            return
        if not self._again:
            raise FileTrouble(
                "was not whole, or not what its name says, when it was last fetched, and has not changed since; "
                "--again fetches it all the same"
            )
        bad.unlink()

    def _sweep(self, part: Path) -> None:
        """What older states of the same file left behind."""
        for path in part.parent.glob(f".{_escaped(self._final.name)}.*"):
            found = _LEFTOVER.fullmatch(path.name)
            if found and found["name"] == self._final.name and path != part:
                path.unlink(missing_ok=True)

    def _receive(self, server: Server, facts: Facts, file: IO[bytes]) -> None:
        have = os.fstat(file.fileno()).st_size
        offset = max(0, (have - 1) // CHECKPOINT_BYTES * CHECKPOINT_BYTES)
        if facts.size is not None and offset > facts.size:
            offset = 0
        self.reading = True
        with server.reading(self._path, offset, facts) as reading:
            self.began_at_bytes = at = reading.offset
            file.truncate(at)
            file.seek(at)
            for chunk in reading.chunks:
                if self._stop.is_set():
                    raise Stopped
                at = self._write(file, chunk, at)
                if at > LARGEST_FILE_BYTES:
                    raise FileTrouble(f"it goes on for more than {LARGEST_FILE_BYTES} bytes: no frame is so large")
                if facts.size is not None and at > facts.size:
                    break
        if facts.size is not None and at < facts.size:
            raise Broken(f"the connection ended after {at} of {facts.size} bytes")
        self.reading = facts.size is not None and at > facts.size

    def _write(self, file: IO[bytes], chunk: bytes, at: int) -> int:
        """Write, with a sync at each checkpoint before anything is written behind it; the new position."""
        rest = memoryview(chunk)
        while rest:
            step = min(len(rest), CHECKPOINT_BYTES - at % CHECKPOINT_BYTES)
            file.write(rest[:step])
            at += step
            rest = rest[step:]
            if at % CHECKPOINT_BYTES == 0:
                os.fsync(file.fileno())
                self.synced_bytes = max(self.synced_bytes, at)
        return at

    def _check(self, server: Server, facts: Facts, file: IO[bytes], part: Path) -> None:
        os.fsync(file.fileno())
        written = os.fstat(file.fileno()).st_size
        if (facts.size is not None and written > facts.size) or server.facts(self._path) != facts:
            part.unlink()
            raise FileTrouble("changed on the server while it was read; left for the next time")
        checksum = server.checksum(self._path)
        if checksum and _digest(file, checksum.algorithm) != checksum.value:
            part.unlink()
            self.synced_bytes = 0
            raise Broken(f"its {checksum.algorithm} is not the one that the server says")
        if not self._final.name.lower().endswith(FITS_SUFFIXES):
            return
        try:
            check_whole(part, self._final.name)
        except BadFrame as error:
            self._refuse(facts, part, f"no whole FITS file on the server either: {error}")
        try:
            self._inspect(part)
        except BadFrame as error:
            self._refuse(facts, part, f"not what its name says: {error}")

    def _refuse(self, facts: Facts, part: Path, why: str) -> NoReturn:
        self._beside(facts, "bad").touch()
        part.unlink()
        raise FileTrouble(f"{why}; left for when it changes") from None

    def _finish(self, facts: Facts, file: IO[bytes], part: Path) -> None:
        if facts.mtime_s is not None:
            os.utime(file.fileno(), (facts.mtime_s, facts.mtime_s))
        if self._read_only:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            os.fchmod(file.fileno(), mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
        os.fsync(file.fileno())
        if os.path.lexists(self._final):
            part.unlink()
            raise FileTrouble("another file of that name came into the archive meanwhile")
        put_in_place(part, self._final)


def _escaped(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


@contextmanager
def _local(part: Path) -> Iterator[None]:
    """Errors of this machine's disk are not the server's (which come as RemoteError)."""
    try:
        yield
    except OSError as error:
        raise local_trouble(error, part) from None


@contextmanager
def _locked(part: Path) -> Iterator[IO[bytes]]:
    """The temporary file, held by this process alone; another one that is at it is left to it."""
    part.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FileTrouble("another `iop4 fetch` is fetching it") from None
            # Who held it before may have renamed or removed it: then this is a finished frame, not to be touched.
            if not part.exists() or not os.path.samestat(os.fstat(descriptor), part.stat()):
                continue
            yield file
            return


def _digest(file: IO[bytes], algorithm: str) -> str:
    file.seek(0)
    if algorithm == "crc32":
        value = 0
        while chunk := file.read(1 << 20):
            value = zlib.crc32(chunk, value)
        return f"{value:08x}"
    digest = hashlib.new(algorithm)
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()
