"""Names of files that are being written: hidden, in the folder of the final name, and telling whose they are.

A process that was killed leaves such a file behind. It may be removed when its writer is known to be dead, which only
the writer's own host can know; what other hosts left is for `iop4 doctor`, by its age.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import zlib
from collections.abc import Container, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

SUFFIX = ".part"
_NAME = re.compile(r"\.(?P<name>.+)\.(?P<host>[A-Za-z0-9_-]+)\.(?P<process>\d+)\.part")
_LONGEST_NAME = 150
_LONGEST_HOST = 40
# Where processes of one host have numbers of their own (a container), the number of their space belongs to the name.
_NUMBERS_OF_PROCESSES = "/proc/self/ns/pid"
_THE_HOSTS_OWN = 0xEFFFFFFC
_own: list[Path] = []


def unfinished_name(final: str) -> str:
    """The name under which this process writes what will be called `final`."""
    return f".{_kept(final)}.{_here()}.{os.getpid()}{SUFFIX}"


def unfinished_beside(final: Path) -> Path:
    path = final.with_name(unfinished_name(final.name))
    _own.append(path)
    return path


def forget_own() -> None:
    """What this process has written until now is finished, or another's to care for."""
    _own.clear()


def remove_own() -> None:
    """Remove what this process was writing since then: it ends."""
    for path in _own:
        remove(path)


def remove_of(processes: Container[int], folder: Path) -> None:
    """Remove what these processes of this host, if they are dead, left in a folder."""
    for path in abandoned_in(folder):
        said = _NAME.fullmatch(path.name)
        if said is not None and int(said["process"]) in processes:
            remove(path)


@contextmanager
def written_whole(final: Path) -> Iterator[Path]:
    """The name to write under; the file gets its final one at the end of the block, or is removed if that fails."""
    for left in abandoned_beside(final):
        remove(left)
    temporary = unfinished_beside(final)
    try:
        yield temporary
        temporary.replace(final)
    finally:
        temporary.unlink(missing_ok=True)


def is_unfinished(path: Path) -> bool:
    return path.name.endswith(SUFFIX)


def is_abandoned(path: Path) -> bool:
    """Whether its writer was a process of this host, and is dead."""
    said = _NAME.fullmatch(path.name)
    return said is not None and said["host"] == _here() and not _is_alive(int(said["process"]))


def abandoned_beside(final: Path) -> Iterator[Path]:
    """What dead processes left of this one file."""
    for path in abandoned_in(final.parent):
        said = _NAME.fullmatch(path.name)
        if said is not None and said["name"] == _kept(final.name):
            yield path


def abandoned_in(folder: Path) -> Iterator[Path]:
    """What dead processes left in a folder (not below it)."""
    try:
        with os.scandir(folder) as entries:
            found = [Path(entry.path) for entry in entries if entry.name.endswith(SUFFIX)]
    except (FileNotFoundError, NotADirectoryError):
        return
    yield from (path for path in sorted(found) if is_abandoned(path))


def remove(path: Path) -> None:
    """Remove an unfinished file, or a folder that was being filled."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _kept(final: str) -> str:
    """A name that leaves room for the rest; a longer one keeps its beginning, and is told from others by its sum."""
    if len(final.encode("utf-8", "surrogateescape")) <= _LONGEST_NAME:
        return final
    return f"{final[:30]}~{zlib.crc32(final.encode('utf-8', 'surrogateescape')):08x}"


@cache
def _here() -> str:
    """This host, as far as its processes have numbers of their own."""
    host = re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname())[:_LONGEST_HOST] or "here"
    try:
        numbers = Path(_NUMBERS_OF_PROCESSES).stat().st_ino
    except OSError:
        return host
    return host if numbers == _THE_HOSTS_OWN else f"{host}-{numbers}"


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return not _is_waited_for(process)


def _is_waited_for(process: int) -> bool:
    """Whether it has ended and only its parent has not asked for it yet (a zombie): it writes no more."""
    try:
        said = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    # The name of the program, in brackets, may have anything in it.
    return said.rpartition(")")[2].split()[:1] == ["Z"]
