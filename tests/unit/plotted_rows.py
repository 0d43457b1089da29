"""Rows of the view `results`, and what a figure of them shows."""

from __future__ import annotations

from typing import Any

FIRST_MJD = 59830.8


def result(number: int, **more: Any) -> dict[str, Any]:
    """A row of the view `results`, a day after the one before."""
    row = dict.fromkeys(
        ("mag_host", "mag_host_err", "p_host", "p_host_err", "p_host_debiased", "p_upper95", "flags", "qu_cov")
    )
    return row | {
        "id": f"{number:012x}", "source": "BL Lac", "telescope": "OSN-T090", "instrument": "AndorT90",
        "night": "2022-09-08", "mode": "pol", "band": "R", "mjd_utc": FIRST_MJD + number,
        "bjd_tdb": 2459831.3 + number, "mag": 13.0 + 0.1 * number, "mag_err": 0.02, "p": 0.1, "p_err": 0.005,
        "p_debiased": 0.0999, "chi_deg": 170.0, "chi_err_deg": 1.4, "q": 0.08, "q_err": 0.005, "u": -0.06,
        "u_err": 0.004,
    } | more  # fmt: skip


def drawn(figure: Any, kind: str) -> list[list[tuple[float, float]]]:
    """The points of a kind (solid, hollow, limit) in each axes of a figure."""
    return [
        [tuple(pair) for line in axes.lines if line.get_gid() == kind for pair in line.get_xydata().tolist()]
        + [tuple(pair) for one in axes.collections if one.get_gid() == kind for pair in one.get_offsets().tolist()]
        for axes in figure.axes
    ]


def ys(figure: Any, kind: str, panel: int) -> list[float]:
    return [y for _, y in drawn(figure, kind)[panel]]
