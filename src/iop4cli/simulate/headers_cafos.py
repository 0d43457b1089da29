"""FITS headers and file names of CAFOS at the 2.2 m telescope of Calar Alto."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iop4cli.simulate.headers import file_stem, iso_utc
from iop4cli.simulate.pointing import moved
from iop4cli.simulate.recipe import NightRecipe
from iop4cli.simulate.schedule import Exposure
from iop4cli.simulate.seeds import stream
from iop4cli.simulate.view import View

if TYPE_CHECKING:
    from astropy.io.fits import Header

# The telescope points to somewhere in the whole field; the cut that is read lies anywhere in it.
_FIELD_RADIUS_ARCSEC = 8 * 60.0
_FILTER_LABELS = {
    "B": ("John B", "Johnson B", "Bessell B"),
    "V": ("John V", "Johnson V", "Bessell V"),
    "R": ("Cous R", "John R", "Cousins R", "Johnson R", "BessellR"),
    "I": ("Cous I", "John I", "Cousins I", "Bessell I"),
    "Ha": ("Halpha",),
}


def light_header(recipe: NightRecipe, exposure: Exposure, view: View) -> Header:
    """Header of a science frame; RA and DEC are the telescope's, not the middle of the image."""
    header = _frame_header(recipe, "science", exposure.exptime_s, exposure.start_mjd_utc)
    header["OBJECT"] = _object_name(recipe, exposure)
    _set_optics(header, recipe, exposure.band, exposure.angle_deg)
    rng = stream("axis", recipe.instrument, recipe.night, recipe.seed, exposure.target.name)
    radius, direction = _FIELD_RADIUS_ARCSEC * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
    east, north = float(radius * np.sin(direction)), float(radius * np.cos(direction))
    ra, dec = moved(view.pointing.ra_deg, view.pointing.dec_deg, east, north)
    header["RA"] = (round(ra, 6), "[deg] pointing of the telescope")
    header["DEC"] = (round(dec, 6), "[deg] pointing of the telescope")
    return header


def flat_header(
    recipe: NightRecipe, band: str, angle_deg: float | None, exptime_s: float, start_mjd_utc: float
) -> Header:
    """Header of a sky flat."""
    header = _frame_header(recipe, "flat", exptime_s, start_mjd_utc)
    header["OBJECT"] = "flat" if angle_deg is None else f"flat {angle_deg:g} deg"
    _set_optics(header, recipe, band, angle_deg)
    return header


def bias_header(recipe: NightRecipe, start_mjd_utc: float) -> Header:
    """Header of a bias frame; optics stand as they may."""
    header = _frame_header(recipe, "bias", 0.0, start_mjd_utc)
    header["OBJECT"] = "bias"
    header["INSFLNAM"] = "free"
    return header


def dark_header(recipe: NightRecipe, exptime_s: float, start_mjd_utc: float) -> Header:
    """Header of a dark frame."""
    header = _frame_header(recipe, "dark", exptime_s, start_mjd_utc)
    header["OBJECT"] = "dark"
    header["INSFLNAM"] = "free"
    return header


def light_name(exposure: Exposure) -> str:
    """`BLLac-0001R2248.fit`: target, group, band and hundredths of a degree."""
    return f"{file_stem(exposure.target)}-{exposure.group:04d}{exposure.band}{_hundredths(exposure.angle_deg)}.fit"


def calibration_name(kind: str, number: int, filter_label: str) -> str:
    """`Bias-0001.fit`, `Flat-0001R2248.fit`."""
    label = filter_label.replace(".", "")
    return f"{kind.capitalize()}-{number:04d}{label}.fit"


def _hundredths(angle_deg: float | None) -> str:
    return "" if angle_deg is None else f"{angle_deg:g}".replace(".", "")


def _frame_header(recipe: NightRecipe, imagetyp: str, exptime_s: float, start_mjd_utc: float) -> Header:
    """What every frame has; DATE is the start of the exposure, UTC, and so is DATE-OBS on some nights."""
    from astropy.io.fits import Header

    header = Header()
    header["TELESCOP"] = recipe.camera.telescop
    header["INSTRUME"] = "CAFOS 2.2"
    header["IMAGETYP"] = imagetyp
    header["EXPTIME"] = (exptime_s, "[s]")
    header["DATE"] = (iso_utc(start_mjd_utc), "start of exposure, UTC")
    if recipe.header_variants and stream("date-obs", recipe.seed, recipe.night).random() < 0.5:
        header["DATE-OBS"] = (iso_utc(start_mjd_utc), "start of exposure, UTC")
    header["CCDBINX"] = recipe.binning
    header["CCDBINY"] = recipe.binning
    header["CCDTEMP"] = (recipe.camera.ccd_temp_c, "[deg C]")
    header["OBSERVER"] = "simulator"
    header["COMMENT"] = f"Simulated frame, not an observation: seed {recipe.seed}."
    return header


def _set_optics(header: Header, recipe: NightRecipe, band: str, angle_deg: float | None) -> None:
    labels = _FILTER_LABELS[band]
    choice = stream("wheel", recipe.instrument, recipe.seed, recipe.night, band).integers(len(labels))
    header["INSFLNAM"] = labels[choice] if recipe.header_variants else labels[0]
    header["INSTRMOD"] = "Direct" if angle_deg is None else "Polarizer"
    header["INSPOFPI"] = "FREE" if angle_deg is None else "Wollaston"
    header["INSPOROT"] = (angle_deg or 0.0, "[deg] half-wave plate")


def _object_name(recipe: NightRecipe, exposure: Exposure) -> str:
    """`2200+420 22.48 deg`, or the name alone in photometry."""
    target = exposure.target
    names = (target.name, *target.other_names)
    choice = stream("object", recipe.seed, recipe.night, target.name, exposure.visit).integers(len(names))
    name = names[choice] if recipe.header_variants else target.name
    return name if exposure.angle_deg is None else f"{name} {exposure.angle_deg:g} deg"
