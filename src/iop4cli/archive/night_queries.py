"""What a report on a night asks of the store, all of one moment."""

from __future__ import annotations

from typing import Any

from iop4cli.archive.epochs import Epoch
from iop4cli.archive.people import quoted
from iop4cli.archive.queries import trouble_query
from iop4cli.archive.store import Store

Row = dict[str, Any]


def epochs_with_frames(store: Store) -> list[Epoch]:
    """Every epoch that has frames, the oldest night first."""
    rows = store.rows("select distinct telescope, night::text as night from frame order by night, telescope")
    return [Epoch(row["telescope"], row["night"]) for row in rows]


def night_tables(store: Store, epoch: Epoch, days_before: int) -> dict[str, list[Row]]:
    """Rows of one night by subject, and what was there in so many days before it."""
    telescope, night = quoted(epoch.telescope), f"date {quoted(epoch.night)}"
    here = f"telescope = {telescope} and night = {night}"
    before = f"night < {night} and night >= {night} - {int(days_before)}"
    measured = f"select id from measurement where {here}"
    return store.tables(
        {
            "frames": f"select * from frame where {here} order by mjd_utc, name",
            "troubles": trouble_query(_of_night("name", epoch)),
            "items": f"select step, name, status from item where {_of_night('name', epoch)}",
            "results": f"""
                select r.*, c.measurement is null as uncorrected from results r
                left join correction c on c.measurement = r.id
                where {here} order by mjd_utc, source, band, mode, id""",
            "before": f"""
                select source, telescope, night::text as night, mode, band, mjd_utc, mag, mag_err, p, p_err, p_sys,
                    chi_deg, chi_err_deg, chi_sys_deg
                from results where {before} and flags is null
                    and source in (select source from measurement where {here}) order by mjd_utc, id""",
            "masters": f"select * from master where {here} order by kind, instrument, band, angle_deg, name",
            "older_masters": f"""
                select * from master where telescope = {telescope} and night < {night} and accepted
                    and path is not null order by night, name""",
            "left_out": f"""
                select master, frame, reason from master_input
                where not used and master in (select name from master where {here}) order by master, frame""",
            "fallbacks": f"""
                select frame, master_notes from reduced
                where {_of_night("frame", epoch)} and master_notes <> '' order by frame""",
            "wcs": f"select * from wcs where {_of_night('frame', epoch)} order by frame, beam desc",
            "zero_points_before": f"""
                select instrument, mode, band, median(zp) as zp, count(distinct night) as n_nights from measurement
                where telescope = {telescope} and {before} and zp is not null group by all""",
            "transparencies": f"""
                select distinct origin, input as frame, value from measurement_input
                where role = 'frame' and value is not null and measurement in ({measured} and mode = 'pol')
                order by origin, frame""",
            "calibrator_uses": f"""
                select c.calibrator, c.target, m.instrument, m.band, i.input is not null as used
                from measurement m join calibrates c on c.target = m.source
                left join measurement_input i
                    on i.measurement = m.id and i.role = 'calibrator' and i.input = c.calibrator
                where m.telescope = {telescope} and m.night = {night} and m.zp is not null""",
            "flags": f"""
                select f.measurement, f.reason, f.who, f.time_utc, m.source, m.band, m.mode from flag f
                join measurement m on m.id = f.measurement where f.measurement in ({measured})
                order by f.time_utc, f.measurement""",
            "overrides": f"""
                select * from override where {_of_night("frame", epoch)} order by time_utc, frame, field""",
            "notes": f"""
                select * from note where {_of_night("name || '/'", epoch)} order by time_utc, name""",
        }
    )


def _of_night(column: str, epoch: Epoch) -> str:
    return f"starts_with({column}, {quoted(f'{epoch}/')})"
