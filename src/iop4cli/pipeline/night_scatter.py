"""How steady a night was, judged by its own results: zero points, seeing, calibrators against their nightly mean."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
Key = tuple[Any, ...]
_FEWEST_ORIGINS = 3
_FEWEST_STARS = 3


@dataclass(frozen=True)
class NightScatter:
    """Results of one night by series (instrument, mode, band); see the methods for what each is good for.

    `scatter` is, by frame or group (origin), the standard deviation of the sources that have calibrators and hold
    still: each source's magnitude less its own median over the night. Errors of the catalogue drop out of it.
    """

    best_zp: Mapping[Key, float]
    typical_width: Mapping[Key, float]
    scatter: Mapping[Key, tuple[float, float]]
    typical_scatter: Mapping[Key, float]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> NightScatter:
        best_zp: dict[Key, float] = {}
        widths: dict[Key, list[float]] = {}
        for row in rows:
            if row["zp"] is not None:
                key = (*_series(row), row["source"])
                best_zp[key] = max(best_zp.get(key, row["zp"]), row["zp"])
            if row["fwhm_arcsec"] is not None:
                widths.setdefault(_series(row), []).append(row["fwhm_arcsec"])
        scatter = _scatter_by_origin(rows)
        by_series: dict[Key, list[float]] = {}
        for key, (value, _) in scatter.items():
            by_series.setdefault(key[:-1], []).append(value)
        return cls(
            best_zp,
            {key: statistics.median(values) for key, values in widths.items()},
            scatter,
            {key: statistics.median(values) for key, values in by_series.items()},
        )

    def zero_point_drop(self, row: Row) -> float | None:
        """How much fainter the zero point is than the night's best for that source, in magnitudes."""
        if row["zp"] is None:
            return None
        return float(self.best_zp[(*_series(row), row["source"])] - row["zp"])

    def width_ratio(self, row: Row) -> float | None:
        """The seeing over the night's median."""
        if row["fwhm_arcsec"] is None:
            return None
        return float(row["fwhm_arcsec"] / self.typical_width[_series(row)])

    def relative_error(self, row: Row) -> float | None:
        """The error of a magnitude against others of the same night: photons, and what steady stars scatter beyond
        theirs. Without the catalogue's share, for that is common to all of the night."""
        found = self.scatter.get((*_series(row), row["origin"]))
        if found is None or row["mag"] is None or row["mag_err_photon"] is None:
            return None
        scatter, photon = found
        return math.sqrt(row["mag_err_photon"] ** 2 + max(scatter**2 - photon**2, 0.0))

    def unsteady(self, row: Row, ratio: float) -> bool:
        """Whether the calibrators scatter much more in this frame or group than is usual in the night."""
        found = self.scatter.get((*_series(row), row["origin"]))
        return found is not None and found[0] > ratio * max(self.typical_scatter[_series(row)], found[1])


def _series(row: Row) -> Key:
    return row["instrument"], row["mode"], row["band"]


def _scatter_by_origin(rows: Sequence[Row]) -> dict[Key, tuple[float, float]]:
    """(scatter, expected from photons) by series and origin, of all sources measured at least three times."""
    by_source: dict[Key, list[Row]] = {}
    for row in rows:
        if row["mag"] is not None:
            by_source.setdefault((*_series(row), row["source"]), []).append(row)
    residuals: dict[Key, list[tuple[float, float]]] = {}
    for members in by_source.values():
        if len(members) < _FEWEST_ORIGINS:
            continue
        middle = statistics.median(row["mag"] for row in members)
        for row in members:
            residuals.setdefault((*_series(row), row["origin"]), []).append(
                (row["mag"] - middle, row["mag_err_photon"] or 0.0)
            )
    found = {}
    for key, values in residuals.items():
        if len(values) < _FEWEST_STARS:
            continue
        # The source that departs most may be a variable one: the target, usually.
        offsets = sorted((offset for offset, _ in values), key=abs)[:-1]
        freedom = max(len(offsets) - 1, 1)
        found[key] = (
            math.sqrt(sum(offset**2 for offset in offsets) / freedom),
            math.sqrt(statistics.fmean(error**2 for _, error in values)),
        )
    return found
