"""FITS headers and file names of the single-beam cameras of the OSN, and what all headers share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from iop4cli.simulate.fields import CatalogueSource
from iop4cli.simulate.pointing import altitude_deg
from iop4cli.simulate.recipe import NightRecipe
from iop4cli.simulate.schedule import Exposure, filter_name
from iop4cli.simulate.seeds import stream
from iop4cli.simulate.view import View

if TYPE_CHECKING:
    from astropy.io.fits import Header


def frame_header(
    recipe: NightRecipe, imagetyp: str, object_name: str, exptime_s: float, start_mjd_utc: float
) -> Header:
    """What every frame has; JD and DATE-OBS are the start of the exposure, UTC."""
    import numpy as np
    from astropy.io.fits import Header

    header = Header()
    header["TELESCOP"] = recipe.camera.telescop
    header["INSTRUME"] = recipe.camera.instrume(recipe.night)
    header["IMAGETYP"] = imagetyp
    header["OBJECT"] = object_name
    header["EXPTIME"] = (exptime_s, "[s]")
    header["DATE-OBS"] = (iso_utc(start_mjd_utc), "start of exposure, UTC")
    header["JD"] = (round(start_mjd_utc + 2400000.5, 8), "start of exposure, UTC")
    header["XBINNING"] = recipe.binning
    header["YBINNING"] = recipe.binning
    wobble = stream("temperature", recipe.night, start_mjd_utc).normal(0, 0.1)
    header["CCD-TEMP"] = (float(np.round(recipe.camera.ccd_temp_c + wobble, 2)), "[deg C]")
    header["OBSERVER"] = "simulator"
    header["SWCREATE"] = "iop4 simulate"
    header["COMMENT"] = f"Simulated frame, not an observation: seed {recipe.seed}."
    return header


def light_header(recipe: NightRecipe, exposure: Exposure, view: View) -> Header:
    """Header of a light frame: the pointing is the one asked for, not where the telescope went."""
    target = exposure.target
    header = frame_header(recipe, "LIGHT", object_name(recipe, exposure), exposure.exptime_s, exposure.start_mjd_utc)
    header["FILTER"] = filter_keyword(recipe, exposure.band, exposure.angle_deg)
    header["OBJCTRA"] = (sexagesimal(target.ra_deg / 15), "requested right ascension, h m s")
    header["OBJCTDEC"] = (sexagesimal(target.dec_deg, signed=True), "requested declination, d m s")
    altitude = altitude_deg(target.ra_deg, target.dec_deg, exposure.start_mjd_utc)
    if altitude > 10:
        header["AIRMASS"] = round(airmass(altitude), 3)
    return header


def flat_header(
    recipe: NightRecipe, band: str, angle_deg: float | None, exptime_s: float, start_mjd_utc: float
) -> Header:
    """Header of a sky flat."""
    header = frame_header(recipe, "FLAT", "Flat", exptime_s, start_mjd_utc)
    header["FILTER"] = filter_keyword(recipe, band, angle_deg)
    return header


def bias_header(recipe: NightRecipe, start_mjd_utc: float) -> Header:
    """Header of a bias frame, which has no FILTER."""
    return frame_header(recipe, "BIAS", "Bias", 0.0, start_mjd_utc)


def dark_header(recipe: NightRecipe, exptime_s: float, start_mjd_utc: float) -> Header:
    """Header of a dark frame."""
    return frame_header(recipe, "DARK", "Dark", exptime_s, start_mjd_utc)


def light_name(exposure: Exposure) -> str:
    """`BLLac-0001R-45.fit`: target, group, filter."""
    return f"{file_stem(exposure.target)}-{exposure.group:04d}{exposure.filter_name}.fit"


def calibration_name(kind: str, number: int, filter_label: str) -> str:
    """`Bias-0001.fit`, `Flat-0001R-45.fit`."""
    return f"{kind.capitalize()}-{number:04d}{filter_label}.fit"


def object_name(recipe: NightRecipe, exposure: Exposure) -> str:
    """OBJECT as typed that time: a name or alias, with blanks, without, or with underscores."""
    target = exposure.target
    spellings = [target.name]
    for alias in target.other_names:
        spellings += [alias, alias.replace(" ", ""), alias.replace(" ", "_")]
    if not recipe.header_variants:
        return target.name
    choice = stream("object", recipe.seed, recipe.night, target.name, exposure.visit)
    return spellings[choice.integers(len(spellings))]


def file_stem(target: CatalogueSource) -> str:
    """How files of the target are named: `BLLac`, `3C345`."""
    return (target.other_names or (target.name,))[0].replace(" ", "")


def filter_keyword(recipe: NightRecipe, band: str, angle_deg: float | None) -> str:
    """FILTER as the wheel was labelled that night: R-45 or R_45, R45 or R+45, R or R Johnson."""
    plain = filter_name(band, angle_deg)
    labels = {"R-45": ("R-45", "R_45"), "R45": ("R45", "R+45"), "R": ("R", "R Johnson")}.get(plain, (plain,))
    if not recipe.header_variants:
        return plain
    return labels[stream("wheel", recipe.seed, recipe.night, plain).integers(len(labels))]


def airmass(altitude: float) -> float:
    """Airmass at an altitude in degrees (Kasten & Young 1989, Applied Optics 28, 4735)."""
    from math import radians, sin

    return 1 / (sin(radians(altitude)) + 0.50572 * (altitude + 6.07995) ** -1.6364)


def sexagesimal(value: float, signed: bool = False) -> str:
    """`22 02 43`, with a sign if `signed`, to the nearest second."""
    seconds = round(abs(value) * 3600)
    sign = ("-" if value < 0 else "+") if signed else ""
    return f"{sign}{seconds // 3600:02d} {seconds // 60 % 60:02d} {seconds % 60:02d}"


def iso_utc(mjd_utc: float) -> str:
    """ISO date and time to the millisecond."""
    moment = datetime(1858, 11, 17, tzinfo=UTC) + timedelta(milliseconds=round(mjd_utc * 86_400_000))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}"
