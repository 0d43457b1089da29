"""The exposures of one polarimetric result against the angle of the analyser: rows for tables and plots."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from iop4cli.errors import NoSuchItem, UsageError
from iop4cli.pipeline.swept_result import polarimeter_of
from iop4cli.pipeline.view import View

COLUMNS = (
    "frame", "mjd_utc", "angle_deg", "modulation_percent", "modulation_err_percent", "fit_percent",
    "residual_percent", "used",
)  # fmt: skip
_PERCENT = 100.0
_CURVE_POINTS = 181
_BEYOND_DEG = 5.0


def modulation_rows(view: View, result_id: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str]:
    """(a row for each exposure, rows of the fitted curve with angle_deg and fit_percent, what the values are).

    As the step pol would measure it now, with the parameters that it had. Percent; what was not measured is None.
    """
    found = view.store.rows("select * from measurement where id = ?", [result_id])
    if not found:
        raise NoSuchItem(f"no result has the id {result_id}")
    result = found[0]
    if result["mode"] != "pol":
        raise UsageError(f"{result_id} is photometry, which has no modulation")
    polarimeter = polarimeter_of(view, result)
    try:
        one = polarimeter.fitted(result["source"])
    except (KeyError, ValueError) as problem:
        raise UsageError(f"{result_id} cannot be measured as it was ({problem}): run `iop4 pol`") from problem
    modulation = polarimeter.modulation(result["source"], one)
    fitted = modulation.value - modulation.residual
    rows = [
        {
            "frame": frame["name"], "mjd_utc": frame["mjd_utc"], "angle_deg": float(polarimeter.angles_deg[i]),
            "modulation_percent": _percent(modulation.value[i]),
            "modulation_err_percent": _percent(modulation.error[i]),
            "fit_percent": _percent(fitted[i]), "residual_percent": _percent(modulation.residual[i]),
            "used": bool(one.used[i]),
        }
        for i, frame in enumerate(polarimeter.exposures)
    ]  # fmt: skip
    ends = float(polarimeter.angles_deg.min()), float(polarimeter.angles_deg.max())
    angles = np.linspace(ends[0] - _BEYOND_DEG, ends[1] + _BEYOND_DEG, _CURVE_POINTS)
    turned = modulation.turns * np.radians(angles)
    stokes = one.fit.q * np.cos(turned) + one.fit.u * np.sin(turned)
    curve = (modulation.offset + stokes) / (1.0 + modulation.offset * stokes)
    curve_rows = [
        {"angle_deg": float(angle), "fit_percent": _PERCENT * float(value)}
        for angle, value in zip(angles, curve, strict=True)
    ]
    return rows, curve_rows, "(O - E) / (O + E)" if modulation.two_beams else "flux / mean - 1"


def _percent(value: float) -> float | None:
    return _PERCENT * float(value) if math.isfinite(value) else None
