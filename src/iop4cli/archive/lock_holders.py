"""Who holds a lock, as far as it can be known: for messages, never for decisions."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shlex
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

_SIGNED = re.compile(r"process (\d+) on (\S+)")
_LONGEST_COMMAND = 60
_KERNEL_LOCKS = Path("/proc/locks")


def this_process() -> str:
    """What a lock's file says of its holder: process, host, command."""
    words = [Path(sys.argv[0]).name if sys.argv else "", *sys.argv[1:]]
    if words[0] == "__main__.py":
        words[0] = "iop4"
    command = " ".join(shlex.join(words).split())
    command = command if len(command) <= _LONGEST_COMMAND else command[: _LONGEST_COMMAND - 3] + "..."
    return f"process {os.getpid()} on {socket.gethostname()}" + (f" ({command})" if command else "")


def sign(descriptor: int) -> None:
    """Leave a note of who holds the lock for writing, where there is space for it."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{this_process()}\n".encode(), 0)


def unsign(descriptor: int) -> None:
    """Take the note away before the lock is let go."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)


def holder(path: Path) -> str:
    """Who holds the flock of a file that writers sign; readers are known where the kernel tells them."""
    kept = _kept_by(path)
    if _only_read(path):
        processes = [one for one in kept if not one.writes]
        return ", ".join(f"a reader, {one.text}" for one in processes[:3]) or "a reader"
    return signed_by(_text(path), kept)


def signed_by(text: str, kept: list[Process]) -> str:
    """The signature in a lock's file, unless the process that left it is dead or holds nothing; else what is known."""
    first = text.splitlines()[0] if text else ""
    said = _SIGNED.match(first)
    writers = [one for one in kept if one.writes]
    if said is not None and _is_alive(int(said[1]), said[2]):
        is_elsewhere = said[2] != socket.gethostname()
        if is_elsewhere or not writers or int(said[1]) in {one.number for one in writers}:
            return first if is_elsewhere else first + _suspended(int(said[1]))
    return writers[0].text if writers else "another process"


def processes_at(path: Path) -> list[Process]:
    """Processes of this host that hold an flock of the file; empty where the kernel does not tell (macOS)."""
    return _kept_by(path)


@dataclass(frozen=True)
class Process:
    """A process of this host that holds a lock."""

    number: int
    writes: bool

    @property
    def text(self) -> str:
        """As processes sign."""
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{self.number}/cmdline").read_bytes().decode(errors="replace").split("\0")
            command = " ".join(part for part in words if part)
            command = command if len(command) <= _LONGEST_COMMAND else "..." + command[3 - _LONGEST_COMMAND :]
            return f"process {self.number} on {socket.gethostname()} ({command}){_suspended(self.number)}"
        return f"process {self.number} on {socket.gethostname()}"


def _kept_by(path: Path) -> list[Process]:
    """From lines like `3: FLOCK  ADVISORY  WRITE 1234 fe:01:56789 0 EOF`; `->` marks who waits."""
    try:
        inode = path.stat().st_ino
        lines = _KERNEL_LOCKS.read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        words = line.split()
        if len(words) < 6 or words[1] != "FLOCK" or not words[4].isdigit():
            continue
        if words[5].rpartition(":")[2] == str(inode) and int(words[4]) > 0:
            found.append(Process(int(words[4]), words[3] == "WRITE"))
    return found


def _only_read(path: Path) -> bool:
    """Whether a further reader could come in."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def _suspended(process: int) -> str:
    """Ctrl-Z on a terminal stops a process with its locks."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""
    return ", suspended (`fg` or kill -CONT lets it go on)" if state == "T" else ""


def _is_alive(process: int, host: str) -> bool:
    if host != socket.gethostname():
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
