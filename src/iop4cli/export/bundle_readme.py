"""The README of a bundle: what is in it, what it rests on, and how to cite it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from iop4cli.archive.columns import RESULTS
from iop4cli.export.bundle import CHECKSUMS
from iop4cli.export.formats import CONVENTIONS
from iop4cli.export.markdown_table import markdown_text as text

Row = Mapping[str, Any]


def readme(
    meta: Mapping[str, Any],
    measured: Sequence[Row],
    columns: Sequence[str],
    files: Mapping[str, str],
    notes: Iterable[str],
) -> str:
    """Markdown; `measured` as of RestsOn, `files` name -> what is in it, `notes` what else is to be said."""
    parts = [
        _head(meta, measured),
        _section("Files", [f"- `{name}`: {text(what)}" for name, what in files.items()]),
        _section(
            "What was measured", [_table(_MEASURED, measured)] if measured else ["Nothing fulfils the selection."]
        ),
        _section("Comparison stars", _stars(meta["comparison_stars"])),
        _section("Polarimetric calibrations", _references(meta["calibration_references"])),
        _section("Instruments", _references(meta["instrument_references"])),
    ]
    if "host_galaxies" in meta:
        hosts = meta["host_galaxies"]
        parts.append(
            _section("Host galaxies", [f"Taken off: {text(', '.join(hosts['subtracted_from']))}.", "",
                                       *(f"- {text(one)}" for one in hosts["references"])])
        )  # fmt: skip
    parts += [
        _section(
            "Conventions", [f"- {text(said)}" for said in CONVENTIONS.values()] + [f"- {text(one)}" for one in notes]
        ),
        _section("Columns", [_columns(columns)]),
        _section("How to cite", [_CITE]),
    ]
    return "\n".join(parts)


_CITE = (
    "`references.bib` holds what these results rest on: the pipeline, the comparison stars' magnitudes, the "
    "calibrations and the hosts' light. Entries have no more than what is known for certain; complete those without "
    "a title before you publish."
)
_NO_REFERENCE = "none in the catalogue"
_MEASURED = {
    "source": "source", "instrument": "instrument", "mode": "mode", "n_results": "results",
    "first_night": "first night", "last_night": "last night", "version": "measured by version",
    "photometric_system": "photometric system",
}  # fmt: skip
_STARS = {"name": "star", "band": "band", "mag": "magnitude", "mag_err": "error", "n_results": "results",
          "reference": "reference"}  # fmt: skip


def _head(meta: Mapping[str, Any], measured: Sequence[Row]) -> str:
    n_results = sum(row["n_results"] for row in measured)
    sources = {row["source"] for row in measured}
    selection = ", ".join(f"{name} {_plain(value)}" for name, value in meta["selection"].items()) or "all results"
    flagged = meta["flagged_left_out"]
    left_out = f"{flagged} results that people flagged were left out." if flagged else "None was left out as flagged."
    if meta["flagged"] != "left out":
        left_out = "Results that people flagged are contained; column `flags` says why."
    return (
        f"# Photometry and polarimetry of {len(sources)} source{'' if len(sources) == 1 else 's'}\n\n"
        f"{n_results} result{'' if n_results == 1 else 's'}, written by {meta['software']} {text(meta['version'])}; "
        f"measured by version {text(', '.join(meta['measured_by'])) or 'unknown'}.\n\n"
        f"Selection: {text(selection)}. {left_out}\n\n"
        f"`sha256sum -c {CHECKSUMS}` tells whether the files are whole.\n"
    )


def _section(title: str, lines: Sequence[str]) -> str:
    return f"## {title}\n\n" + "\n".join(lines).rstrip() + "\n"


def _table(columns: Mapping[str, str], rows: Sequence[Row]) -> str:
    lines = [list(columns.values()), [":---"] * len(columns)]
    lines += [[text(_plain(row.get(name))) for name in columns] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _stars(stars: Sequence[Row]) -> list[str]:
    if not stars:
        return ["No magnitude rests on comparison stars."]
    return [
        "Magnitudes as they were used; references as the catalogue names them now.",
        "",
        _table(_STARS, [{**star, "reference": star["reference"] or _NO_REFERENCE} for star in stars]),
    ]


def _references(known: Mapping[str, str]) -> list[str]:
    return [f"- {text(name)}: {text(said or 'no reference')}" for name, said in known.items()] or ["None."]


def _columns(columns: Sequence[str]) -> str:
    rows = [
        {"name": name, "unit": RESULTS[name].unit, "text": RESULTS[name].text} for name in columns if name in RESULTS
    ]
    return _table({"name": "column", "unit": "unit", "text": "meaning"}, rows)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.6g}" if isinstance(value, float) else json.dumps(value)
