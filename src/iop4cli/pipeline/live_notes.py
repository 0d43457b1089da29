"""What the observer should know of frames that just came: width of stars, signal, saturation, trends, exposure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iop4cli.archive.store import Store
from iop4cli.errors import NoSuchItem
from iop4cli.frames.quality import Quality
from iop4cli.instruments.model import Instrument
from iop4cli.pipeline.catalog_exposure import last_magnitude, measured_conditions
from iop4cli.pipeline.step import Parameters

# A change of the width that is worth a word: by chance once in 300 such series, and one part in five.
_RARE, _MUCH = 0.003, 1.2
_TREND_HOURS = 1.5
_LONGEST_S = 600.0


@dataclass(frozen=True)
class FrameNote:
    """A science frame as it came out; None for what could not be measured."""

    frame: str
    instrument: str
    target: str | None
    band: str | None
    mode: str
    angle_deg: float | None
    exptime_s: float
    mjd_utc: float
    fwhm_arcsec: float | None
    snr: float | None
    saturated: bool
    sky_e: float | None


def frame_notes(store: Store, frames: Sequence[str]) -> list[FrameNote]:
    """The science frames among these, in order of time."""
    rows = store.rows(
        "select f.name, f.instrument, f.target, f.object, f.band, f.mode, f.angle_deg, f.exptime_s, f.mjd_utc, "
        "w.fwhm_arcsec, w.sky_e, a.flux_e, a.flux_err_e, a.bits from frame f "
        "left join wcs w on w.frame = f.name and w.beam = 'O' "
        "left join (select frame, source, sum(flux_e) as flux_e, sqrt(sum(flux_err_e ** 2)) as flux_err_e, "
        "bit_or(bits) as bits from aperture group by frame, source) a on a.frame = f.name and a.source = f.target "
        "where list_contains(?, f.name) and f.kind = 'light' and f.status = 'done' order by f.mjd_utc, f.name",
        [list(frames)],
    )
    return [
        FrameNote(
            row["name"], row["instrument"], row["target"] or row["object"], row["band"], row["mode"], row["angle_deg"],
            row["exptime_s"], row["mjd_utc"], row["fwhm_arcsec"],
            row["flux_e"] / row["flux_err_e"] if row["flux_e"] and row["flux_err_e"] else None,
            bool((row["bits"] or 0) & (Quality.SATURATED | Quality.NONLINEAR)), row["sky_e"],
        )
        for row in rows
    ]  # fmt: skip


def width_trend(store: Store, instrument: Instrument, last: FrameNote) -> str:
    """What the stars' width does in the last hour and a half of the frame's night and band; empty if nothing much.

    Brought to the zenith, so that a setting target is not taken for a bad focus.
    """
    import numpy as np

    from iop4cli.science.trends import airmass, at_zenith, trend

    epoch = last.frame.rsplit("/", 1)[0]
    rows = store.rows(
        "select f.mjd_utc, w.fwhm_arcsec, w.ra_deg, w.dec_deg from frame f join wcs w on w.frame = f.name "
        "where w.beam = 'O' and starts_with(f.name, ?) and f.instrument = ? and f.band = ? "
        "and f.mjd_utc between ? and ? and w.fwhm_arcsec is not null order by f.mjd_utc",
        [f"{epoch}/", instrument.name, last.band, last.mjd_utc - _TREND_HOURS / 24.0, last.mjd_utc],
    )
    if not rows:
        return ""
    mjd_utc, fwhm, ra, dec = (np.array([row[name] for row in rows]) for name in rows[0])
    through = airmass(mjd_utc, ra, dec, instrument.site.longitude_deg, instrument.site.latitude_deg)
    found = trend((mjd_utc - mjd_utc[0]) * 24.0, at_zenith(fwhm, through))
    if found is None or found.chance > _RARE or found.first <= 0.0 or found.last / found.first < _MUCH:
        return ""
    return (
        f"{instrument.name}: stars grew from {found.first:.1f} to {found.last:.1f} arcsec (at the zenith) in "
        f"{found.hours * 60:.0f} min, {found.n} frames: focus, or worse seeing"
    )


@dataclass(frozen=True)
class ExposureAdviser:
    """Says how long to expose, from what the instrument did on its last night in the store."""

    store: Store
    parameters: Parameters
    snr: float | None = None
    p_error: float | None = None

    def on_saturation(self, note: FrameNote, instrument: Instrument) -> str:
        """How long the target may be exposed at most."""
        from iop4cli.science.exposure import saturation_s

        said = f"{note.target} is saturated in {note.exptime_s:g} s"
        known = self._known(instrument, note.target or "", note.band or "", note.mode)
        if known is None:
            return f"{said}: expose less"
        limit_s = saturation_s(*known)
        return f"{said}: expose {_rounded_down(min(limit_s, 0.8 * note.exptime_s)):g} s at most"

    def on_result(self, row: Mapping[str, Any], instrument: Instrument) -> str:
        """What would reach the wanted error, beside what this result reached; empty if nothing is wanted."""
        from iop4cli.science.exposure import plan

        mode = row["mode"]
        goal = self.p_error if mode == "pol" else self.snr
        if goal is None:
            return ""
        known = self._known(instrument, row["source"], row["band"], mode)
        if known is None:
            return ""
        total_snr = math.sqrt(2.0) / goal if mode == "pol" else goal
        at_once = len(instrument.analyser.angles_deg) if mode == "pol" else 1
        wanted = plan(*known, total_snr, longest_s=_LONGEST_S, at_once=at_once)
        what = f"p +- {goal:g}" if mode == "pol" else f"S/N {goal:g}"
        if wanted is None:
            return f"{row['source']}: {what} is out of reach"
        now = f"{row['n_frames']} x {row['exptime_s']:g} s"
        reached = f"gave {row['p_err']:.4f}" if mode == "pol" and row["p_err"] else ""
        if mode == "phot" and row["mag_err_photon"]:
            reached = f"gave {2.5 / math.log(10.0) / row['mag_err_photon']:.0f}"
        return (
            f"{row['source']}: {what} takes {wanted.n_exposures} x {wanted.exptime_s:.3g} s ({now} {reached})".rstrip()
        )

    def _known(self, instrument: Instrument, source: str, band: str, mode: str) -> tuple[Any, float] | None:
        """(conditions, magnitude), None where one is not known."""
        from iop4cli.pipeline.steps import step_named

        params: dict[str, Any] = self.parameters.of(step_named("phot"), instrument.params)
        try:
            conditions, _ = measured_conditions(
                self.store, instrument, band, (mode,), (params["annulus_in_fwhm"], params["annulus_out_fwhm"])
            )
        except NoSuchItem:
            return None
        last = last_magnitude(self.store, source, band)
        if last is not None:
            return conditions, float(last["mag"])
        said = self.store.rows("select mag from source_mag where source = ? and band = ?", [source, band])
        return (conditions, float(said[0]["mag"])) if said else None


def _rounded_down(seconds: float) -> float:
    """To two digits."""
    digits = 1 - math.floor(math.log10(seconds)) if seconds > 0 else 0
    return math.floor(seconds * 10.0**digits) / 10.0**digits
