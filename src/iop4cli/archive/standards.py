"""The table of polarimetric standards: stars, bands, and the polarisation that the literature gives them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from iop4cli.archive.catalog import CatalogError, table_lines
from iop4cli.archive.catalog_row import COLUMNS, STANDARDS_ONLY, SYNONYMS, CatalogProblem, Row, parse_row
from iop4cli.archive.names import NameIndex
from iop4cli.archive.source import Source
from iop4cli.nearest import did_you_mean
from iop4cli.sexagesimal import separation_deg
from iop4cli.share import share_dir

KINDS = ("polarised", "unpolarised")
# A catalogue's place of a star of another name that is a standard all the same.
_SAME_PLACE_ARCSEC = 5.0


@dataclass(frozen=True)
class StandardStar:
    """One row: a star in one band (all bands if empty); `doubt` says why not to calibrate with it."""

    source: Source
    band: str
    doubt: str

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def polarised(self) -> bool:
        return self.source.kind == "polarised"

    def serves(self, band: str) -> bool:
        """Whether its figures hold in a band."""
        return not self.band or self.band.casefold() == band.casefold()


def shipped_standards() -> Path:
    """The table that comes with the program."""
    return share_dir() / "catalogs" / "polarimetric_standards.ecsv"


def read_standards(path: Path) -> tuple[StandardStar, ...]:
    """The rows of a CSV or ECSV table; CatalogError lists every problem with its place.

    Columns are those of a catalogue and `band`, `doubt`; a star may have a row for each band.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError([CatalogProblem(str(path), None, "", "", f"cannot be read: {error}")]) from None
    lines = table_lines(text, str(path), path.suffix.lower() == ".ecsv")
    problems: list[CatalogProblem] = []
    if not lines:
        raise CatalogError([CatalogProblem(str(path), 1, "", "", "is empty: the first line names the columns")])
    first, header = lines[0]
    columns = [SYNONYMS.get(cell.strip(), cell.strip()) for cell in header]
    for column in columns:
        if column not in (*COLUMNS, *STANDARDS_ONLY) and not column.startswith("mag_"):
            known = (*COLUMNS, *STANDARDS_ONLY)
            problems.append(
                CatalogProblem(str(path), first, column, "", f"unknown column{did_you_mean(column, known)}")
            )
    missing = [column for column in ("name", "ra", "dec", "kind") if column not in columns]
    problems += [CatalogProblem(str(path), first, column, "", "this column is missing") for column in missing]
    found = []
    for number, cells in [] if problems else lines[1:]:
        if len(cells) != len(columns):
            message = f"has {len(cells)} values, the header {len(columns)} columns"
            problems.append(CatalogProblem(str(path), number, "", "", message))
            continue
        row = Row(str(path), number, dict(zip(columns, (cell.strip() for cell in cells), strict=True)), problems)
        star = _star(row)
        if star is not None:
            found.append(star)
    if problems:
        raise CatalogError(problems)
    return tuple(found)


def _star(row: Row) -> StandardStar | None:
    source = parse_row(row)
    if source is None:
        return None
    if source.kind not in KINDS:
        row.problem("kind", f"a standard is {' or '.join(KINDS)}")
    elif source.kind == "polarised":
        for column, value in (("p", source.p), ("p_err", source.p_err), ("chi", source.chi_deg),
                              ("chi_err", source.chi_err_deg)):  # fmt: skip
            if value is None:
                row.problem(column, "a polarised standard needs it")
    return StandardStar(source, row.text("band"), row.text("doubt"))


def same_stars(sources: Iterable[Source], standards: Iterable[StandardStar]) -> dict[str, str]:
    """Catalogue source -> standard: by any of their names, else by place to a few arcseconds."""
    stars = {standard.name: standard.source for standard in standards}
    index = NameIndex({name: star.other_names for name, star in stars.items()})
    found = {}
    for source in sources:
        named = [match for word in (source.name, *source.other_names) for match in index.find(word)]
        near = [
            name
            for name, star in stars.items()
            if separation_deg(source.ra_deg, source.dec_deg, star.ra_deg, star.dec_deg) * 3600 <= _SAME_PLACE_ARCSEC
        ]
        if named or near:
            found[source.name] = (named or near)[0]
    return found
