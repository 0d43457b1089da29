"""Angles as people and headers write them: degrees, or hours or degrees in base 60."""

import math
import re

_MINUS_SIGNS = str.maketrans({"−": "-", "–": "-", "‐": "-", "‑": "-"})
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_BASE_60 = re.compile(
    r"(?P<sign>[+-]?)\s*(?P<whole>\d{1,3})(?:\s*[:hd°]\s*|\s+)(?P<minutes>\d{1,2}(?:\.\d*)?)"
    r"(?:(?:\s*[:m'′]\s*|\s+)(?P<seconds>\d{1,2}(?:\.\d*)?)\s*(?:s|\"|″)?|\s*[m'′]?)"
)


def parse_angle(value: object, unit: str = "deg") -> tuple[float, bool]:
    """(angle in `unit`, whether it was written in base 60); ValueError for anything else.

    The sign belongs to the whole angle: `-00 30 00` is -0.5.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{value!r} is not an angle")
    text = str(value).translate(_MINUS_SIGNS).strip()
    if _NUMBER.fullmatch(text):
        return float(text), False
    found = _BASE_60.fullmatch(text)
    if found is None:
        form = "HH MM SS.s" if unit == "hours" else "+DD MM SS.s"
        raise ValueError(f"{value!r} is neither a number nor {form}")
    minutes, seconds = float(found["minutes"]), float(found["seconds"] or 0.0)
    if minutes >= 60 or seconds >= 60:
        raise ValueError(f"{value!r} has minutes or seconds of 60 or more")
    size = int(found["whole"]) + minutes / 60 + seconds / 3600
    return (-size if found["sign"] == "-" else size), True


def parse_ra_deg(value: object, *, plain_unit: str = "deg") -> float:
    """Right ascension in degrees, 0 <= ra < 360: base 60 means hours, a plain number `plain_unit`."""
    angle, base_60 = parse_angle(value, "hours")
    ra_deg = angle * 15 if base_60 or plain_unit == "hours" else angle
    if not (math.isfinite(ra_deg) and 0 <= ra_deg < 360):
        raise ValueError(f"{value!r} is not a right ascension (0 to 360 degrees, or 0 to 24 hours)")
    return ra_deg


def parse_dec_deg(value: object) -> float:
    """Declination in degrees, from -90 to 90."""
    dec_deg, _ = parse_angle(value)
    if not (math.isfinite(dec_deg) and -90 <= dec_deg <= 90):
        raise ValueError(f"{value!r} is not a declination (-90 to 90 degrees)")
    return dec_deg


def separation_deg(ra1_deg: float, dec1_deg: float, ra2_deg: float, dec2_deg: float) -> float:
    """Angle between two directions, exact at small and large separations (haversine)."""
    dec1, dec2 = math.radians(dec1_deg), math.radians(dec2_deg)
    half_ra = math.radians(ra2_deg - ra1_deg) / 2
    square = math.sin((dec2 - dec1) / 2) ** 2 + math.cos(dec1) * math.cos(dec2) * math.sin(half_ra) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(square))))
