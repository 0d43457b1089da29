"""The exposures of a polarimetric result against the angle of the analyser, with the fit and what it leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iop4cli.export.plots.chart import Chart, Panel, Point, Series, point_of, points

Rows = Sequence[Mapping[str, Any]]


def modulation_chart(rows: Rows, curve: Rows, *, title: str, quantity: str) -> Chart:
    """Of rows and the curve of pipeline.modulation; exposures that were not used are hollow."""

    def measured(column: str) -> tuple[Point, ...]:
        return points(
            point_of(row, "angle_deg", column, "modulation_err_percent", hollow=not row["used"]) for row in rows
        )

    fit = Series("fit", points(point_of(row, "angle_deg", "fit_percent") for row in curve), _FIT_LOOK, joined=True)
    above = Panel(f"{quantity} (%)", (fit, Series("exposures", measured("modulation_percent"))), level=0.0, share=1.5)
    below = Panel("residual (%)", (Series("exposures", measured("residual_percent")),), level=0.0, share=0.8)
    return Chart(title, "angle of the analyser (deg)", (above, below), hollow_means="not used")


_FIT_LOOK = 1
