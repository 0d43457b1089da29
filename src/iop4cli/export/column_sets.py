"""Sets of columns by name, for what people do most."""

from __future__ import annotations

from collections.abc import Sequence

from iop4cli.errors import UsageError
from iop4cli.nearest import did_you_mean

COLUMN_SETS = {
    "lightcurve": ("source", "telescope", "instrument", "night", "band", "mjd_utc", "bjd_tdb", "exptime_s", "mag",
                   "mag_err", "quality"),
    "polarimetry": ("source", "telescope", "instrument", "night", "band", "mjd_utc", "bjd_tdb", "p", "p_err",
                    "p_debiased", "p_upper95", "chi_deg", "chi_err_deg", "q", "q_err", "u", "u_err", "qu_cov",
                    "p_sys", "chi_sys_deg", "quality", "calibration"),
    "atel": ("source", "night", "mjd_utc", "instrument", "band", "mag", "mag_err", "p", "p_err", "chi_deg",
             "chi_err_deg"),
}  # fmt: skip
FULL = "full"


def chosen_columns(said: str, known: Sequence[str]) -> list[str]:
    """Names of columns and of sets, separated by commas, as columns in that order, each once."""
    wanted: list[str] = []
    for name in (word.strip() for word in said.split(",")):
        if name == FULL:
            wanted += known
        elif name in COLUMN_SETS:
            wanted += COLUMN_SETS[name]
        elif name in known:
            wanted.append(name)
        elif name:
            near = did_you_mean(name, [*known, *COLUMN_SETS, FULL])
            raise UsageError(f"--columns: results have no column {name!r}{near}")
    if not wanted:
        raise UsageError("--columns: names no column")
    return list(dict.fromkeys(wanted))
