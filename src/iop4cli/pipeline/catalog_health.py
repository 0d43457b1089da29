"""Residuals of the calibrators in the store, star by star, and what they say of the catalogue."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from iop4cli.archive.people import quoted
from iop4cli.archive.store import Store
from iop4cli.frames.quality import Quality
from iop4cli.science.calibrator_health import Health, Residuals, health_of, verdicts

COLUMNS = (
    "source", "instrument", "band", "verdict", "n", "nights", "others", "mean_mag", "mean_err_mag", "scatter_mag",
    "chi2_red", "trend_mag_yr", "trend_err_mag_yr", "largest_mag",
)  # fmt: skip
UNFIT = (
    Quality.SATURATED | Quality.NONLINEAR | Quality.EDGE | Quality.NEGATIVE_FLUX | Quality.NOT_CENTRED
    | Quality.BLENDED_BEAMS | Quality.COSMIC_RAY | Quality.APERTURE_UNSTABLE
)  # fmt: skip
# With so few others a bad one among them cannot be told from the star itself.
_FEW_OTHERS = 2


def calibrator_health(store: Store, names: Collection[str] | None = None) -> list[dict[str, Any]]:
    """A row for each calibrator (of `names`, or all), instrument and band that has results; the worst first.

    A verdict takes into account how many stars are judged: the whole archive's, whatever is asked for.
    """
    series: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in store.rows(_QUESTION):
        series.setdefault((row["source"], row["instrument"], row["band"]), []).append(row)
    keys = sorted(series)
    found = [health_of(_residuals(series[key])) for key in keys]
    rows = [_row(key, series[key], one, words) for key, one, words in zip(keys, found, verdicts(found), strict=True)]
    rows.sort(key=lambda row: (row["verdict"] == "good", row["chance"]))
    return [row for row in rows if names is None or row["source"] in names]


def residual_rows(store: Store, names: Collection[str] | None = None) -> list[dict[str, Any]]:
    """Each result of a calibrator that counts, in time: measured - catalogue (mag), and its error."""
    return [
        {**row, "residual_mag": row["mag"] - row["catalog_mag"], "residual_err_mag": _error_of(row)}
        for row in store.rows(_QUESTION)
        if names is None or row["source"] in names
    ]


def calibrators_named(store: Store, name: str) -> list[str]:
    """The star of this name, if it calibrates; else the calibrators of the target of this name."""
    rows = store.rows(
        f"select distinct calibrator, calibrator = {quoted(name)} as own from calibrates "
        f"where calibrator = {quoted(name)} or target = {quoted(name)} order by 1"
    )
    own = [row["calibrator"] for row in rows if row["own"]]
    return own or [row["calibrator"] for row in rows]


_QUESTION = f"""
    select m.source, m.instrument, m.band, m.id, m.mjd_utc, m.telescope || '/' || m.night::text as night, m.mag,
        m.mag_err_photon, c.mag_err_night, m.zp_err, m.n_calibrators, s.mag as catalog_mag, s.mag_err as catalog_mag_err
    from measurement m join source_mag s on s.source = m.source and s.band = m.band
        left join correction c on c.measurement = m.id
    where m.source in (select calibrator from calibrates) and m.mag is not null and m.mag_err_photon > 0
        and m.bits & {int(UNFIT)} = 0 and m.id not in (select measurement from flag)
    order by m.mjd_utc, m.id"""


def _residuals(rows: list[dict[str, Any]]) -> Residuals:
    error = [_error_of(row) for row in rows]
    nights = {night: number for number, night in enumerate(sorted({row["night"] for row in rows}))}
    zp_err = float(np.median([row["zp_err"] or 0.0 for row in rows]))
    return Residuals(
        np.array([row["mjd_utc"] for row in rows]), np.array([row["mag"] - row["catalog_mag"] for row in rows]),
        np.array(error), np.array([nights[row["night"]] for row in rows]),
        float(np.hypot(rows[0]["catalog_mag_err"] or 0.0, zp_err)),
    )  # fmt: skip


def _error_of(row: dict[str, Any]) -> float:
    """What a night's steady stars scatter is the error of each result; where that is not known, the zero point's."""
    return row["mag_err_night"] or float(np.hypot(row["mag_err_photon"], row["zp_err"] or 0.0))


def _row(key: tuple[str, str, str], rows: list[dict[str, Any]], one: Health, words: tuple[str, ...]) -> dict[str, Any]:
    others = int(np.median([row["n_calibrators"] or 0 for row in rows]))
    worst = rows[one.largest]
    note = None
    if words and others <= _FEW_OTHERS:
        note = f"measured against {others} other{'s' if others > 1 else ''} only: one of them may be the culprit"
    chances = [one.chance_offset, one.chance_variable, one.chance_trend]
    return {
        "source": key[0], "instrument": key[1], "band": key[2], "verdict": ", ".join(words) or "good",
        "n": len(rows), "nights": len({row["night"] for row in rows}), "others": others, "mean_mag": one.mean,
        "mean_err_mag": one.mean_err, "scatter_mag": one.scatter, "chi2": one.chi2, "dof": one.dof,
        "chi2_red": one.chi2 / one.dof if one.dof else None, "trend_mag_yr": one.trend_mag_yr,
        "trend_err_mag_yr": one.trend_err_mag_yr, "largest_mag": worst["mag"] - worst["catalog_mag"],
        "largest_id": worst["id"], "catalog_mag": worst["catalog_mag"], "catalog_mag_err": worst["catalog_mag_err"],
        "chance": min(chance for chance in chances if chance is not None), "chance_offset": one.chance_offset,
        "chance_variable": one.chance_variable, "chance_trend": one.chance_trend, "note": note,
    }  # fmt: skip
