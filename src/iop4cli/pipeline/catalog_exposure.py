"""What an instrument was measured to do in a band: zero point, sky, width of stars, of its last night in the store."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from iop4cli.archive.store import Store
from iop4cli.errors import NoSuchItem
from iop4cli.instruments.model import Instrument
from iop4cli.science.exposure import Conditions


def last_magnitude(store: Store, source: str, band: str) -> Mapping[str, Any] | None:
    """The source's newest magnitude in the band: mag, mag_err, night, instrument."""
    rows = store.rows(
        "select mag, mag_err, night::text as night, instrument from results where source = ? and band = ? "
        "and mag is not null and flags is null order by mjd_utc desc limit 1",
        [source, band],
    )
    return rows[0] if rows else None


def bands_of(store: Store, instrument: str) -> list[str]:
    """Bands in which the instrument has a zero point, the most frequent first."""
    rows = store.rows(
        "select band, count(*) as n from measurement where instrument = ? and zp is not null group by band "
        "order by n desc, band",
        [instrument],
    )
    return [row["band"] for row in rows]


def measured_conditions(
    store: Store, instrument: Instrument, band: str, modes: tuple[str, ...], annulus_fwhm: tuple[float, float]
) -> tuple[Conditions, dict[str, Any]]:
    """Medians over the last night of the first of `modes` that has any, and what they are, for people."""
    for mode in modes:
        nights = store.rows(
            "select telescope, max(night)::text as night from measurement where instrument = ? and band = ? "
            "and mode = ? and zp is not null group by telescope order by night desc limit 1",
            [instrument.name, band, mode],
        )
        if nights:
            break
    else:
        raise NoSuchItem(
            f"{instrument.name} has no zero point in {band} yet: `iop4 run` on frames with calibrators first"
        )
    where = [instrument.name, band, mode, nights[0]["night"]]
    results = store.rows(
        "select zp, aperture_arcsec from measurement where instrument = ? and band = ? and mode = ? "
        "and night = ?::date and zp is not null",
        where,
    )
    frames = store.rows(
        "select w.sky_e / f.exptime_s as sky_e_per_s, w.fwhm_arcsec, w.scale_arcsec_per_px as scale from wcs w "
        "join frame f on f.name = w.frame where f.instrument = ? and f.band = ? and f.mode = ? and f.night = ?::date "
        "and w.beam = 'O' and f.exptime_s > 0 and w.fwhm_arcsec is not null",
        where,
    )
    masters = store.rows(
        "select read_noise_e from master where instrument = ? and kind = 'bias' and accepted and read_noise_e > 0 "
        "order by night desc limit 1",
        [instrument.name],
    )
    known = {name: statistics.median(row[name] for row in frames) for name in ("sky_e_per_s", "fwhm_arcsec", "scale")}
    detector = instrument.detector
    fwhm_px = known["fwhm_arcsec"] / known["scale"]
    full_adu = min(detector.saturation_adu, detector.linear_limit_adu or detector.saturation_adu)
    two_beams = instrument.beams is not None and mode in instrument.beams.modes
    analysed = two_beams or (mode == "pol" and instrument.analyser.kind != "none")
    conditions = Conditions(
        zero_point_mag=statistics.median(row["zp"] for row in results),
        sky_e_per_s=max(known["sky_e_per_s"], 0.0),
        read_noise_e=masters[0]["read_noise_e"] if masters else detector.read_noise_e,
        radius_px=statistics.median(row["aperture_arcsec"] for row in results) / known["scale"],
        annulus_px=(annulus_fwhm[0] * fwhm_px, annulus_fwhm[1] * fwhm_px),
        fwhm_px=fwhm_px,
        saturation_e=full_adu * detector.gain_e_per_adu,
        share=0.5 if analysed else 1.0,
        n_images=2 if two_beams else 1,
        transparency_err=0.0 if two_beams else _transparency_err(store, where),
    )
    return conditions, {"mode": mode, "night": f"{nights[0]['telescope']}/{nights[0]['night']}",
                        "fwhm_arcsec": known["fwhm_arcsec"]}  # fmt: skip


def _transparency_err(store: Store, where: list[str]) -> float:
    """Relative error of an exposure's transparency, brought to 1 s; 0 where none was measured.

    Transparencies of a group are relative to their mean, which makes their errors smaller by (1 - 1 / n) in variance
    than those of single exposures, and correlated; differences of angles have the latter.
    """
    rows = store.rows(
        "select i.value_err * sqrt(m.exptime_s / (1 - 1 / m.n_frames)) as err from measurement_input i "
        "join measurement m on m.id = i.measurement where m.instrument = ? and m.band = ? and m.mode = ? "
        "and m.night = ?::date and i.role = 'frame' and i.value_err is not null and m.n_frames > 1",
        where,
    )
    return float(statistics.median(row["err"] for row in rows)) if rows else 0.0
