"""Sources as TOML, which people edit, and back; what is wrong is told with its line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from iop4cli.archive.catalog import CatalogError
from iop4cli.archive.catalog_names import Known, Placed, name_problems, resolve_targets
from iop4cli.archive.catalog_row import BAND_COLUMN, COLUMNS, SYNONYMS, CatalogProblem, Row, parse_row
from iop4cli.archive.source import SETTINGS, Source
from iop4cli.nearest import did_you_mean
from iop4cli.strict_toml import Document, parse

_LISTS = ("other_names", "calibrates")
_NUMBERS = ("redshift", "p", "p_err", "chi", "chi_err")
_HINTS = {
    "ra": "degrees, or \"22 02 43.29\" (hours)", "dec": "degrees, or \"+42 16 40.0\"", "p": "a fraction, not percent",
    "chi": "degrees, north through east", **{name: " or ".join(allowed) for name, allowed in SETTINGS.items()},
}  # fmt: skip


def to_toml(source: Source) -> str:
    """One source as TOML with every key; those without a value are comments."""
    values: dict[str, Any] = {
        "name": source.name, "other_names": list(source.other_names), "ra": source.ra_deg, "dec": source.dec_deg,
        "kind": source.kind, "redshift": source.redshift, "p": source.p, "p_err": source.p_err,
        "chi": source.chi_deg, "chi_err": source.chi_err_deg, "calibrates": list(source.calibrates),
        **{name: source.settings.get(name) for name in SETTINGS}, "reference": source.reference,
        "comment": source.comment,
    }  # fmt: skip
    lines = []
    for name in COLUMNS:
        hint = f"  # {_HINTS[name]}" if name in _HINTS else ""
        lines.append(f"# {name} ={hint}" if values[name] is None else f"{name} = {_literal(values[name])}{hint}")
    lines += ["", "[mags]  # BAND = magnitude, or [magnitude, error]"]
    for band, (mag, mag_err) in source.mags.items():
        key = band if "'" not in band else f'"{band}"'
        lines.append(f"{key} = {_literal(mag if mag_err is None else [mag, mag_err])}")
    return "\n".join(lines) + "\n"


def _literal(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    # JSON's strings are TOML's, but for the one control character that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f") if isinstance(value, str) else repr(value)


def parse_toml(text: str, file: str, known: Known) -> tuple[Source, ...]:
    """The source of a TOML file, or those of its [[source]] tables; CatalogError lists all that is wrong.

    `known`: see catalog.read_catalog.
    """
    document = parse(text, file)
    problems: list[CatalogProblem] = []
    tables: Mapping[str, Any] = {"": document.tree}
    if isinstance(document.tree.get("source"), list):
        tables = {f"source[{number}]": table for number, table in enumerate(document.tree["source"])}
        problems += _unknown(document, "", [key for key in document.tree if key != "source"])
    placed = []
    for where, table in tables.items():
        row = _TomlRow.of(document, where, table, problems)
        source = parse_row(row) if not row.problems[row.n_before :] else None
        if source is not None:
            placed.append(Placed(row.line or 0, source))
    problems += name_problems(placed, known, file)
    sources = resolve_targets(placed, known, file, problems)
    if problems:
        raise CatalogError(sorted(problems, key=lambda problem: problem.line or 0))
    return tuple(sources)


def _unknown(document: Document, where: str, keys: Iterable[str]) -> list[CatalogProblem]:
    known = (*COLUMNS, *SYNONYMS, "mags")
    return [
        CatalogProblem(
            document.file, document.line_of(_joined(where, key)), key, "", f"is no key{did_you_mean(key, known)}"
        )
        for key in keys
        if key not in known
    ]


def _joined(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


@dataclass
class _TomlRow(Row):
    """A table of TOML in the shape of a catalogue's row."""

    document: Document
    where: str
    n_before: int = 0

    @classmethod
    def of(cls, document: Document, where: str, table: Mapping[str, Any], problems: list[CatalogProblem]) -> _TomlRow:
        line = document.line_of(_joined(where, "name")) or 1
        row = cls(document.file, line, {}, problems, document, where, len(problems))
        problems += _unknown(document, where, table)
        for written, value in table.items():
            key = SYNONYMS.get(written, written)
            if key == "mags":
                row._take_mags(value)
            elif key in COLUMNS:
                row.cells[key] = row._cell(key, value)
        return row

    def problem(self, column: str, message: str) -> None:
        self.problems.append(
            CatalogProblem(self.file, self._line_of(column), column, self.cells.get(column, ""), message)
        )

    def _line_of(self, column: str) -> int | None:
        found = BAND_COLUMN.fullmatch(column)
        keys = [f"mags.{found[1]}"] if found else [column, *(old for old, new in SYNONYMS.items() if new == column)]
        at = {key: self.document.lines.get(_joined(self.where, key)) for key in keys}
        return next((line for line in at.values() if line is not None), self.line)

    def _cell(self, key: str, value: Any) -> str:
        if key in _LISTS:
            if not isinstance(value, list) or not all(isinstance(word, str) and ";" not in word for word in value):
                self.problem(key, 'must be a list of names without ;, like ["BL Lac"]')
                return ""
            return ";".join(value)
        numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
        if key in _NUMBERS and not numeric:
            self.problem(key, f"must be a number, not {value!r}")
        elif key not in (*_NUMBERS, "ra", "dec") and not isinstance(value, str):
            self.problem(key, f"must be text in quotes, not {value!r}")
        elif key in ("ra", "dec") and not numeric and not isinstance(value, str):
            self.problem(key, f"must be degrees or text, not {value!r}")
        else:
            return repr(value) if numeric else value.strip()
        return ""

    def _take_mags(self, mags: Any) -> None:
        if not isinstance(mags, dict):
            self.problem("mags", "must be a table: [mags], then R = [13.2, 0.01]")
            return
        for band, value in mags.items():
            numbers = value if isinstance(value, list) else [value]
            column = f"mag_{band}"
            right = 1 <= len(numbers) <= 2 and all(type(number) in (int, float) for number in numbers)
            if not right or not BAND_COLUMN.fullmatch(column):
                self.problem(column, "must be BAND = magnitude or BAND = [magnitude, error]")
                continue
            self.cells[column] = repr(numbers[0])
            if len(numbers) == 2:
                self.cells[f"{column}_err"] = repr(numbers[1])
