"""The folder of a night on a server, as a pattern like `DATA/{YYMMDD}_CAFOS`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

_PARTS = {
    "YYYYMMDD": ("%Y%m%d", r"\d{8}"),
    "YYYY-MM-DD": ("%Y-%m-%d", r"\d{4}-\d{2}-\d{2}"),
    "YYMMDD": ("%y%m%d", r"\d{6}"),
    "YYYY": ("%Y", r"\d{4}"),
    "YY": ("%y", r"\d{2}"),
    "MM": ("%m", r"\d{2}"),
    "DD": ("%d", r"\d{2}"),
}
_BRACES = re.compile(r"\{([^{}]*)\}")
# As in archive/epochs.py: two figures of a year are those of 1970 to 2069.
_PIVOT = 70


@dataclass(frozen=True)
class NightFolder:
    """A pattern; each folder it fits is that of one night."""

    pattern: str

    def __post_init__(self) -> None:
        names = _BRACES.findall(self.pattern)
        unknown = [name for name in names if name not in _PARTS]
        if unknown:
            raise ValueError(f"folder: {{{unknown[0]}}} is none of {', '.join(f'{{{name}}}' for name in _PARTS)}")
        letters = set("".join(names).replace("-", ""))
        if letters != set("YMD") or any(letter in _BRACES.sub("", self.pattern) for letter in "{}"):
            raise ValueError(f"folder: {self.pattern!r} must hold year, month and day, like {{YYYYMMDD}}")
        if any(part in ("", ".", "..") for part in self.pattern.strip("/").split("/")):
            raise ValueError(f"folder: {self.pattern!r} must not hold `..`, `.` or `//`")

    def of(self, night: str) -> str:
        """The folder of a night given as ISO date."""
        day = date.fromisoformat(night)
        return _BRACES.sub(lambda found: day.strftime(_PARTS[found[1]][0]), self.pattern).rstrip("/")

    def night_of(self, folder: str) -> str | None:
        """The ISO date of a folder that fits, else None."""
        found = re.fullmatch(_expression(self.pattern.rstrip("/")), folder, re.ASCII)
        if not found:
            return None
        figures = "".join(f"{found[f'part{number}']}" for number in range(len(_BRACES.findall(self.pattern))))
        letters = "".join(_BRACES.findall(self.pattern))
        year, month, day = (
            "".join(figure for figure, letter in zip(figures, letters, strict=True) if letter == wanted)
            for wanted in "YMD"
        )
        if len(year) == 2:
            year = f"{19 if int(year) >= _PIVOT else 20}{year}"
        try:
            night = date(int(year[:4]), int(month[:2]), int(day[:2])).isoformat()
        except ValueError:
            return None
        return night if self.of(night) == folder else None

    def nights(self, subfolders: Callable[[str], list[str]]) -> Iterator[tuple[str, str]]:
        """(night, folder) of all that are there; `subfolders` lists the names of the folders in one."""
        levels = self.pattern.rstrip("/").split("/")
        yield from sorted(self._below("", levels, subfolders))

    def _below(
        self, above: str, levels: list[str], subfolders: Callable[[str], list[str]]
    ) -> Iterator[tuple[str, str]]:
        if not levels:
            night = self.night_of(above.removesuffix("/"))
            if night:
                yield night, above.removesuffix("/")
            return
        level, deeper = levels[0], levels[1:]
        if not _BRACES.search(level):
            yield from self._below(f"{above}{level}/", deeper, subfolders)
            return
        for name in subfolders(above.rstrip("/") or ("/" if above.startswith("/") else "")):
            if re.fullmatch(_expression(level), name, re.ASCII):
                yield from self._below(f"{above}{name}/", deeper, subfolders)


def _expression(pattern: str) -> str:
    pieces = _BRACES.split(pattern)
    return "".join(
        re.escape(piece) if number % 2 == 0 else f"(?P<part{number // 2}>{_PARTS[piece][1]})"
        for number, piece in enumerate(pieces)
    )
