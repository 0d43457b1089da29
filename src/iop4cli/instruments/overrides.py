"""What people may say instead of a header that lies: `iop4 classify --set NAME=VALUE FRAME`."""

import math
import re
from collections.abc import Callable
from datetime import date

from iop4cli.errors import UsageError
from iop4cli.instruments.rules import LONGEST_EXPOSURE_S, MOST_PX, Kind, Mode
from iop4cli.instruments.times import mjd_from_iso, plausible
from iop4cli.nearest import did_you_mean
from iop4cli.sexagesimal import parse_dec_deg, parse_ra_deg


class OverrideError(UsageError):
    """An override with an unknown name or an impossible value."""


def parse_override(name: str, text: str) -> object:
    """The value that `text` means for the override `name`; OverrideError says what is wrong with it.

    `mjd_utc` is the middle of the exposure, `time` (ISO, UTC unless it has an offset) its start, which
    becomes an MJD; `ra_deg` in base 60 is in hours.
    """
    parse = OVERRIDES.get(name)
    if parse is None:
        raise OverrideError(f"cannot set {name!r}{did_you_mean(name, OVERRIDES)}")
    try:
        return parse(text.strip())
    except ValueError as error:
        raise OverrideError(f"{name}={text}: {error}") from None


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is not a number")
    return number


def _exposure(text: str) -> float:
    exptime_s = _number(text)
    if not 0 <= exptime_s <= LONGEST_EXPOSURE_S:
        raise ValueError(f"an exposure time is from 0 to {LONGEST_EXPOSURE_S:.0f} s")
    return exptime_s


def _middle(text: str) -> float:
    return plausible(_number(text), text)


def _start(text: str) -> float:
    return plausible(mjd_from_iso(text), text)


def _count(smallest: int) -> Callable[[str], float]:
    def parse(text: str) -> float:
        number = _number(text)
        if number != math.floor(number) or not smallest <= number <= MOST_PX:
            raise ValueError(f"{text!r} is not a whole number from {smallest} to {MOST_PX}")
        return number

    return parse


def _scale(text: str) -> float:
    scale_arcsec_per_px = _number(text)
    if scale_arcsec_per_px <= 0:
        raise ValueError("a scale must be more than 0")
    return scale_arcsec_per_px


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"{text!r} is not one of {', '.join(words)}")
        return text.lower()

    return parse


def _word(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._'-]*", text):
        raise ValueError(f"{text!r} is not a name of letters and digits")
    return text


def _some_text(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    return text


def _night(text: str) -> str:
    try:
        night = date.fromisoformat(text).isoformat()
    except ValueError:
        night = ""
    if night != text:
        raise ValueError(f"{text!r} is not a night like 2022-09-08")
    return night


OVERRIDES: dict[str, Callable[[str], object]] = {
    "instrument": _word,
    "kind": _one_of(Kind.__args__),  # type: ignore[attr-defined]
    "mode": _one_of(Mode.__args__),  # type: ignore[attr-defined]
    "band": _word,
    "filter": str,
    "angle_deg": _number,
    "exptime_s": _exposure,
    "mjd_utc": _middle,
    "time": _start,
    "night": _night,
    "object": _some_text,
    "ra_deg": parse_ra_deg,
    "dec_deg": parse_dec_deg,
    "binning_x": _count(1),
    "binning_y": _count(1),
    "window_x0": _count(0),
    "window_y0": _count(0),
    "scale_arcsec_per_px": _scale,
}
