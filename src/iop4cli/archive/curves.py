"""What a source did with time, for a plot beside its results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from iop4cli.archive.people import quoted
from iop4cli.archive.store import Store

_VALUES = ("mag", "p", "chi_deg")
_RANGES = 150


@dataclass(frozen=True)
class Curve:
    """Results of one source in one band that have a value to draw, in time.

    `total` are there, of which the nearest to a moment are `rows`; `earlier` and `later` are before and after these.
    `ranges` are the others that nobody flagged, in equal spans of time: the mean `mjd_utc`, and of each value the
    lowest and the highest, like `mag_low` and `mag_high`, None without any.
    """

    source: str
    band: str | None
    total: int
    rows: list[dict[str, Any]]
    earlier: int = 0
    later: int = 0
    ranges: list[dict[str, Any]] = field(default_factory=list)


def read_curve(store: Store, source: str, band: str | None, mjd_utc: float, n_most: int) -> Curve:
    """The results nearest in time to `mjd_utc`, at most `n_most`, one by one, and what the others reach."""
    moment = repr(float(mjd_utc))
    own = f"""own as (
        select id, source, band, night, mjd_utc, mag, mag_err, p, p_err, chi_deg, chi_err_deg from measurement
        where source = {quoted(source)} and band is not distinct from {"null" if band is None else quoted(band)}
            and mjd_utc is not null and coalesce({", ".join(_VALUES)}) is not null),
        near as (select * from own order by abs(mjd_utc - {moment}), id limit {int(n_most)}),
        said as (select measurement, string_agg(reason, '; ' order by time_utc) as flags from flag group by 1)"""
    reached = ", ".join(f"min({name}) as {name}_low, max({name}) as {name}_high" for name in _VALUES)
    found = store.tables(
        {
            "count": f"with {own} select count(*) as n, count(*) filter (where mjd_utc < {moment}) as before from own",
            "rows": f"""with {own} select near.*, said.flags from near left join said on said.measurement = near.id
                order by mjd_utc, id""",
            "ranges": f"""with {own},
                span as (select min(mjd_utc) as first, max(mjd_utc) - min(mjd_utc) as days from own)
                select avg(mjd_utc) as mjd_utc, {reached} from own, span
                where id not in (select id from near) and id not in (select measurement from said)
                group by floor({_RANGES} * (mjd_utc - first) / nullif(days, 0)), mjd_utc < {moment}
                order by 1""",
        }
    )
    rows, count = found["rows"], found["count"][0]
    earlier = int(count["before"]) - sum(row["mjd_utc"] < mjd_utc for row in rows)
    total = int(count["n"])
    return Curve(source, band, total, rows, earlier, total - len(rows) - earlier, found["ranges"])
