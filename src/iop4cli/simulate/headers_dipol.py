"""FITS headers and file names of DIPOL at the 0.9 m telescope of the OSN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iop4cli.simulate.headers import file_stem, frame_header, sexagesimal
from iop4cli.simulate.pointing import moved
from iop4cli.simulate.recipe import NightRecipe
from iop4cli.simulate.schedule import Exposure
from iop4cli.simulate.seeds import stream
from iop4cli.simulate.view import View

if TYPE_CHECKING:
    from astropy.io.fits import Header

_COLOURS = {"R": "Red", "V": "Green", "B": "Blue"}
_TELESCOP_SINCE = "2023-10-11"
_POINTING_SINCE = "2025-01-01"
_POINTING_ERROR_ARCSEC = 150.0


def light_header(recipe: NightRecipe, exposure: Exposure, view: View) -> Header:
    """Header of a light frame: the plate's angle is in NOTES, the place of a window in XORGSUBF, YORGSUBF."""
    header = _frame_header(
        recipe, "Light Frame", _object_name(recipe, exposure), exposure.exptime_s, exposure.start_mjd_utc
    )
    header["FILTER"] = _COLOURS[exposure.band]
    header["NOTES"] = "" if exposure.angle_deg is None else f"{exposure.angle_deg:g} deg"
    header["XORGSUBF"] = view.window.x0_px
    header["YORGSUBF"] = view.window.y0_px
    header["FLIPSTAT"] = "Flip" if view.flipped else ""
    if recipe.night >= _POINTING_SINCE:
        rng = stream("encoder", recipe.night, recipe.seed, exposure.visit)
        east, north = (float(step) for step in _POINTING_ERROR_ARCSEC * rng.standard_normal(2))
        ra, dec = moved(view.pointing.ra_deg, view.pointing.dec_deg, east, north)
        header["TELRA"] = (sexagesimal(ra / 15), "right ascension by the encoders, h m s")
        header["TELDEC"] = (sexagesimal(dec, signed=True), "declination by the encoders, d m s")
    return header


def flat_header(
    recipe: NightRecipe, band: str, angle_deg: float | None, exptime_s: float, start_mjd_utc: float
) -> Header:
    """Header of a sky flat, on some nights a Light Frame whose OBJECT says it."""
    as_light = recipe.header_variants and stream("skyflat", recipe.seed, recipe.night).random() < 0.3
    imagetyp, name = ("Light Frame", f"skyflat_{band}") if as_light else ("Flat Field", f"flat_{band}")
    header = _frame_header(recipe, imagetyp, name, exptime_s, start_mjd_utc)
    header["FILTER"] = _COLOURS[band]
    header["NOTES"] = "" if angle_deg is None else f"{angle_deg:g} deg"
    header["XORGSUBF"] = 0
    header["YORGSUBF"] = 0
    return header


def bias_header(recipe: NightRecipe, start_mjd_utc: float) -> Header:
    """Header of a bias frame, which has no FILTER."""
    return _frame_header(recipe, "Bias Frame", "Bias", 0.0, start_mjd_utc)


def dark_header(recipe: NightRecipe, exptime_s: float, start_mjd_utc: float) -> Header:
    """Header of a dark frame, which has no FILTER."""
    return _frame_header(recipe, "Dark Frame", "Dark", exptime_s, start_mjd_utc)


def light_name(exposure: Exposure) -> str:
    """`BLLac-0001Red0225.fit` at 22.5 degrees, `BLLac-0001Red.fit` or `BLLac-0001Redfull.fit` in photometry.

    Other cameras of the telescope use the band's letter, so that no name is there twice in a night.
    """
    label = _COLOURS[exposure.band]
    if exposure.angle_deg is not None:
        label += f"{round(10 * exposure.angle_deg):04d}"
    elif not exposure.windowed:
        label += "full"
    return f"{file_stem(exposure.target)}-{exposure.group:04d}{label}.fit"


def calibration_name(kind: str, number: int, filter_label: str) -> str:
    """`Bias2x2-0001.fit`, `Dark2x2-0001.fit`, `Flat-0001Red.fit`."""
    stem = kind.capitalize() if filter_label else f"{kind.capitalize()}2x2"
    return f"{stem}-{number:04d}{_COLOURS.get(filter_label, '')}.fit"


def _frame_header(
    recipe: NightRecipe, imagetyp: str, object_name: str, exptime_s: float, start_mjd_utc: float
) -> Header:
    header = frame_header(recipe, imagetyp, object_name, exptime_s, start_mjd_utc)
    header["INSTRUME"] = "ASI Camera (1)"
    unnamed = recipe.header_variants and stream("telescop", recipe.seed, recipe.night).random() < 0.5
    if recipe.night < _TELESCOP_SINCE and unnamed:
        header["TELESCOP"] = ""
    return header


def _object_name(recipe: NightRecipe, exposure: Exposure) -> str:
    """`BLLAC_R`, `OJ287_R`, with `_full` for the whole field: a name without blanks and the band."""
    target = exposure.target
    names = (*target.other_names, target.name) if recipe.header_variants else (target.name,)
    rng = stream("object", recipe.instrument, recipe.seed, recipe.night, target.name)
    name = names[rng.integers(len(names))].replace(" ", "")
    if recipe.header_variants and rng.random() < 0.5:
        name = name.upper()
    ending = "_full" if exposure.angle_deg is None and not exposure.windowed else ""
    return f"{name}_{exposure.band}{ending}"
