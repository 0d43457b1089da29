"""Frames that arrive while one watches: which are complete, when they came, and what may still follow."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import re
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iop4cli.archive.epochs import BadName, check_filename, parse_epoch
from iop4cli.pipeline.view import Row
from iop4cli.remote.local import FITS_SUFFIXES
from iop4cli.remote.names import shown
from iop4cli.remote.settling import SettlingFiles
from iop4cli.science.groups import Exposure, Group

# Older nights change seldom: their folders are looked at once in a while only.
_NEW_NIGHTS = 3
_OLD_NIGHTS_EVERY_S = 30.0
# All files of new nights are looked at so often; in between, folders that tell of new names, and what is growing.
_FILES_EVERY_S = 0.5

# A name that nobody could mistake: no letters to look at one by one.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*\.(fits?|fts)", re.IGNORECASE)


@dataclass(frozen=True)
class Growing:
    """A polarimetric group whose missing angles may still come, for so many seconds."""

    target: str
    band: str
    n_frames: int
    missing_deg: tuple[float, ...]
    seconds_left: float


@dataclass
class Underway:
    """What is not finished yet: raw files still being written, and groups that wait for their missing angles.

    `arrived` gives the moment (seconds of `clock`) at which a frame came. Plans leave the unfinished files alone; a
    group is measured when it is complete, when another target follows it, or when no further angle can belong to it.
    """

    unfinished: frozenset[str] = frozenset()
    arrived: Mapping[str, float] = field(default_factory=dict)
    clock: Callable[[], float] = time.time
    growing: dict[str, Growing] = field(default_factory=dict)

    def leaves_alone(self, name: str, known: Container[str]) -> bool:
        """Whether a raw file is still being written, or was not there when all were last looked at.

        What comes while a plan reads the folder may be half there; that it has just come is known at the next look.
        """
        return name in self.unfinished or (name not in self.arrived and name not in known)

    def may_grow(self, name: str, group: Group, gap_s: float, lights: Iterable[Row]) -> bool:
        """Whether an exposure that is still to come may belong to the group; noted if so."""
        last = group.exposures[-1]
        came = [self.arrived[exposure.name] for exposure in group.exposures if exposure.name in self.arrived]
        if not came or not group.missing_angles:
            return False
        # The next one may begin a gap later, and comes when it is exposed.
        left = max(came) + gap_s + last.exptime_s - self.clock()
        if left <= 0.0 or self._followed(last, lights):
            return False
        self.growing[name] = Growing(last.target, last.band, len(group.exposures), group.missing_angles, left)
        return True

    def may_begin(self, frame: Row, angles_deg: Sequence[float], gap_s: float) -> bool:
        """Whether a frame that is in no group yet came so recently that its group may only have begun; noted if so."""
        came = self.arrived.get(frame["name"])
        left = -1.0 if came is None else came + gap_s + (frame["exptime_s"] or 0.0) - self.clock()
        if left <= 0.0:
            return False
        target = frame["target"] or f"OBJECT {frame['object']}"
        # Named as an item of its night, so that the night is looked at again when the time is over.
        name = f"{epoch_of(frame['name'])}/begun {frame['instrument']} {target} {frame['band']}"
        before = self.growing.get(name)
        missing = angles_deg if before is None else before.missing_deg
        away = [abs(angle - frame["angle_deg"]) for angle in missing]
        if away:
            nearest = away.index(min(away))
            missing = [*missing[:nearest], *missing[nearest + 1 :]]
        n_frames = 1 if before is None else before.n_frames + 1
        self.growing[name] = Growing(target, frame["band"], n_frames, tuple(missing), left)
        return True

    @staticmethod
    def _followed(last: Exposure, lights: Iterable[Row]) -> bool:
        """Whether the telescope has turned to another target since."""
        return any(
            row["instrument"] == last.instrument
            and (row["mjd_utc"] or 0.0) > last.mjd_utc
            and (row["target"] or f"OBJECT {row['object']}") != last.target
            for row in lights
        )


class Arrivals:
    """The files in raw/TELESCOPE/NIGHT/ as they come; `nights` limits it to these epochs (None: all)."""

    def __init__(self, raw: Path, nights: frozenset[str] | None, patience_s: float) -> None:
        self.raw, self.nights = raw, nights
        self._files = SettlingFiles(patience_s)
        self._came: dict[str, float] = {}
        self._looked_at_all_s = self._looked_at_files_s = -math.inf
        self._lively: set[str] = set()
        self._growing: list[Path] = []
        self._folders: dict[Path, int] = {}
        for epoch in self._epochs(everything=True):
            paths = list(self._paths(epoch))
            self._files.know(paths)
            # A frame copied with its own time, or found at the start, came when the file was last written.
            self._came |= {raw_name(path)[0]: when for path in paths if (when := _changed_s(path)) is not None}

    def look(self) -> tuple[list[str], frozenset[str]]:
        """(frames that are complete since the last look, files that are being written)."""
        settled, self._growing = self._files.look(self._to_look_at())
        names = [self._name(path) for path in settled]
        self._came |= dict.fromkeys(names, time.time())
        self._lively |= {epoch_of(name) for name in names}
        return names, frozenset(map(self._name, self._growing))

    def _to_look_at(self) -> list[Path]:
        now_s = time.monotonic()
        # As they were before their names are read: what comes while they are is seen the next time.
        folders = {folder: _folder_state(folder) for folder in self._folders}
        if now_s - self._looked_at_files_s < _FILES_EVERY_S and folders == self._folders:
            return self._growing
        self._looked_at_files_s = now_s
        everything = now_s - self._looked_at_all_s >= _OLD_NIGHTS_EVERY_S
        if everything:
            self._looked_at_all_s = now_s
        epochs = list(self._epochs(everything=everything))
        new = [self.raw, *(self.raw / telescope for telescope in {epoch.split("/")[0] for epoch in epochs})]
        new += [self.raw / epoch for epoch in epochs]
        self._folders = {folder: folders.get(folder, 0) for folder in new}
        return [path for epoch in epochs for path in self._paths(epoch)]

    @property
    def came(self) -> Mapping[str, float]:
        return self._came

    def _name(self, path: Path) -> str:
        return raw_name(path)[0]

    def _epochs(self, *, everything: bool) -> Iterator[str]:
        for telescope in folders_in(self.raw):
            nights = folders_in(telescope)
            for number, night in enumerate(nights):
                epoch = f"{telescope.name}/{night.name}"
                if self.nights is not None:
                    wanted = epoch in self.nights
                else:
                    wanted = everything or number >= len(nights) - _NEW_NIGHTS or epoch in self._lively
                if wanted:
                    yield epoch

    def _paths(self, epoch: str) -> Iterator[Path]:
        yield from (path for path in entries_in(self.raw / epoch) if is_raw_file(path))


def epoch_of(name: str) -> str:
    return name.rsplit("/", 1)[0]


def is_raw_file(path: Path) -> bool:
    """Whether it lies there as a frame, be it one or not; hidden and unfinished files and plain folders do not."""
    if path.name.startswith(".") or path.name.endswith((".part", ".tmp")):
        return False
    return path.name.lower().endswith(FITS_SUFFIXES) or not path.is_dir()


def raw_name(path: Path) -> tuple[str, str]:
    """The name of what lies at raw/TELESCOPE/NIGHT/FILENAME, and why that cannot be a frame's, if so.

    Then it is one that can be printed, with a mark that tells it from any other.
    """
    try:
        check_filename(path.name)
    except BadName as error:
        return f"{'/'.join(path.parts[-3:-1])}/{_marked(path.name)}", f"{error}: rename it"
    return "/".join(path.parts[-3:]), ""


def raw_names(raw: Path, nights: frozenset[str] | None) -> Iterator[str]:
    """The names of all frames in raw/TELESCOPE/NIGHT/, of these epochs (None: all); only folders are looked at."""
    for telescope in folders_in(raw):
        for night in folders_in(telescope):
            epoch = f"{telescope.name}/{night.name}"
            if (nights is not None and epoch not in nights) or misnamed(night):
                continue
            with contextlib.suppress(OSError), os.scandir(night) as entries:
                for entry in entries:
                    if _PLAIN_NAME.fullmatch(entry.name):
                        yield f"{epoch}/{entry.name}"
                    elif is_raw_file(night / entry.name):
                        yield raw_name(night / entry.name)[0]


def misnamed(night: Path) -> tuple[str, str] | None:
    """(name to print, what is wrong) of a folder raw/TELESCOPE/NIGHT that cannot be that of a night; None if it can."""
    given = "/".join(night.parts[-2:])
    try:
        wanted = str(parse_epoch(given))
    except BadName as error:
        return _marked(given), str(error)
    return None if wanted == given else (_marked(given), f"a night is written {wanted}")


def _marked(name: str) -> str:
    """A name in letters that can be printed, with a mark that tells it from any other."""
    return f"{shown(name).strip()}~{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"


def _folder_state(folder: Path) -> int:
    """What differs when a name in it came or went; 0 if it is not there."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _changed_s(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def entries_in(folder: Path) -> list[Path]:
    """What lies in a folder, by name; nothing in one that cannot be read."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def folders_in(parent: Path) -> list[Path]:
    """Folders by name; none in one that cannot be read."""
    try:
        return sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []
