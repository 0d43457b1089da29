"""Polarimetric calibrations of instruments: those of the archive and those of the instruments' files, as one list.

Which one holds for a band and night: of the archive's accepted ones that cover it the newest; if there is none, the
instrument file's (`Instrument.calibration_for`). One that is not accepted, or rejected, is never used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iop4cli.instruments.model import CalibrationEntry
    from iop4cli.instruments.registry import Registry
    from iop4cli.pipeline.view import View

SHIPPED, ACCEPTED, REJECTED, PROPOSED = "instrument file", "accepted", "rejected", "proposed"
NUMBERS = (
    "q_inst", "q_inst_err", "u_inst", "u_inst_err", "zero_angle_deg", "zero_angle_err_deg", "efficiency",
    "efficiency_err",
)  # fmt: skip

Covariance = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class DatedCalibration:
    """One calibration of an instrument in a band; `cov` (4, 4) in the order of science.standards.PARAMETERS.

    `status` is one of SHIPPED, ACCEPTED, REJECTED, PROPOSED; `about` holds the rest of the archive's row.
    """

    name: str
    instrument: str
    band: str
    q_inst: float
    q_inst_err: float
    u_inst: float
    u_inst_err: float
    zero_angle_deg: float
    zero_angle_err_deg: float
    efficiency: float
    efficiency_err: float
    cov: Covariance | None
    valid_from: str | None
    valid_until: str | None
    source: str
    status: str
    about: Mapping[str, Any]

    def covers(self, instrument: str, band: str | None, night: str) -> bool:
        return (
            (self.instrument, self.band) == (instrument, band)
            and (self.valid_from is None or self.valid_from <= night)
            and (self.valid_until is None or night <= self.valid_until)
        )

    @property
    def payload(self) -> dict[str, Any]:
        """The numbers as plain values: what science.stokes.Calibration is made of."""
        numbers = {name: getattr(self, name) for name in NUMBERS}
        return numbers | {"name": self.name, "cov": None if self.cov is None else [list(row) for row in self.cov]}


def calibration_in_force(view: View, instrument: str, band: str | None, night: str) -> DatedCalibration | None:
    """The calibration that holds for an instrument and band on a night (ISO date)."""
    accepted = [one for one in view.calibrations if one.status == ACCEPTED and one.covers(instrument, band, night)]
    if accepted:
        return max(accepted, key=lambda one: (one.about["made_utc"] or datetime.min, one.name))
    entry = view.instrument(instrument).calibration_for(band, night)
    return None if entry is None else shipped(instrument, entry)


def calibration_named(view: View, instrument: str, band: str | None, name: str | None) -> DatedCalibration | None:
    """The calibration of that name, whatever became of it since; None if there is none such."""
    known = [*view.calibrations, *shipped_calibrations(view.surroundings.registry)]
    return next((one for one in known if (one.name, one.instrument, one.band) == (name, instrument, band)), None)


def from_rows(rows: Iterable[Mapping[str, Any]]) -> list[DatedCalibration]:
    """Rows of the table `calibration`, the oldest first."""
    ordered = sorted(rows, key=lambda row: (row["made_utc"] or datetime.min, row["name"]))
    return [_from_row(row) for row in ordered]


def _from_row(row: Mapping[str, Any]) -> DatedCalibration:
    cov = json.loads(row["covariance"]) if row["covariance"] else None
    status = PROPOSED if row["accepted"] is None else ACCEPTED if row["accepted"] else REJECTED
    # What a person wrote by SQL may lack errors and an efficiency.
    numbers = {name: row[name] if row[name] is not None else float(name == "efficiency") for name in NUMBERS}
    return DatedCalibration(
        name=row["name"], instrument=row["instrument"], band=row["band"], **numbers,
        cov=None if cov is None else tuple(tuple(map(float, line)) for line in cov),
        valid_from=_iso(row["valid_from"]), valid_until=_iso(row["valid_until"]), source=row["source"] or "",
        status=status, about=dict(row),
    )  # fmt: skip


def shipped_calibrations(registry: Registry) -> list[DatedCalibration]:
    """Those of the instruments' files."""
    return [shipped(one.name, entry) for one in registry.instruments.values() for entry in one.calibrations]


def shipped(instrument: str, entry: CalibrationEntry) -> DatedCalibration:
    """An entry of an instrument's file as one of the list."""
    return DatedCalibration(
        name=entry.name, instrument=instrument, band=entry.band, **{name: getattr(entry, name) for name in NUMBERS},
        cov=entry.covariance, valid_from=_iso(entry.valid_from), valid_until=_iso(entry.valid_until),
        source=entry.source, status=SHIPPED, about={},
    )  # fmt: skip


def overlapping(one: DatedCalibration, others: Iterable[DatedCalibration]) -> list[DatedCalibration]:
    """Accepted ones of the same instrument and band that share nights with this."""
    first, last = _nights(one)
    return [
        other
        for other in others
        if other.name != one.name
        and other.status == ACCEPTED
        and (other.instrument, other.band) == (one.instrument, one.band)
        and _nights(other)[0] <= last
        and first <= _nights(other)[1]
    ]


def _nights(one: DatedCalibration) -> tuple[str, str]:
    return one.valid_from or "0000", one.valid_until or "9999"


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
