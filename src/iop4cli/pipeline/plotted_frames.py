"""Rows for plots of frames: curves of growth, residuals of matched stars, apertures, the field of a source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iop4cli.archive.lineage import Thing
from iop4cli.archive.people import quoted
from iop4cli.errors import NoSuchItem
from iop4cli.pipeline.growth import curve_of
from iop4cli.pipeline.solutions import wcs_of
from iop4cli.pipeline.view import View

if TYPE_CHECKING:
    import numpy as np

GROWTH_COLUMNS = ("frame", "radius_fwhm", "radius_px", "share", "share_err", "share_scatter", "used_radius_fwhm")
STAR_COLUMNS = ("frame", "x_px", "y_px", "ra_deg", "dec_deg", "east_arcsec", "north_arcsec", "flux_e")
APERTURE_COLUMNS = ("frame", "source", "beam", "x_px", "y_px", "radius_px", "flux_e", "flux_err_e", "bits")
FIELD_COLUMNS = ("label", "name", "ra_deg", "dec_deg", "mag", "east_arcmin", "north_arcmin")
_DEFAULT_FIELD_DEG = 0.08
_USUAL_ZERO_POINT = 22.0


def frames_of(view: View, thing: Thing) -> list[str]:
    """The frames of a frame, group or result, in time."""
    if thing.kind == "frame":
        return [thing.name]
    if thing.kind not in {"group", "result"}:
        raise NoSuchItem(f"{thing.name} is a {thing.kind}: name a frame, a group or a result")
    column = "origin" if thing.kind == "group" else "measurement"
    rows = view.store.rows(
        f"select distinct i.input as name, f.mjd_utc from measurement_input i join frame f on f.name = i.input "
        f"where i.{column} = {quoted(thing.name)} and i.role like 'frame%' order by f.mjd_utc, i.input"
    )
    return [row["name"] for row in rows]


def growth_rows(view: View, frames: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each measured radius of each frame, and the aperture that was used, in its FWHM."""
    used_px = {row["frame"]: row["radius_px"] for row in view.rows_of("aperture", frames)}
    rows = []
    for growth in sorted(view.rows_of("growth", frames), key=lambda row: frames.index(row["frame"])):
        radius_px = used_px.get(growth["frame"])
        columns = (growth[name] for name in ("radius_fwhm", "share", "share_err", "share_scatter"))
        for radius, share, error, scatter in zip(*columns, strict=True):
            rows.append({
                "frame": growth["frame"], "radius_fwhm": radius, "radius_px": radius * growth["fwhm_px"],
                "share": share, "share_err": error, "share_scatter": scatter,
                "used_radius_fwhm": None if radius_px is None else radius_px / growth["fwhm_px"],
            })  # fmt: skip
    return rows


def growth_curves(view: View, frames: Sequence[str]) -> dict[str, list[tuple[float, float]]]:
    """For each frame the smooth curve (radius in FWHM, share) that magnitudes are brought to one aperture with."""
    import numpy as np

    radius = np.linspace(0.0, 3.5, 141)
    return {
        row["frame"]: list(zip(radius.tolist(), curve_of(row).at(radius)[0].tolist(), strict=True))
        for row in view.rows_of("growth", frames)
    }


def star_rows(view: View, frame: str) -> list[dict[str, Any]]:
    """The matched stars of a frame: where they were found less where the solution puts them, east and north."""
    import numpy as np

    wcs = view.store.rows("select * from wcs where frame = ? and beam = 'O'", [frame])
    if not wcs:
        raise NoSuchItem(f"{frame} is not solved: `iop4 show {frame}` says why")
    stars = view.store.rows(
        "select * from detection where frame = ? and reference_ra_deg is not null and beam is distinct from 'E' "
        "order by flux_e desc",
        [frame],
    )
    if not stars:
        return []
    x, y, ra, dec = (
        np.array([star[name] for star in stars], float)
        for name in ("x_px", "y_px", "reference_ra_deg", "reference_dec_deg")
    )
    seen_ra, seen_dec = wcs_of(wcs[0]).to_sky(x, y)
    east = 3600.0 * (np.remainder(seen_ra - ra + 180.0, 360.0) - 180.0) * np.cos(np.radians(dec))
    north = 3600.0 * (seen_dec - dec)
    return [
        {
            "frame": frame, "x_px": star["x_px"], "y_px": star["y_px"], "ra_deg": star["reference_ra_deg"],
            "dec_deg": star["reference_dec_deg"], "east_arcsec": float(east[i]), "north_arcsec": float(north[i]),
            "flux_e": star["flux_e"],
        }
        for i, star in enumerate(stars)
    ]  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A frame to be looked at: pixels (height, width), its apertures, and where north is if it is solved."""

    pixels: np.ndarray
    unit: str
    apertures: list[dict[str, Any]]
    wcs: dict[str, Any] | None
    about: dict[str, Any]


def picture_of(view: View, frame: str) -> Picture:
    """The reduced frame, or the raw one where there is none."""
    from iop4cli.frames.fits import read_pixels
    from iop4cli.frames.raw import read_raw

    reduced = view.layout.reduced_frame(frame)
    if frame in view.reduced and reduced.is_file():
        pixels, unit = read_pixels(reduced), "electrons"
    else:
        pixels, unit = read_raw(view.layout.raw_frame(frame)).adu, "ADU"
    apertures = sorted(view.rows_of("aperture", [frame]), key=lambda row: (row["source"], row["beam"]))
    about = view.store.rows("select * from frame where name = ?", [frame])
    return Picture(pixels, unit, [dict(row) for row in apertures], view.wcs.get(frame), about[0] if about else {})


@dataclass(frozen=True)
class Field:
    """What is seen around a source: stars of the frame that shows it best, and the catalogue's."""

    centre: tuple[float, float]
    radius_deg: float
    stars: list[dict[str, Any]]
    known: list[dict[str, Any]]
    frame: str | None
    band: str | None


