"""The questions asked of a header, one function each: kind, angle and mode, filter, pointing, geometry."""

import math
import re
from typing import Any

from iop4cli.instruments.reading import Reading
from iop4cli.instruments.rules import MOST_PX, NumberRule
from iop4cli.sexagesimal import parse_dec_deg, parse_ra_deg

# More than this between the header's and the instrument's scale is worth a word.
_SCALE_DISAGREES = 0.2


def read_kind(reading: Reading) -> str | None:
    """bias, dark, flat or light: by the keyword, then by the rules that know when it lies."""
    kind = reading.text("kind", reading.instrument.headers.kind, override="kind")
    if kind is None or "kind" in reading.overrides:
        return kind
    for rule in reading.instrument.headers.kind_rules:
        said = [(str(reading.header.get(keyword, "")), pattern) for keyword, pattern in rule.keywords.items()]
        if rule.filename is not None:
            said.append((reading.filename, rule.filename))
        if rule.when == kind and all(re.search(pattern, word, re.IGNORECASE) for word, pattern in said):
            where = [*rule.keywords, *(["the file name"] if rule.filename is not None else [])]
            reading.note(f"a {rule.kind} by {' and '.join(where)}, though its header says {kind}")
            reading.origins["kind"] = f"rule for {kind} frames, by {' and '.join(where)}"
            return rule.kind
    return kind


def read_mode(reading: Reading, kind: str | None) -> tuple[float | None, str | None]:
    """(analyser angle, phot or pol) of flats and lights; (None, None) of other frames."""
    instrument = reading.instrument
    if kind not in ("flat", "light"):
        return None, None
    no_angle = instrument.analyser.kind == "none" or instrument.headers.angle_deg is None
    if no_angle:
        angle_deg = reading.overrides.get("angle_deg")
    else:
        angle_deg = reading.number("angle_deg", instrument.headers.angle_deg or NumberRule(), override="angle_deg")
    mode: str | None
    if instrument.headers.mode is not None or "mode" in reading.overrides:
        mode = reading.overrides.get("mode") or reading.text("mode", instrument.headers.mode, override="mode")  # type: ignore[arg-type]
    else:
        mode = "phot" if angle_deg is None else "pol"
        reading.origins["mode"] = "no analyser" if no_angle else "whether there is an angle"
    reading.overridden("mode", "mode")
    if mode != "pol":
        return None, mode
    if angle_deg is None:
        if not any(name == "angle_deg" for name, _ in reading.problems):
            reading.problem("angle_deg", f"polarimetry without an angle: {reading.mend('angle_deg=DEGREES')}")
        return None, mode
    nominal_deg = instrument.analyser.nearest_angle(angle_deg)
    if nominal_deg is None:
        known = ", ".join(f"{known_deg:g}" for known_deg in instrument.analyser.angles_deg) or "none"
        origin = reading.origins.get("angle_deg", "override")
        reading.problem(
            "angle_deg",
            f"angle {angle_deg:g} ({origin}) is not one of the analyser's: {known}: "
            f"{reading.mend('angle_deg=DEGREES')}",
        )
    return (angle_deg if nominal_deg is None else nominal_deg), mode


def read_filter(reading: Reading, kind: str | None) -> tuple[str | None, str | None]:
    """(filter, band) of flats and lights: a light must have a band, a flat may do without a filter."""
    rule = reading.instrument.headers.filter
    if kind not in ("flat", "light", None):
        return None, None
    found = reading.words(rule.keywords)
    keyword, name = found[0] if found else (" or ".join(rule.keywords) or "the filter", "")
    reading.origins["filter"] = "override" if "filter" in reading.overrides else f"{keyword} = {name}"
    if kind == "flat" and name.casefold() in {"", *(word.casefold() for word in rule.none)}:
        return None, (reading.overrides["band"] if reading.overridden("band", "band") else None)
    if reading.overridden("band", "band"):
        return name or None, reading.overrides["band"]
    reading.origins["band"] = reading.origins["filter"]
    for pattern, template in rule.bands.items():
        match = re.fullmatch(pattern, name)
        if match:
            return name, match.expand(template)
    for band in rule.other_bands:
        if band.casefold() == name.casefold():
            return name, band
    if kind is None:
        return name or None, None
    if name:
        what = f"{keyword} is {name!r}, a filter that {reading.instrument.name} does not know"
    else:
        what = f"{keyword} is missing"
    reading.problem("band", f"{what}: {reading.mend('band=BAND')}")
    return name or None, None


