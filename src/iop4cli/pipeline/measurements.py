"""Rows of the table `measurement`: magnitudes of a photometric frame, and what all measurements share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from iop4cli import __version__
from iop4cli.archive.source import Source
from iop4cli.frames.quality import Quality
from iop4cli.instruments.photometry import BandSystem
from iop4cli.pipeline.step import Job, digest, measurement_id

METHOD = "aperture"
# A flux with one of these bits says nothing of the star.
UNUSABLE = Quality.SATURATED | Quality.EDGE | Quality.NEGATIVE_FLUX | Quality.NOT_CENTRED | Quality.BLENDED_BEAMS


# With these the flux is not the star's; how far off the magnitude is cannot be told.
_FLUX_SPOILED = (
    (Quality.SATURATED, "saturated"),
    (Quality.EDGE, "its aperture reaches over the edge of the frame"),
    (Quality.BLENDED_BEAMS, "another star's second image lies in its aperture"),
)


def site_of(instrument: Any) -> tuple[float, float, float]:
    return instrument.site.longitude_deg, instrument.site.latitude_deg, instrument.site.elevation_m


def catalog_entry(source: Source, band: str | None, system: BandSystem) -> dict[str, Any]:
    """What a measurement needs of a source, as plain values."""
    mag, mag_err = source.mags.get(band or "", (None, None))
    colour = None
    if system.colour_bands is not None and all(name in source.mags for name in system.colour_bands):
        first, second = (source.mags[name][0] for name in system.colour_bands)
        colour = first - second
    return {
        "name": source.name, "ra_deg": source.ra_deg, "dec_deg": source.dec_deg, "mag": mag, "mag_err": mag_err,
        "calibrates": list(source.calibrates), "only_beam": source.settings.get("only_beam"),
        "colour": colour,
    }  # fmt: skip


def magnitudes_part(sources: Iterable[Source], band: str | None, system: BandSystem) -> str:
    """The catalogue's word on the sources of a field, for a key: magnitudes, and colours where there is a term."""
    wanted = [band or "", *(system.colour_bands or ())]
    said = [(s.name, *(s.mags.get(name) for name in wanted), sorted(s.calibrates)) for s in sources]
    return digest([said, term_payload(system)] if system.colour_bands else said)


def term_payload(system: BandSystem) -> dict[str, float] | None:
    """The colour term of a band as plain values, None without one."""
    if system.colour_term is None:
        return None
    return {
        "value": system.colour_term, "err": system.colour_term_err, "unknown_colour_err": system.unknown_colour_err,
    }  # fmt: skip


def colour_term_of(payload: Mapping[str, Any]) -> Any:
    """The colour term of a job's payload, as science takes it."""
    from iop4cli.science.magnitudes import ColourTerm

    return None if payload["colour_term"] is None else ColourTerm(**payload["colour_term"])


