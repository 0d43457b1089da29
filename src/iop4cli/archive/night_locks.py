"""Locks of nights: two runs at once share an archive's nights, and do none of them twice.

Nights are dealt to a fixed number of files in the archive, so that no run needs more descriptors than these. Each is
locked with flock, which ends with its process, and carries a count that whoever takes it raises: who has planned
before and finds another count plans again.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iop4cli.archive.lock import cannot_write, try_flock
from iop4cli.archive.lock_holders import processes_at, signed_by, this_process
from iop4cli.errors import StoreError
from iop4cli.full_disk import told_if_full

N_FILES = 64
_AT_WORK, _AT_REST = "at work", "at rest"
_LONGEST_NOTE = 4096
_NIGHTS_NAMED = 4


@dataclass(frozen=True)
class Held:
    """Some of the locks; whoever holds them lets them go with `release`."""

    descriptors: dict[int, int]
    # What the files said when they were taken; None where the one before has not ended well.
    found: dict[int, int | None]
    counts: dict[int, int]
    notes: dict[int, str]
    # When those began that have not ended well, in seconds since 1970.
    begun_s: dict[int, float] = field(default_factory=dict)

    def release(self, *, well: bool = True) -> None:
        """Let go, and say that what was begun is recorded; if not `well`, the next one has to look."""
        for number, descriptor in self.descriptors.items():
            with contextlib.suppress(OSError):
                if well:
                    _write(descriptor, self.counts[number], _AT_REST, self.notes[number])
            os.close(descriptor)

    def __contains__(self, night: str) -> bool:
        return file_of(night) in self.descriptors


@dataclass(frozen=True)
class NightLocks:
    """The locks of an archive's nights (`TELESCOPE/NIGHT`), in files of one folder."""

    folder: Path

    def counts(self) -> dict[int, int | None]:
        """The count of each file, to be read before a plan; None where somebody is at work, or was until killed."""
        found: dict[int, int | None] = {}
        for number in range(N_FILES):
            with contextlib.suppress(OSError):
                found[number] = _count(self._path(number).read_bytes()[:_LONGEST_NOTE])
        return found

    def take(self, n_items: Mapping[str, int], enough: int) -> Held:
        """Of these nights' locks those that are free now, until they have `enough` items; perhaps none.

        Nobody waits for one while holding another.
        """
        wanted: dict[int, list[str]] = {}
        for night in sorted(n_items):
            wanted.setdefault(file_of(night), []).append(night)
        held = Held({}, {}, {}, {})
        n_taken = 0
        try:
            for number, nights in wanted.items():
                if n_taken >= enough:
                    break
                if self._take(held, number, nights):
                    n_taken += sum(n_items[night] for night in nights)
        except BaseException:
            held.release(well=not held.begun_s)
            raise
        return held

    def unfinished(self) -> Iterator[Held]:
        """Each lock whose last holder did not end well, if nobody has it now; it says so until it is released well."""
        for number in [number for number, count in self.counts().items() if count is None]:
            descriptor = self._locked(number)
            if descriptor is None:
                continue
            said = os.pread(descriptor, _LONGEST_NOTE, 0)
            if _count(said) is not None:
                os.close(descriptor)
                continue
            begun_s = os.fstat(descriptor).st_mtime
            count = _any_count(said) + 1
            yield Held({number: descriptor}, {number: None}, {number: count}, {number: _note(())}, {number: begun_s})

    def _take(self, held: Held, number: int, nights: Sequence[str]) -> bool:
        descriptor = self._locked(number)
        if descriptor is None:
            return False
        said = os.pread(descriptor, _LONGEST_NOTE, 0)
        count, note = _any_count(said) + 1, _note(nights)
        held.found[number], held.counts[number], held.notes[number] = _count(said), count, note
        held.descriptors[number] = descriptor
        if held.found[number] is None:
            held.begun_s[number] = os.fstat(descriptor).st_mtime
        else:
            with told_if_full(self._path(number)):
                _write(descriptor, count, _AT_WORK, note)
        return True

    def begin(self, held: Held) -> None:
        """Sign those that the one before had not ended well, when what it left is put right."""
        for number in held.begun_s:
            with told_if_full(self._path(number)):
                _write(held.descriptors[number], held.counts[number], _AT_WORK, held.notes[number])
        held.begun_s.clear()

    def _locked(self, number: int) -> int | None:
        """The descriptor of a lock that is this process' now; None if another has it."""
        descriptor = self._open(number)
        try:
            if try_flock(descriptor, fcntl.LOCK_EX, self._path(number)):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def holder(self, night: str) -> str:
        """Who works on a night or one that shares its file, and on which; for people."""
        path = self._path(file_of(night))
        try:
            lines = path.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        who = signed_by("\n".join(lines[1:2]), processes_at(path))
        return f"{who}, which works on {lines[2] if len(lines) > 2 and lines[2] else night}"

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:02d}.lock"

    def _open(self, number: int) -> int:
        path = self._path(number)
        try:
            self.folder.mkdir(exist_ok=True)
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            if not cannot_write(error):
                raise
            raise StoreError(
                f"the archive cannot be written to: {path}, a lock of its nights, is not to be opened "
                f"({error.strerror}); `-n` says what is due"
            ) from error


def file_of(night: str) -> int:
    """The number of a night's file: those of nights that follow one another are different."""
    telescope, _, date = night.partition("/")
    try:
        day = datetime.date.fromisoformat(date).toordinal()
    except ValueError:
        day = zlib.crc32(date.encode())
    return (day + zlib.crc32(telescope.encode())) % N_FILES


def _write(descriptor: int, count: int, state: str, note: str) -> None:
    content = f"{count:012d} {state}\n{note}\n".encode()
    os.pwrite(descriptor, content, 0)
    os.ftruncate(descriptor, len(content))


def _count(said: bytes) -> int | None:
    """The count of a file at rest; an empty one is at rest."""
    first = said.split(b"\n", 1)[0].decode(errors="replace")
    number, _, state = first.partition(" ")
    if not said:
        return 0
    return int(number) if state == _AT_REST and number.isdigit() else None


def _any_count(said: bytes) -> int:
    number = said.split(b" ", 1)[0].decode(errors="replace")
    return int(number) if number.isdigit() else 0


def _note(nights: Iterable[str]) -> str:
    named = list(nights)
    more = f" and {len(named) - _NIGHTS_NAMED} more" if len(named) > _NIGHTS_NAMED else ""
    return f"{this_process()}\n{', '.join(named[:_NIGHTS_NAMED])}{more}"