def read_pointing(reading: Reading) -> tuple[float | None, float | None]:
    """(RA, declination) where the telescope said it pointed; a bad one is noted, unless it is required."""
    ra_deg = _read_coordinate(reading, "ra_deg", reading.instrument.headers.ra)
    dec_deg = _read_coordinate(reading, "dec_deg", reading.instrument.headers.dec)
    return (ra_deg, dec_deg) if ra_deg is not None and dec_deg is not None else (None, None)


def _read_coordinate(reading: Reading, name: str, rule: NumberRule | None) -> float | None:
    if reading.overridden(name, name):
        return reading.overrides[name]
    if rule is None:
        return None
    for keyword, word in reading.words(rule.keywords):
        reading.origins[name] = f"{keyword} = {word}"
        try:
            if name == "ra_deg":
                return parse_ra_deg(word, plain_unit="hours" if rule.unit == "hours" else "deg")
            return parse_dec_deg(word)
        except ValueError as error:
            if rule.required:
                reading.problem(name, f"{keyword}: {error}: {reading.mend(f'{name}=VALUE')}")
            else:
                reading.note(f"{keyword}: {error}; the pointing is not known")
            return None
    if rule.required:
        reading.missing(name, rule.keywords, f"{name}=VALUE")
    return None


def read_geometry(reading: Reading) -> dict[str, Any]:
    """Size, binning, window and scale of the frame, by field of FrameFacts."""
    rules, detector = reading.instrument.headers, reading.instrument.detector
    size = [_read_count(reading, name, getattr(rules, name), 1) for name in ("width_px", "height_px")]
    binning = [_read_count(reading, name, getattr(rules, name), 1) for name in ("binning_x", "binning_y")]
    corner = [_read_count(reading, name, getattr(rules, name), 0) for name in ("window_x0", "window_y0")]
    width_px, height_px = size
    if binning == [None, None] and width_px and height_px:
        times = detector.width_px // width_px
        whole = detector.width_px == times * width_px and detector.height_px == times * height_px
        if whole and times > 1:
            binning = [times, times]
            reading.note(f"binned {times} x {times} by its size; its header does not say")
    binning_x, binning_y = binning[0] or 1, binning[1] or 1
    if (width_px or 0) * binning_x > detector.width_px or (height_px or 0) * binning_y > detector.height_px:
        reading.note(
            f"{width_px} x {height_px} pixels binned {binning_x} x {binning_y} are more than "
            f"the detector's {detector.width_px} x {detector.height_px}"
        )
    scale_arcsec_per_px = _read_scale(reading, detector.scale_arcsec_per_px * binning_x)
    return {
        "width_px": width_px,
        "height_px": height_px,
        "binning_x": binning_x,
        "binning_y": binning_y,
        "window_x0": corner[0] or 0,
        "window_y0": corner[1] or 0,
        "scale_arcsec_per_px": scale_arcsec_per_px,
    }


def _read_count(reading: Reading, name: str, rule: NumberRule, smallest: int) -> int | None:
    number = reading.number(name, rule, override=name)
    if number is None:
        return None
    if number != math.floor(number) or not smallest <= number <= MOST_PX:
        mend = reading.mend(f"{name}=NUMBER")
        reading.problem(name, f"{reading.origins[name]} is not a whole number from {smallest} to {MOST_PX}: {mend}")
        return None
    return int(number)


def _read_scale(reading: Reading, nominal: float) -> float:
    name = "scale_arcsec_per_px"
    if reading.overridden(name, name):
        return reading.overrides[name]
    rule = reading.instrument.headers.scale_arcsec_per_px
    found = None if rule is None else reading.number(name, rule, override=name)
    if found is None or found <= 0:
        reading.origins[name] = "instrument, times the binning"
        return nominal
    if abs(found / nominal - 1) > _SCALE_DISAGREES:
        reading.note(f"the header's scale is {found:g} arcsec/px, the instrument's {nominal:g}")
    return found
