"""Values as the tables of the screens show them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from iop4cli.shell.output import clean

WIDEST = 52
_DECIMALS = {
    "mjd_utc": 5, "bjd_tdb": 5, "p": 4, "p_err": 4, "p_debiased": 4, "p_lo68": 4, "p_hi68": 4, "p_upper95": 4,
    "q": 4, "q_err": 4, "u": 4, "u_err": 4, "chi_deg": 1, "chi_err_deg": 1, "angle_deg": 1, "ra_deg": 5, "dec_deg": 5,
    "fwhm_arcsec": 2, "aperture_arcsec": 2, "exptime_s": 1,
}  # fmt: skip
_MAG_DECIMALS = 3
# What columns are called where there is little room.
TITLES = {
    "angle_deg": "angle", "chi_deg": "chi", "chi_err_deg": "±", "mag_err": "±", "p_err": "±", "q_err": "±",
    "u_err": "±", "quality_text": "quality", "time_utc": "time", "n_frames": "used", "n_rejected": "left out",
}  # fmt: skip
_STYLE_OF_WORD = {
    "failed": "bad", "error": "bad", "impossible": "warn", "blocked": "warn", "warning": "warn", "no": "warn",
    "done": "good", "yes": "good", "running": "good", "rejected": "warn", "proposed": "warn", "accepted": "good",
}  # fmt: skip
_STYLED = ("status", "level", "accepted", "flags", "verdict")


def cell_text(name: str, value: Any) -> str:
    """One value on one line; what is not known is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _number(name, value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, (list, tuple)):
        return clean(", ".join(str(item) for item in value))
    return clean(" ".join(str(value).split()))


def _number(name: str, value: float) -> str:
    if value != value:
        return ""
    decimals = _DECIMALS.get(name, _MAG_DECIMALS if name.startswith(("mag", "zp")) else None)
    return f"{value:.{decimals}f}" if decimals is not None else f"{value:.5g}"


def cell_style(name: str, value: Any) -> str:
    """good, warn, bad, or nothing."""
    if name not in _STYLED or value in (None, ""):
        return ""
    if name == "flags":
        return "warn"
    return _STYLE_OF_WORD.get(cell_text(name, value).split()[-1], "")


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def title(name: str) -> str:
    return TITLES.get(name, name)


def export_row(row: Mapping[str, Any], columns: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in columns)