def photometry_rows(job: Job, apertures: Sequence[Mapping[str, Any]]) -> tuple[list[Any], list[Any], str]:
    """(measurements, their inputs, what is wrong with the target's) of a photometric frame."""
    from iop4cli.pipeline.photometer import both_beams, field_sources
    from iop4cli.pipeline.sweep import magnitude_sweep
    from iop4cli.science.magnitudes import calibrate
    from iop4cli.science.timing import barycentric

    payload, frame = job.payload, job.payload["frame"]
    entries = {entry["name"]: entry for entry in payload["catalog"]}
    by_source: dict[str, list[Mapping[str, Any]]] = {}
    for aperture in apertures:
        by_source.setdefault(aperture["source"], []).append(aperture)
    growth = {job.item: payload["growth"]} if payload["growth"] else {}
    apertures = both_beams(apertures)
    per_second = field_sources(apertures, entries, frame["exptime_s"], UNUSABLE)
    magnitudes = calibrate(per_second, frame["target"], frame["band"] or "none", colour_term_of(payload))
    ra, dec = ([entries[aperture["source"]][name] for aperture in apertures] for name in ("ra_deg", "dec_deg"))
    times = barycentric(frame["mjd_utc"], ra, dec, *payload["site"])
    measurements, inputs = [], []
    for aperture, bjd in zip(apertures, times, strict=True):
        entry, magnitude = entries[aperture["source"]], magnitudes[aperture["source"]]
        identity = measurement_id(entry["name"], "phot", METHOD, [job.item])
        row = {
            "id": identity, "origin": job.item, "step": "phot", "source": entry["name"], "mode": "phot",
            "bjd_tdb": float(bjd), "n_frames": 1, "method": METHOD, "version": __version__, "calibration": None,
            **{name: frame[name] for name in ("telescope", "night", "instrument", "band", "mjd_utc", "exptime_s")},
            **magnitude_columns(magnitude, aperture["bits"]), **size_columns(payload, aperture["radius_px"]),
        }  # fmt: skip
        row["bits"] = magnitude_bits(aperture["bits"], magnitude, payload["fallback"])
        sweep = magnitude_sweep(by_source[entry["name"]], growth)
        if sweep is not None and magnitude.mag_err is not None and sweep.magnitude_is_unstable(magnitude.mag_err):
            row["bits"] |= int(Quality.APERTURE_UNSTABLE)
        measurements.append(row)
        inputs.append({"measurement": identity, "origin": job.item, "input": job.item, "role": "frame"})
        inputs += [
            {"measurement": identity, "origin": job.item, "input": name, "role": "calibrator",
             "value": entries[name]["mag"], "value_err": entries[name]["mag_err"]}
            for name in magnitude.calibrators
        ]  # fmt: skip
    flaw = target_flaw(frame["target"], measurements)
    if payload["twin"] is not None:
        for row in measurements:
            row["bits"] |= int(Quality.SAME_TIME)
        flaw = "; ".join(filter(None, (f"it bears the same time as {payload['twin']}", flaw)))
    return measurements, inputs, flaw


def magnitude_columns(magnitude: Any, bits: int) -> dict[str, Any]:
    """The columns of a measurement that a magnitude fills; a spoiled flux leaves none worth giving."""
    zp = magnitude.zero_point
    lost = next((reason for bit, reason in _FLUX_SPOILED if bits & bit), None)
    return {
        "mag": None if lost else magnitude.mag, "mag_err": None if lost else magnitude.mag_err,
        "mag_err_photon": magnitude.mag_err_photon, "mag_instrumental": magnitude.mag_instrumental,
        "mag_reason": lost or magnitude.reason or None,
        "zp": None if zp is None else zp.zp, "zp_err": None if zp is None else zp.zp_err,
        "zp_scatter": None if zp is None else zp.scatter, "n_calibrators": len(magnitude.calibrators),
    }  # fmt: skip


def magnitude_bits(bits: int, magnitude: Any, fallback: bool) -> int:
    if magnitude.mag is None:
        bits |= int(Quality.NO_MAGNITUDE)
    if magnitude.colour_unknown:
        bits |= int(Quality.COLOUR_UNKNOWN)
    if len(magnitude.calibrators) < 2:
        bits |= int(Quality.FEW_CALIBRATORS)
    if magnitude.zero_point is not None and magnitude.zero_point.intrinsic_scatter > 0.02:
        bits |= int(Quality.ZERO_POINT_SCATTER)
    return bits | (int(Quality.FALLBACK_MASTER) if fallback else 0)


def size_columns(payload: Mapping[str, Any], radius_px: float) -> dict[str, Any]:
    scale = payload["wcs"]["scale_arcsec_per_px"]
    return {"aperture_arcsec": radius_px * scale, "fwhm_arcsec": payload["wcs"]["fwhm_arcsec"]}


def target_flaw(target: str | None, measurements: Sequence[Mapping[str, Any]]) -> str:
    """What a person should know of the frame's own target, though the rest was measured; empty if all is well."""
    if target is None:
        return "its OBJECT is not in the catalogue; only other sources were measured"
    for row in measurements:
        if row["source"] == target:
            return f"{target}: {row['mag_reason']}" if row["mag_reason"] else ""
    return f"its target {target} is not on the frame"
