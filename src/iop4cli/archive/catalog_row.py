"""One row of a catalogue: from cells to a source, with what is wrong in each cell."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from iop4cli.archive.names import normalise
from iop4cli.archive.source import KINDS, SETTINGS, Source
from iop4cli.nearest import did_you_mean
from iop4cli.sexagesimal import parse_dec_deg, parse_ra_deg
from iop4cli.strict_toml import FrozenTable

COLUMNS = (
    *("name", "other_names", "ra", "dec", "kind", "redshift", "p", "p_err", "chi", "chi_err"),
    *("calibrates", *SETTINGS, "reference", "comment"),
)
# Columns of a table of standards (archive/standards.py), which may be imported as a catalogue: passed over there.
STANDARDS_ONLY = ("band", "doubt")
SYNONYMS = {"ra_deg": "ra", "dec_deg": "dec", "chi_deg": "chi", "chi_err_deg": "chi_err"}
BAND_COLUMN = re.compile(r"mag_(?!err$)([A-Za-z][A-Za-z0-9']*)(_err)?", re.ASCII)
_MISSING = ("", "nan", "--")
# Names are printed one a line, and read from there.
_ONE_LINE = ("name", "other_names", "calibrates", "kind")
_UNWRITABLE = re.compile("[\\x00\\ud800-\\udfff]")
_SPELLINGS = {"polarized": "polarised", "unpolarized": "unpolarised"}


@dataclass(frozen=True)
class CatalogProblem:
    """One thing wrong in a catalogue, and what to do about it."""

    file: str
    line: int | None
    column: str
    value: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        what = f" {self.column}:" if self.column else ""
        return f"{place}:{what} {self.value!r} {self.message}" if self.value else f"{place}:{what} {self.message}"


@dataclass
class Row:
    """The cells of one line (None: not of a file) by column, and the list where its problems go."""

    file: str
    line: int | None
    cells: dict[str, str]
    problems: list[CatalogProblem]

    def problem(self, column: str, message: str) -> None:
        """Record what is wrong in a cell."""
        value = self.cells.get(column, "")
        self.problems.append(CatalogProblem(self.file, self.line, column, value, message))

    def text(self, column: str) -> str:
        """The words of a cell, empty if there is no such column."""
        return self.cells.get(column, "")

    def words(self, column: str) -> tuple[str, ...]:
        """The list in a cell, separated by `;`, nothing twice."""
        parts = (part.strip() for part in self.text(column).split(";"))
        return tuple(dict.fromkeys(part for part in parts if part))

    def number(self, column: str, low: float = -math.inf, high: float = math.inf, advice: str = "") -> float | None:
        """A finite number from low to high; None if the cell is empty, or wrong (then with a problem)."""
        text = self.text(column)
        if text.casefold() in _MISSING:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.problem(column, "is not a number; leave the cell empty if it is not known")
        elif not low <= number <= high:
            self.problem(column, advice or f"is not between {low:g} and {high:g}")
        else:
            return number
        return None

    def coordinate(self, column: str, parse: Callable[[object], float]) -> float:
        """Degrees of a coordinate, NaN with a problem if it is none."""
        try:
            return parse(self.text(column))
        except ValueError:
            form = "02 04 10.2" if column == "ra" else "+46 41 16.2"
            unit = "hours" if column == "ra" else "degrees"
            name = "right ascension" if column == "ra" else "declination"
            self.problem(column, f"is not a {name}: write degrees (31.04243), or {unit} as {form}")
            return math.nan


def parse_row(row: Row) -> Source | None:
    """The source of a row, or None if anything in it is wrong."""
    before = len(row.problems)
    name = row.text("name")
    if not normalise(name) or ";" in name or name.startswith("#"):
        row.problem("name", "is no name: it needs a letter or figure, and neither ; nor # in front")
    for column, said in row.cells.items():
        if not said.isprintable() and (column in _ONE_LINE or _UNWRITABLE.search(said)):
            row.problem(column, "has characters that cannot be printed")
    kind = _SPELLINGS.get(row.text("kind").lower(), row.text("kind").lower())
    if kind not in KINDS:
        row.problem("kind", f"is no kind of source{did_you_mean(kind, KINDS)}")
    for other in row.words("other_names"):
        if not normalise(other):
            row.problem("other_names", f"{other!r} is no name")
    too_much = "is more than 1 or negative: p is a fraction, not percent"
    source = Source(
        name=name,
        ra_deg=row.coordinate("ra", parse_ra_deg),
        dec_deg=row.coordinate("dec", parse_dec_deg),
        kind=kind,
        other_names=row.words("other_names"),
        redshift=row.number("redshift", -0.01, 20),
        mags=_magnitudes(row),
        p=row.number("p", 0, 1, too_much),
        p_err=row.number("p_err", 0, 1, too_much),
        chi_deg=_angle(row.number("chi", -360, 360)),
        chi_err_deg=row.number("chi_err", 0, 180),
        calibrates=row.words("calibrates"),
        settings=_settings(row),
        reference=row.text("reference"),
        comment=row.text("comment"),
    )
    for value, error in (("p", "p_err"), ("chi", "chi_err")):
        _error_needs_value(row, value, error)
    return source if len(row.problems) == before else None


def _angle(chi_deg: float | None) -> float | None:
    """A position angle from 0 to 180 degrees; one that is there already is not touched."""
    if chi_deg is None or 0 <= chi_deg < 180:
        return chi_deg
    turned = chi_deg % 180
    return 0.0 if turned == 180 else turned


def _magnitudes(row: Row) -> FrozenTable[str, tuple[float, float | None]]:
    mags: dict[str, tuple[float, float | None]] = {}
    for column in row.cells:
        found = BAND_COLUMN.fullmatch(column)
        if found is None or found[2]:
            if found is not None:
                _error_needs_value(row, f"mag_{found[1]}", column)
            continue
        mag = row.number(column, -30, 40)
        mag_err = row.number(f"{column}_err", 0, 10)
        if mag is not None:
            mags[found[1]] = (mag, mag_err)
    return FrozenTable(sorted(mags.items()))


def _error_needs_value(row: Row, value: str, error: str) -> None:
    if row.text(error).casefold() not in _MISSING and row.text(value).casefold() in _MISSING:
        row.problem(error, f"is an error without its value: give {value} too")


def _settings(row: Row) -> FrozenTable[str, str]:
    chosen: dict[str, str] = {}
    for name, allowed in SETTINGS.items():
        value = row.text(name)
        if value and value not in allowed:
            row.problem(name, f"is not one of {', '.join(allowed)}")
        elif value:
            chosen[name] = value
    return FrozenTable(chosen)
