"""A night's results of targets, beside those of the days before."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from iop4cli.export.night_facts import Compared, Result, Series, Uncalibrated
from iop4cli.frames.quality import Quality, describe
from iop4cli.science.departures import departure, typical

Row = Mapping[str, Any]

SURE_SIGMAS = 3.0
# A difference as sure as that is worth a look from here on: what blazars do in any night is not.
LEAST_MAG, LEAST_P, LEAST_CHI_DEG = 0.1, 0.02, 10.0
_PERIOD_DEG = 180.0
_MJD_EPOCH = datetime.datetime(1858, 11, 17)


def utc(mjd: float | None) -> datetime.datetime | None:
    return None if mjd is None else _MJD_EPOCH + datetime.timedelta(days=mjd)


def results_of(rows: Iterable[Row], targets: Collection[str]) -> tuple[Result, ...]:
    return tuple(_result(row) for row in rows if row["source"] in targets)


def _result(row: Row) -> Result:
    return Result(
        row.get("id", ""), row["source"], row["mode"], row["band"] or "", f"{row['telescope']}/{row['night']}",
        utc(row["mjd_utc"]), row["mag"], row["mag_err"], row["p"], row["p_err"], row["p_sys"], row["chi_deg"],
        row["chi_err_deg"], row["chi_sys_deg"], row.get("quality_text") or describe(row.get("quality") or 0),
        row.get("flags") or "",
    )  # fmt: skip


def series_of(results: Sequence[Result], before: Sequence[Result]) -> tuple[Series, ...]:
    """Each source and band that was measured in the night, with both its modes."""
    now = [one for one in results if not one.flags]
    found = []
    for source, band in sorted({(one.source, one.band) for one in now}):
        here, earlier = ([one for one in some if (one.source, one.band) == (source, band)] for some in (now, before))
        found.append(
            Series(
                source, band, _compared(here, earlier, "mag", "mag_err", LEAST_MAG),
                _compared(here, earlier, "p", "p_err", LEAST_P, "p_sys"),
                _compared(here, earlier, "chi_deg", "chi_err_deg", LEAST_CHI_DEG, "chi_sys_deg", _PERIOD_DEG),
            )
        )  # fmt: skip
    return tuple(found)


def _compared(
    now: Sequence[Result], before: Sequence[Result], name: str, error: str, least: float, calibration: str = "",
    period: float | None = None,
) -> Compared:  # fmt: skip
    """The error of the polarimetric calibration is added, for the days before may have another one."""
    tonight, earlier = (
        typical(
            [getattr(one, name) for one in known], [getattr(one, error) for one in known],
            [one.night for one in known], period,
        )
        for known in ([one for one in some if getattr(one, name) is not None] for some in (now, before))
    )  # fmt: skip
    if tonight is None or earlier is None:
        return Compared(tonight, earlier)
    common = [value for one in now if (value := getattr(one, calibration)) is not None] if calibration else []
    found = departure(tonight, earlier, float(np.median(common)) if common else 0.0, period)
    sure = found.sigmas is not None and found.sigmas > SURE_SIGMAS
    return Compared(tonight, earlier, found.difference, found.sigmas, sure and abs(found.difference) >= least)


def news_of(series: Iterable[Series]) -> tuple[str, ...]:
    """What moved, a line for each source."""
    found: dict[str, list[str]] = {}
    for one in series:
        said = []
        if one.mag.moved and one.mag.difference is not None:
            how = "fainter" if one.mag.difference > 0 else "brighter"
            said.append(f"{abs(one.mag.difference):.2f} mag {how}{_sure(one.mag)}")
        if one.p.moved and one.p.difference is not None:
            said.append(f"p {100 * one.p.difference:+.1f} %{_sure(one.p)}")
        if one.chi_deg.moved and one.chi_deg.difference is not None:
            said.append(f"chi {one.chi_deg.difference:+.0f} deg{_sure(one.chi_deg)}")
        if said:
            found.setdefault(one.source, []).append(f"{', '.join(said)} in {one.band}")
    return tuple(f"{source}: {'; '.join(said)}" for source, said in found.items())


def _sure(compared: Compared) -> str:
    return "" if compared.sigmas is None else f" ({compared.sigmas:.1f} sigma)"


def uncalibrated_of(rows: Iterable[Row]) -> tuple[Uncalibrated, ...]:
    """Of all sources, calibrators too."""
    counted: Counter[tuple[str, str, str, str]] = Counter()
    for row in rows:
        few = (row["quality"] or 0) & int(Quality.FEW_CALIBRATORS)
        if row["mag"] is None:
            reason = row["mag_reason"] or "no magnitude; the reason is not on record"
        elif few:
            n = row["n_calibrators"] or 0
            reason = f"its zero point rests on {n} calibrator{'s' if n != 1 else ''}"
        else:
            continue
        counted[(row["source"] or "", row["band"] or "", row["mode"], reason)] += 1
    return tuple(Uncalibrated(*key[:3], n, key[3]) for key, n in sorted(counted.items()))
