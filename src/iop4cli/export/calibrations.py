"""Calibrations as text: entries for an instrument's file, and an ECSV table."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from iop4cli.archive.columns import column_of

# In the order in which a person reads them.
TABLE_COLUMNS = (
    "name", "instrument", "band", "status", "q_inst", "q_inst_err", "u_inst", "u_inst_err", "zero_angle_deg",
    "zero_angle_err_deg", "efficiency", "efficiency_err", "covariance", "valid_from", "valid_until", "chi2", "dof",
    "n_measurements", "n_stars", "scatter", "star_scatter", "raw_scatter", "held", "made_utc", "made_by", "source",
)  # fmt: skip
_TOML_KEYS = (
    "name", "source", "band", "q_inst", "q_inst_err", "u_inst", "u_inst_err", "zero_angle_deg", "zero_angle_err_deg",
    "efficiency", "efficiency_err",
)  # fmt: skip


def to_toml(rows: Sequence[Mapping[str, Any]]) -> str:
    """Entries `[[calibrations]]` for the files of their instruments, which a comment names."""
    return "\n".join(_entry(row) for row in rows)


def _entry(row: Mapping[str, Any]) -> str:
    lines = [f"# For the file of {row['instrument']}.", "[[calibrations]]"]
    # A JSON string is a TOML string, and repr of a float is one that TOML reads back to the same.
    lines += [f"{key} = {_toml(row[key])}" for key in _TOML_KEYS]
    if row["covariance"]:
        lines.append("# Of q_inst, u_inst, zero_angle_deg and efficiency.")
        lines.append(f"covariance = {_toml(json.loads(row['covariance']))}")
    lines += [f"{key} = {row[key]}" for key in ("valid_from", "valid_until") if row[key]]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(float(value))


def to_ecsv(rows: Sequence[Mapping[str, Any]]) -> str:
    """An ECSV table with units and meanings; what is not known is masked."""
    from astropy.table import MaskedColumn, Table

    table = Table(meta={"angles": "zero_angle_deg is added to measured angles; degrees north through east"})
    for name in TABLE_COLUMNS:
        values = [row.get(name) for row in rows]
        table[name] = _column(name, values, MaskedColumn)
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    return text.getvalue()


def _column(name: str, values: Sequence[Any], kind: Any) -> Any:
    numeric = name.endswith(("_err", "_deg", "_inst", "_stars", "chi2", "dof", "efficiency", "scatter", "measurements"))
    missing = [value is None for value in values]
    empty: Any = float("nan") if numeric else ""
    plain = [empty if value is None else value if numeric else str(value) for value in values]
    whole = numeric and name in {"dof", "n_measurements", "n_stars"}
    if whole:
        plain = [0 if value is None else int(value) for value in values]
    described = column_of("calibration", name)
    dtype = int if whole else float if numeric else str
    return kind(
        plain, mask=missing, dtype=dtype, unit=(described.unit or None) if described else None,
        description=described.text if described else "from the archive (accepted or not) or an instrument's file",
    )  # fmt: skip
