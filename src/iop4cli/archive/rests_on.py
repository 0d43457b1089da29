"""What chosen results rest on: comparison stars with the magnitudes that were used, calibrations, hosts, software."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from iop4cli.archive.store import Store

Row = dict[str, Any]


@dataclass(frozen=True)
class RestsOn:
    """Rows of each thing, sorted.

    `stars`: name, band, mag, mag_err (as used, which the catalogue may have changed since), reference (of now),
    ra_deg, dec_deg, n_results. `calibrations`: name, residuals (JSON, of those of the archive). `measured`: source,
    instrument, mode, n_results, first and last night, n_hosts (with a host correction), version, photometric_system.
    """

    stars: Sequence[Row]
    calibrations: Sequence[Row]
    measured: Sequence[Row]


def rests_on(store: Store, condition: str, *, flagged: bool) -> RestsOn:
    """Of the results that fulfil a condition of `condition_of`, flagged ones only if they are wanted."""
    chosen = f"(select * from results where ({condition}\n) and ({'true' if flagged else 'flags is null'}))"
    found = store.tables(
        {
            "stars": f"""
                select i.input as name, r.band, i.value as mag, i.value_err as mag_err,
                    nullif(s.reference, '') as reference, s.ra_deg, s.dec_deg, count(*) as n_results
                from {chosen} r
                join measurement_input i on i.measurement = r.id and i.origin = r.origin and i.role = 'calibrator'
                left join source s on s.name = i.input group by all order by all""",
            "calibrations": f"""
                select distinct r.calibration as name, c.residuals from {chosen} r
                left join calibration c on c.name = r.calibration where r.calibration is not null order by all""",
            "measured": f"""
                select source, instrument, mode, version, photometric_system, count(*) as n_results,
                    min(night)::text as first_night, max(night)::text as last_night,
                    count(*) filter (mag_host is not null or p_host is not null) as n_hosts
                from {chosen} r group by all order by all""",
        }
    )
    return RestsOn(**found)
