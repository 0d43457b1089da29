"""What a source did with time, for a plot beside its results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from iop4cli.archive.people import quoted
from iop4cli.archive.store import Store


@dataclass(frozen=True)
class Curve:
    """Results of one source in one band, in time; `total` are there, the nearest to a moment are here."""

    source: str
    band: str
    total: int
    rows: list[dict[str, Any]]


def read_curve(store: Store, source: str, band: str, mjd_utc: float, n_most: int) -> Curve:
    """The results nearest in time to `mjd_utc`, at most `n_most`."""
    where = f"source = {quoted(source)} and band is not distinct from {quoted(band)}"
    found = store.tables(
        {
            "count": f"select count(*) as n from measurement where {where}",
            "rows": f"""
                select * from (
                    select id, mjd_utc, mag, mag_err, p, p_err, chi_deg, chi_err_deg,
                        id in (select measurement from flag) as flagged
                    from measurement where {where} and mjd_utc is not null
                    order by abs(mjd_utc - {float(mjd_utc)!r}), id limit {int(n_most)})
                order by mjd_utc, id""",
        }
    )
    return Curve(source, band, int(found["count"][0]["n"]), found["rows"])
