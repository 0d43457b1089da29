"""Rows for plots of what changes from night to night: zero points and masters."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from typing import Any

from iop4cli.archive.results import condition_of
from iop4cli.archive.selection import Selection
from iop4cli.pipeline.choice import as_date
from iop4cli.pipeline.judging import standings_of
from iop4cli.pipeline.standing import Standing
from iop4cli.pipeline.steps import step_named
from iop4cli.pipeline.view import View

ZERO_POINT_COLUMNS = (
    "name", "telescope", "night", "instrument", "mode", "band", "mjd_utc", "airmass", "zp", "zp_err", "zp_scatter",
    "n_calibrators",
)  # fmt: skip
MASTER_COLUMNS = (
    "name", "kind", "instrument", "band", "angle_deg", "night", "mjd_utc", "level", "scatter", "n_frames", "accepted",
    "reason",
)  # fmt: skip
_MJD_ZERO = datetime.date(1858, 11, 17)


def zero_point_rows(view: View, selection: Selection) -> list[dict[str, Any]]:
    """The zero point of each frame or group, in time: that of its target, for a calibrator's leaves itself out."""
    condition = condition_of(selection, view.store, view.surroundings.registry)
    rows = view.store.rows(f"""
        select r.origin as name, r.telescope, r.night::text as night, r.instrument, r.mode, r.band, r.mjd_utc,
            r.zp, r.zp_err, r.zp_scatter, r.n_calibrators, s.ra_deg, s.dec_deg
        from results r left join source s on s.name = r.source
        where r.zp is not null and r.id in (select id from results where {condition})
        qualify row_number() over (
            partition by r.origin, r.band
            order by r.source in (select calibrator from calibrates), r.n_calibrators desc, r.source) = 1
        order by r.mjd_utc, r.origin""")
    return [row | {"airmass": _airmass(view, row)} for row in rows]


def _airmass(view: View, row: dict[str, Any]) -> float | None:
    import numpy as np

    from iop4cli.science.trends import airmass

    known = row["instrument"] in view.surroundings.registry.instruments
    if not known or row["ra_deg"] is None or row["mjd_utc"] is None:
        return None
    site = view.instrument(row["instrument"]).site
    where = np.array([row["ra_deg"]]), np.array([row["dec_deg"]])
    found = float(airmass(np.array([row["mjd_utc"]]), *where, site.longitude_deg, site.latitude_deg)[0])
    return found if math.isfinite(found) else None


def master_rows(view: View, selection: Selection, kinds: Sequence[str]) -> list[dict[str, Any]]:
    """All masters that were made, by night, with their standing now; `mjd_utc` is 0 h of the night's date."""
    step = step_named("mkmaster")
    rows = []
    for kind in kinds:
        standings = standings_of(view, step, kind)
        for row in view.rows("master"):
            if row["kind"] != kind or not row["path"] or not _chosen(row, selection):
                continue
            standing = standings.get(row["name"], Standing(bool(row["accepted"]), row["reason"]))
            night = as_date(row["night"])
            rows.append({
                **{name: row.get(name) for name in MASTER_COLUMNS}, "night": night.isoformat(),
                "mjd_utc": float((night - _MJD_ZERO).days), "accepted": standing.accepted, "reason": standing.reason,
            })  # fmt: skip
    return sorted(rows, key=lambda row: (row["kind"], row["mjd_utc"], row["name"]))


def _chosen(row: Any, selection: Selection) -> bool:
    from iop4cli.archive.epochs import parse_night

    night = as_date(row["night"]).isoformat()
    wanted = (("instrument", selection.instrument), ("band", selection.band))
    if any(value and (row[column] or "").casefold() != value.casefold() for column, value in wanted):
        return False
    since = parse_night(selection.since) if selection.since else ""
    until = parse_night(selection.until) if selection.until else "9999"
    return since <= night <= until
