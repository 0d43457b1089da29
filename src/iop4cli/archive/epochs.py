"""Epochs and frames by name, `T090/220908` or `OSN-T090/2022-09-08/x.fit`, and globs of them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase

from iop4cli.errors import UsageError

_COMPACT = re.compile(r"(\d{2}|\d{4})(\d{2})(\d{2})", re.ASCII)
_DASHED = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TELESCOPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
# CCDs came to telescopes after 1970: two figures of a year are those of 1970 to 2069.
_PIVOT = 70
_LONGEST_NAME_BYTES = 230

CanonicalTelescope = Callable[[str], str]


class BadName(UsageError):
    """Text that is no name of an epoch or a frame."""


@dataclass(frozen=True, order=True)
class Epoch:
    """One telescope, one night (ISO date of the evening)."""

    telescope: str
    night: str

    def __str__(self) -> str:
        return f"{self.telescope}/{self.night}"


@dataclass(frozen=True, order=True)
class FrameName:
    """One frame, named for life."""

    telescope: str
    night: str
    filename: str

    @property
    def epoch(self) -> Epoch:
        """The epoch that the frame belongs to."""
        return Epoch(self.telescope, self.night)

    def __str__(self) -> str:
        return f"{self.telescope}/{self.night}/{self.filename}"


@dataclass(frozen=True)
class NameGlob:
    """A pattern of epochs (`filename` is None) or frames, with `*`, `?` and `[...]`.

    The night may be written in any of its three ways: `T090/2209*` is September 2022.
    """

    telescope: str
    night: str
    filename: str | None = None

    def matches_epoch(self, epoch: Epoch) -> bool:
        """Whether the telescope and night parts fit."""
        nights = (epoch.night, epoch.night.replace("-", ""), epoch.night.replace("-", "")[2:])
        return fnmatchcase(epoch.telescope, self.telescope) and any(fnmatchcase(night, self.night) for night in nights)

    def matches(self, item: Epoch | FrameName) -> bool:
        """Whether an epoch or a frame fits; a pattern of epochs fits all their frames too."""
        if isinstance(item, Epoch):
            return self.filename is None and self.matches_epoch(item)
        if not self.matches_epoch(item.epoch):
            return False
        return self.filename is None or item.filename == self.filename or fnmatchcase(item.filename, self.filename)


def is_glob(text: str) -> bool:
    """Whether a name holds characters of a pattern."""
    return any(mark in text for mark in "*?[")


def parse_night(text: str) -> str:
    """ISO date of a night written 2022-09-08, 20220908 or 220908."""
    compact = _COMPACT.fullmatch(text)
    iso = text if _DASHED.fullmatch(text) else ""
    if compact:
        year = compact[1]
        if len(year) == 2:
            year = f"{19 if int(year) >= _PIVOT else 20}{year}"
        iso = f"{year}-{compact[2]}-{compact[3]}"
    try:
        return date.fromisoformat(iso).isoformat()
    except ValueError:
        raise BadName(f"{text!r} is not a night like 2022-09-08, 20220908 or 220908") from None


def parse_epoch(text: str, telescope: CanonicalTelescope = str) -> Epoch:
    """An epoch from any of its spellings; `telescope` resolves aliases, as Registry.telescope does."""
    parts = text.rstrip("/").split("/")
    if len(parts) != 2:
        raise BadName(f"{text!r} is not an epoch like OSN-T090/2022-09-08")
    return Epoch(_telescope(parts[0], telescope), parse_night(parts[1]))


def parse_frame_name(text: str, telescope: CanonicalTelescope = str) -> FrameName:
    """A frame from TELESCOPE/NIGHT/FILENAME, telescope and night in any spelling."""
    parts = text.split("/")
    if len(parts) != 3:
        raise BadName(f"{text!r} is not a frame like OSN-T090/2022-09-08/BLLac-0001R0.fit")
    return FrameName(_telescope(parts[0], telescope), parse_night(parts[1]), check_filename(parts[2]))


def parse_item(text: str, telescope: CanonicalTelescope = str) -> Epoch | FrameName | NameGlob:
    """An epoch, a frame or a glob of either.

    File names may hold `[` or `?`: such text is a glob, which also fits the file of exactly that name.
    """
    parts = text.rstrip("/").split("/")
    if len(parts) not in (2, 3):
        raise BadName(
            f"{text!r} is neither an epoch (OSN-T090/2022-09-08) nor a frame "
            "(OSN-T090/2022-09-08/BLLac-0001R0.fit) nor a glob of them"
        )
    if not is_glob(text):
        return parse_epoch(text, telescope) if len(parts) == 2 else parse_frame_name(text, telescope)
    place = parts[0] if is_glob(parts[0]) else _telescope(parts[0], telescope)
    night = parts[1] if is_glob(parts[1]) else parse_night(parts[1])
    filename = check_filename(parts[2]) if len(parts) == 3 else None
    return NameGlob(place, night, filename)


def check_filename(name: str) -> str:
    """The name if it is that of a file in a folder, never a way out of it, and can be written on a line and read back.

    Room is left for what is put around it: a temporary name of a product has to fit in a folder too.
    """
    if name in ("", ".", "..") or "/" in name:
        raise BadName(f"{name!r} is not the name of a file")
    if not name.isprintable():
        raise BadName(f"{name!r} has characters that cannot be printed, or is not in UTF-8")
    if name != name.strip():
        raise BadName(f"{name!r} begins or ends with a blank")
    if len(name.encode()) > _LONGEST_NAME_BYTES:
        raise BadName(f"{name!r} is longer than {_LONGEST_NAME_BYTES} bytes")
    return name


def _telescope(text: str, telescope: CanonicalTelescope) -> str:
    if not _TELESCOPE.fullmatch(text):
        raise BadName(f"{text!r} is not a telescope like OSN-T090")
    return telescope(text)
