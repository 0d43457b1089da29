"""Catalogues of sources: reading a CSV, ECSV or VOTable file, all of it or nothing, and writing CSV back."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from iop4cli.archive.catalog_names import Placed, name_problems, resolve_targets
from iop4cli.archive.catalog_row import (
    BAND_COLUMN,
    COLUMNS,
    STANDARDS_ONLY,
    SYNONYMS,
    CatalogProblem,
    Row,
    parse_row,
)
from iop4cli.archive.source import SETTINGS, Source
from iop4cli.errors import UsageError
from iop4cli.nearest import did_you_mean

__all__ = ["CatalogError", "CatalogProblem", "Source", "parse_catalog", "read_catalog", "to_csv"]


VOTABLE_SUFFIXES = (".vot", ".votable", ".xml")


class CatalogError(UsageError):
    """A catalogue that is refused as a whole; `problems` lists all that is wrong with it."""

    def __init__(self, problems: Iterable[CatalogProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def read_catalog(path: Path, known: Mapping[str, Iterable[str]] | None = None) -> tuple[Source, ...]:
    """The sources of a CSV, ECSV or VOTable file, by its suffix.

    `known`: canonical name -> other names of sources that are there already; `calibrates` may name them, and
    a source of the same name replaces one of them. CatalogError lists every problem with its place and value.
    """
    if path.suffix.lower() in VOTABLE_SUFFIXES:
        from iop4cli.archive.catalog_tables import votable_lines

        return parse_lines(votable_lines(path), str(path), known)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError([CatalogProblem(str(path), None, "", "", f"cannot be read: {error}")]) from None
    return parse_catalog(text, str(path), known=known, ecsv=path.suffix.lower() == ".ecsv")


def parse_catalog(
    text: str, file: str, *, known: Mapping[str, Iterable[str]] | None = None, ecsv: bool = False
) -> tuple[Source, ...]:
    """The sources in the text of a CSV or ECSV file (see read_catalog)."""
    return parse_lines(table_lines(text, file, ecsv), file, known)


def parse_lines(
    lines: list[tuple[int, list[str]]], file: str, known: Mapping[str, Iterable[str]] | None = None
) -> tuple[Source, ...]:
    """The sources of numbered lines of cells; the first names the columns."""
    problems: list[CatalogProblem] = []
    if not lines:
        raise CatalogError([CatalogProblem(file, 1, "", "", "is empty: the first line names the columns")])
    first, header = lines[0]
    columns = _columns(header, file, first, problems)
    placed: list[Placed] = []
    for number, cells in lines[1:]:
        if len(cells) != len(columns):
            message = f"has {len(cells)} values, the header {len(columns)} columns"
            problems.append(CatalogProblem(file, number, "", "", message))
            continue
        row = Row(file, number, dict(zip(columns, (cell.strip() for cell in cells), strict=True)), problems)
        source = parse_row(row)
        if source is not None:
            placed.append(Placed(number, source))
    problems += name_problems(placed, known or {}, file)
    sources = resolve_targets(placed, known or {}, file, problems)
    if problems:
        raise CatalogError(sorted(problems, key=lambda problem: problem.line or 0))
    return tuple(sources)


def table_lines(text: str, file: str, ecsv: bool) -> list[tuple[int, list[str]]]:
    """(line number, cells) of the header and of each row; comments and empty lines left out."""
    above = 0
    all_lines = text.splitlines(keepends=True)
    delimiter = " " if ecsv else ","
    while above < len(all_lines) and (not all_lines[above].strip() or all_lines[above].lstrip().startswith("#")):
        if ecsv and all_lines[above].replace(" ", "").startswith("#delimiter:','"):
            delimiter = ","
        above += 1
    reader = csv.reader(
        io.StringIO("".join(all_lines[above:]), newline=""),
        delimiter=delimiter,
        skipinitialspace=True,
        strict=True,
    )
    found: list[tuple[int, list[str]]] = []
    start = above + 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not cells[0].lstrip().startswith("#"):
                found.append((start, cells))
            start = above + reader.line_num + 1
    except csv.Error as error:
        raise CatalogError([CatalogProblem(file, start, "", "", f"is not a table: {error}")]) from None
    return found


def _columns(header: list[str], file: str, line: int, problems: list[CatalogProblem]) -> list[str]:
    """The columns by the name that this project gives them, with a problem for each that cannot be."""
    columns: list[str] = []
    for written in (cell.strip() for cell in header):
        column = SYNONYMS.get(written, written)
        if column not in (*COLUMNS, *STANDARDS_ONLY) and not BAND_COLUMN.fullmatch(column):
            known = (*COLUMNS, *SYNONYMS, "mag_R", "mag_R_err")
            message = f"unknown column{did_you_mean(written, known)}"
            problems.append(CatalogProblem(file, line, written, "", message))
        elif column in columns:
            problems.append(CatalogProblem(file, line, written, "", "this column is there twice"))
        columns.append(column)
    for column in ("name", "ra", "dec", "kind"):
        if column not in columns:
            hint = "; columns are separated by commas" if len(header) == 1 else ""
            problems.append(CatalogProblem(file, line, column, "", f"this column is missing{hint}"))
    if problems:
        raise CatalogError(problems)
    return columns


def to_csv(sources: Iterable[Source]) -> str:
    """The sources as CSV that read_catalog reads back to the same; columns without values are left out."""
    used, rows = columns_and_rows(sources)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, used, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def columns_and_rows(sources: Iterable[Source]) -> tuple[list[str], list[dict[str, str]]]:
    """The columns that any source has a value in, and each source's cells."""
    known = list(sources)
    bands = sorted({band for source in known for band in source.mags})
    columns = [*COLUMNS, *(name for band in bands for name in (f"mag_{band}", f"mag_{band}_err"))]
    rows = [_cells(source) for source in known]
    always = ("name", "ra", "dec", "kind")
    return [column for column in columns if column in always or any(row.get(column) for row in rows)], rows


def _cells(source: Source) -> dict[str, str]:
    numbers = {
        "ra": source.ra_deg,
        "dec": source.dec_deg,
        "redshift": source.redshift,
        "p": source.p,
        "p_err": source.p_err,
        "chi": source.chi_deg,
        "chi_err": source.chi_err_deg,
    }
    for band, (mag, mag_err) in source.mags.items():
        numbers |= {f"mag_{band}": mag, f"mag_{band}_err": mag_err}
    return {
        "name": source.name,
        "other_names": ";".join(source.other_names),
        "kind": source.kind,
        "calibrates": ";".join(source.calibrates),
        "reference": source.reference,
        "comment": source.comment,
        **{name: source.settings.get(name, "") for name in SETTINGS},
        **{column: "" if number is None else repr(number) for column, number in numbers.items()},
    }
