"""Which calibrators of a night's targets are doubtful by all their results, and what they did in that night."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from iop4cli.export.night_facts import Calibrators, Doubtful
from iop4cli.pipeline.catalog_health import UNFIT

Row = Mapping[str, Any]


def calibrators_of(health: Iterable[Row], results: Sequence[Row], uses: Iterable[Row]) -> Calibrators:
    """`health` is of the whole archive (catalog_health.calibrator_health), the rest of the night.

    A row of `uses` is a result with a zero point of a target, and one of the target's calibrators in the catalogue:
    (calibrator, target, instrument, band, used).
    """
    by: dict[tuple[str, str, str], list[Row]] = {}
    for row in uses:
        by.setdefault((row["calibrator"], row["instrument"], row["band"]), []).append(row)
    judged = [row for row in health if (row["source"], row["instrument"], row["band"]) in by]
    doubtful = []
    for row in judged:
        if row["verdict"] == "good":
            continue
        own = by[row["source"], row["instrument"], row["band"]]
        doubtful.append(
            Doubtful(
                row["source"], tuple(sorted({use["target"] for use in own})), row["instrument"], row["band"],
                tuple(row["verdict"].split(", ")), row["mean_mag"], row["mean_err_mag"], row["scatter_mag"],
                row["chi2_red"], row["trend_mag_yr"], row["trend_err_mag_yr"], row["nights"],
                _tonight(row, results), sum(bool(use["used"]) for use in own), len(own), row["note"] or "",
            )
        )  # fmt: skip
    return Calibrators(len({row["source"] for row in judged}), tuple(doubtful))


def _tonight(row: Row, results: Iterable[Row]) -> float | None:
    """Median of the night's results less the catalogue's magnitude."""
    residuals = [
        one["mag"] - row["catalog_mag"]
        for one in results
        if (one["source"], one["instrument"], one["band"]) == (row["source"], row["instrument"], row["band"])
        and one["mag"] is not None
        and not one["flags"]
        and not (one["quality"] or 0) & int(UNFIT)
    ]
    return float(np.median(residuals)) if residuals else None