def field_of(view: View, source: str, radius_deg: float | None) -> Field:
    """Stars around a source: of its deepest solved frame, with magnitudes by its zero point, and the catalogue's."""
    own = view.catalog.get(source)
    if own is None:
        raise NoSuchItem(f"{source} is not in the catalogue any more, so its place is not known")
    centre = own.ra_deg, own.dec_deg
    best = view.store.rows(f"""
        select w.frame, w.radius_deg, m.band, m.zp, f.exptime_s from measurement m
            join measurement_input i on i.measurement = m.id and i.role = 'frame'
            join wcs w on w.frame = i.input and w.beam = 'O' join frame f on f.name = i.input
        where m.source = {quoted(source)}
        order by m.zp is null, w.n_detected desc, w.frame limit 1""")
    frame = best[0] if best else None
    stars = _seen(view, frame) if frame else []
    if radius_deg is None:
        radius_deg = min(frame["radius_deg"] / math.sqrt(2), 0.12) if frame else _DEFAULT_FIELD_DEG
    calibrators = {one.name for one in view.catalog.values() if source in one.calibrates}
    known = [
        {"name": one.name, "ra_deg": one.ra_deg, "dec_deg": one.dec_deg, "calibrates": one.name in calibrators}
        for one in view.catalog.values()
        if one.name != source and _apart_deg(centre, one.ra_deg, one.dec_deg) <= radius_deg
    ]
    stars = [star for star in stars if _apart_deg(centre, star["ra_deg"], star["dec_deg"]) <= radius_deg]
    return Field(centre, radius_deg, stars, known, frame["frame"] if frame else None, frame["band"] if frame else None)


def _seen(view: View, frame: dict[str, Any]) -> list[dict[str, Any]]:
    """Detections of a frame with coordinates; magnitudes by its zero point, else by a usual one."""
    import numpy as np

    wcs = view.store.rows("select * from wcs where frame = ? and beam = 'O'", [frame["frame"]])[0]
    rows = view.store.rows(
        "select x_px, y_px, flux_e, beam from detection where frame = ? and flux_e > 0 and beam is distinct from 'E' "
        "order by flux_e desc",
        [frame["frame"]],
    )
    # With two beams an image without a partner may belong to either.
    rows = [row for row in rows if row["beam"] == "O"] or rows
    if not rows:
        return []
    ra, dec = wcs_of(wcs).to_sky(*(np.array([row[name] for row in rows], float) for name in ("x_px", "y_px")))
    zero = frame["zp"] if frame["zp"] is not None else _USUAL_ZERO_POINT
    return [
        {"ra_deg": float(ra[i]), "dec_deg": float(dec[i]),
         "mag": zero - 2.5 * math.log10(row["flux_e"] / (frame["exptime_s"] or 1.0))}
        for i, row in enumerate(rows)
    ]  # fmt: skip


def _apart_deg(centre: tuple[float, float], ra_deg: float, dec_deg: float) -> float:
    from iop4cli.sexagesimal import separation_deg

    return float(separation_deg(*centre, ra_deg, dec_deg))


def field_rows(field: Field) -> list[dict[str, Any]]:
    """All stars of a field as rows; `label` says what they are."""
    rows = [{**one, "label": "seen", "name": None} for one in field.stars]
    rows += [{**one, "label": "calibrator" if one["calibrates"] else "catalogue", "mag": None} for one in field.known]
    for row in rows:
        east = (row["ra_deg"] - field.centre[0] + 180.0) % 360.0 - 180.0
        row["east_arcmin"] = 60.0 * east * math.cos(math.radians(row["dec_deg"]))
        row["north_arcmin"] = 60.0 * (row["dec_deg"] - field.centre[1])
    return rows
