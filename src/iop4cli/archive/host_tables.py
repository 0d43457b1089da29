"""Tables of host galaxies: the one that comes with the program, and those of the archive's host_galaxies/."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from iop4cli.archive.catalog import CatalogError, CatalogProblem, table_lines
from iop4cli.archive.names import NameIndex, normalise
from iop4cli.nearest import did_you_mean

COLUMNS = ("name", "aperture_radius_arcsec", "fwhm_arcsec", "flux_mjy", "flux_err_mjy")
# `object` and `table` are how published tables call them.
SYNONYMS = {"object": "name", "source": "name", "table": "reference"}

Node = tuple[float, float, float, float]


@dataclass(frozen=True)
class HostEntry:
    """One source's host: (radius and FWHM in arcsec, flux and its error in mJy) of each node, sorted."""

    name: str
    nodes: tuple[Node, ...]
    reference: str
    file: str


def read_hosts(shipped: Path, folder: Path) -> dict[str, HostEntry]:
    """Every host by normalised name: the shipped ones, each replaced whole by one of *.ecsv or *.csv in `folder`.

    CatalogError lists what is wrong in a file, with its line; two files of the folder must not have one source.
    """
    hosts = read_host_table(shipped)
    own: dict[str, HostEntry] = {}
    paths = sorted([*folder.glob("*.ecsv"), *folder.glob("*.csv")]) if folder.is_dir() else []
    for path in paths:
        for key, entry in read_host_table(path).items():
            if key in own:
                message = f"is in {own[key].file} too: a source has one table"
                raise CatalogError([CatalogProblem(str(path), None, "name", entry.name, message)])
            own[key] = entry
    return hosts | own


def hosts_of(hosts: Mapping[str, HostEntry], sources: NameIndex) -> dict[str, HostEntry]:
    """Host entries by the catalogue's name of their source; what the catalogue does not know is left out."""
    found: dict[str, HostEntry] = {}
    for entry in hosts.values():
        names = sources.find(entry.name)
        if len(names) == 1:
            found[names[0]] = entry
    return found


def read_host_table(path: Path) -> dict[str, HostEntry]:
    """The entries of one CSV or ECSV file by normalised name."""
    file = str(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError([CatalogProblem(file, None, "", "", f"cannot be read: {error}")]) from None
    return dict(_entries(text, file))


@lru_cache(maxsize=16)
def _entries(text: str, file: str) -> Mapping[str, HostEntry]:
    """Whoever looks again and again (`iop4 watch`, the screens) finds the same text nearly always."""
    path = Path(file)
    lines = table_lines(text, file, path.suffix.lower() == ".ecsv")
    if not lines:
        raise CatalogError([CatalogProblem(file, 1, "", "", "is empty: the first line names the columns")])
    (first, header), rows = lines[0], lines[1:]
    columns = [SYNONYMS.get(cell.strip(), cell.strip()) for cell in header]
    problems = list(_header_problems(columns, file, first))
    if problems:
        raise CatalogError(problems)
    nodes: dict[str, dict[tuple[float, float], Node]] = {}
    names: dict[str, tuple[str, str]] = {}
    for line, cells in rows:
        if len(cells) != len(columns):
            message = f"has {len(cells)} values, the header {len(columns)} columns"
            problems.append(CatalogProblem(file, line, "", "", message))
            continue
        row = dict(zip(columns, (cell.strip() for cell in cells), strict=True))
        node = _node(row, file, line, problems)
        if node is None:
            continue
        key = normalise(row["name"])
        names.setdefault(key, (row["name"], row.get("reference", "")))
        if node[:2] in nodes.setdefault(key, {}):
            message = f"has radius {node[0]:g} and FWHM {node[1]:g} in an earlier line"
            problems.append(CatalogProblem(file, line, "name", row["name"], message))
        nodes[key][node[:2]] = node
    if problems:
        raise CatalogError(problems)
    return {
        key: HostEntry(names[key][0], tuple(sorted(nodes[key].values())), names[key][1], path.name) for key in nodes
    }


def _header_problems(columns: list[str], file: str, line: int) -> Iterator[CatalogProblem]:
    for column in COLUMNS:
        if column not in columns:
            near = did_you_mean(column, [written for written in columns if written not in COLUMNS])
            yield CatalogProblem(file, line, column, "", f"this column is missing{near}")
    for column in {column for column in columns if columns.count(column) > 1}:
        yield CatalogProblem(file, line, column, "", "this column is there twice")


def _node(row: Mapping[str, str], file: str, line: int, problems: list[CatalogProblem]) -> Node | None:
    before = len(problems)
    if not normalise(row["name"]):
        problems.append(CatalogProblem(file, line, "name", row["name"], "is no name"))
    numbers = []
    for column in COLUMNS[1:]:
        try:
            number = float(row[column])
        except ValueError:
            number = math.nan
        # A radius or a width of zero is none; a flux may be.
        least = "above" if column.endswith("arcsec") else "not below"
        if not (math.isfinite(number) and (number > 0 if least == "above" else number >= 0)):
            problems.append(CatalogProblem(file, line, column, row[column], f"is no number {least} 0"))
        numbers.append(number)
    radius, fwhm, flux, error = numbers
    return (radius, fwhm, flux, error) if len(problems) == before else None
