"""Which results can be freed of their host galaxy's light, with what, and the columns that it fills."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from iop4cli.archive.host_tables import HostEntry, hosts_of, read_hosts
from iop4cli.archive.names import NameIndex
from iop4cli.instruments.photometry import CATALOGUE_SYSTEM
from iop4cli.pipeline.measurements import UNUSABLE
from iop4cli.pipeline.view import View
from iop4cli.share import share_dir

Row = Mapping[str, Any]
# How far the host's flux reaches: the tables are of one band.
_HOST_BAND = "R"
COLUMNS = (
    *("mag_host", "mag_host_err", "p_host", "p_host_err", "p_host_debiased", "q_host", "q_host_err", "u_host"),
    *("u_host_err", "qu_host_cov", "mag_q_host_cov", "mag_u_host_cov", "mag_p_host_cov"),
    *("host_mjy", "host_err_mjy", "host_mag", "host_mag_err", "host_reason", "notes"),
)


@dataclass(frozen=True)
class Hosts:
    """Host tables by source, which of these sources each night measured, and magnitudes where a result has none."""

    entries: Mapping[str, HostEntry]
    measured: Mapping[str, tuple[str, ...]]
    stand_ins: Mapping[str, Mapping[str, Row]]

    @classmethod
    def of(cls, view: View, within_days: float, wander: float) -> Hosts:
        """What there is for the nights in view: two questions to the store, none where no host is known."""
        catalog = NameIndex({source.name: source.other_names for source in view.catalog.values()})
        shipped = share_dir() / "catalogs" / "host_galaxies.ecsv"
        entries = hosts_of(read_hosts(shipped, view.layout.host_galaxies), catalog)
        if not entries:
            return cls({}, {}, {})
        measured: dict[str, list[str]] = {}
        for row in view.store.rows(
            "select distinct regexp_replace(origin, '/[^/]*$', '') as epoch, source from measurement "
            "where list_contains(?, source) order by 1, 2",
            [sorted(entries)],
        ):
            measured.setdefault(row["epoch"], []).append(row["source"])
        stand_ins = _stand_ins(view, sorted(entries), within_days, wander)
        return cls(entries, {epoch: tuple(names) for epoch, names in measured.items()}, stand_ins)

    def tables(self, epoch: str) -> dict[str, Any]:
        """Nodes by source, for those that the night measured."""
        return {source: self.entries[source].nodes for source in self.measured.get(epoch, ())}

    def magnitudes(self, epoch: str) -> Mapping[str, Row]:
        """Interpolated magnitudes by the id of the result that has none of its own."""
        return self.stand_ins.get(epoch, {})

    def waits_for(self, view: View, epoch: str) -> str | None:
        """In a dry run: the step that would first make anew what a magnitude is interpolated from."""
        points = [point for row in self.magnitudes(epoch).values() for point in row["points"]]
        return next((p["step"] for p in points if view.pending(p["step"], p["origin"])), None)


def _stand_ins(view: View, sources: list[str], within_days: float, wander: float) -> dict[str, dict[str, Row]]:
    from iop4cli.science.light_curve import Point, magnitude_at

    gaps = view.store.rows(
        "select id, regexp_replace(origin, '/[^/]*$', '') as epoch, source, mjd_utc from measurement "
        "where list_contains(?, source) and band = ? and mag is null and p is not null order by id",
        [sources, _HOST_BAND],
    )
    gaps = [gap for gap in gaps if view.nights is None or gap["epoch"] in view.nights]
    if not gaps:
        return {}
    known = view.store.rows(
        "select m.id, m.origin, m.step, m.source, m.mjd_utc, m.mag, m.mag_err, i.key from measurement m "
        "left join item i on i.step = m.step and i.name = m.origin where list_contains(?, m.source) and m.band = ? "
        "and m.mag is not null and m.mag_err is not null and m.bits & ? = 0 order by m.id",
        [sorted({gap["source"] for gap in gaps}), _HOST_BAND, int(UNUSABLE)],
    )
    by_id = {row["id"]: row for row in known}
    curves: dict[str, list[Point]] = {}
    for row in known:
        curves.setdefault(row["source"], []).append(Point(row["mjd_utc"], row["mag"], row["mag_err"], row["id"]))
    found: dict[str, dict[str, Row]] = {}
    for gap in gaps:
        magnitude = magnitude_at(gap["mjd_utc"], curves.get(gap["source"], ()), within_days, wander)
        if magnitude is not None:
            points = [
                {name: by_id[point.name][name] for name in ("id", "origin", "step", "key")}
                for point in magnitude.points
            ]
            found.setdefault(gap["epoch"], {})[gap["id"]] = {
                "mag": magnitude.mag, "mag_err": magnitude.mag_err, "points": points,
            }  # fmt: skip
    return found


class HostCorrector:
    """Fills the columns of `correction` that tell of the host, for the results of one night."""

    def __init__(self, tables: Mapping[str, Iterable[Any]], magnitudes: Mapping[str, Row], within_days: float) -> None:
        from iop4cli.science.host import HostTable

        self._tables = {source: HostTable.of(nodes) for source, nodes in tables.items()}
        self._magnitudes, self._within_days = magnitudes, within_days

    def columns(self, row: Row, system: str = CATALOGUE_SYSTEM) -> dict[str, Any]:
        """All of COLUMNS; None throughout for a source of which no host is known."""
        from iop4cli.science.host import NoHost

        columns: dict[str, Any] = dict.fromkeys(COLUMNS)
        table = self._tables.get(row["source"])
        if table is None:
            return columns
        try:
            return columns | self._corrected(row, table, system)
        except NoHost as reason:
            return columns | {"host_reason": str(reason)}

    def _corrected(self, row: Row, table: Any, system: str) -> dict[str, Any]:
        from iop4cli.science.host import NoHost, Stokes, without_host

        if row["band"] != _HOST_BAND:
            raise NoHost(f"the host's light is known in {_HOST_BAND} only, not in {row['band'] or 'this band'}")
        for column, what in (("aperture_arcsec", "aperture radius"), ("fwhm_arcsec", "FWHM")):
            if row[column] is None:
                raise NoHost(f"its {what} is not known")
        host = table.at(row["aperture_arcsec"], row["fwhm_arcsec"])
        stokes = None
        if row["p"] is not None:
            stokes = Stokes(row["q"], row["u"], row["q_err"], row["u_err"], row["qu_cov"])
        mag, mag_err, stand_in = self._magnitude(row, stokes is not None)
        left = without_host(mag, mag_err, host, stokes)
        notes = [stand_in] if stand_in else []
        if system != CATALOGUE_SYSTEM:
            notes.append(f"the host's flux is of Cousins {_HOST_BAND}, the magnitude of {system}")
        found = {
            "p_host": left.p, "p_host_err": left.p_err, "p_host_debiased": left.p_debiased,
            "q_host": left.q, "q_host_err": left.q_err, "u_host": left.u, "u_host_err": left.u_err,
            "qu_host_cov": left.qu_cov, "host_mjy": host.flux_mjy, "host_err_mjy": host.flux_err_mjy,
            "host_mag": mag, "host_mag_err": mag_err, "notes": "; ".join(notes) or None,
        }  # fmt: skip
        if stand_in is None:
            # A magnitude that was not measured is none without the host either.
            found |= {
                "mag_host": left.mag, "mag_host_err": left.mag_err, "mag_q_host_cov": left.mag_q_cov,
                "mag_u_host_cov": left.mag_u_cov, "mag_p_host_cov": left.mag_p_cov,
            }  # fmt: skip
        return found

    def _magnitude(self, row: Row, polarised: bool) -> tuple[float, float, str | None]:
        from iop4cli.science.host import NoHost

        if row["mag"] is not None and row["mag_err"] is not None:
            return row["mag"], row["mag_err"], None
        stand_in = self._magnitudes.get(row["id"]) if polarised else None
        if stand_in is None:
            near = f", and none of the source within {self._within_days:g} days" if polarised else ""
            raise NoHost(f"it has no magnitude{near}")
        of = " and ".join(point["id"] for point in stand_in["points"])
        return stand_in["mag"], stand_in["mag_err"], f"magnitude interpolated in time from {of}"
