"""From the header of a frame to facts, by the rules of its instrument; and the same field by field."""

import dataclasses
from collections.abc import Mapping

from iop4cli.instruments.clock import read_clock
from iop4cli.instruments.facts import CheckRow, FrameFacts
from iop4cli.instruments.model import Instrument, Site
from iop4cli.instruments.reading import Reading
from iop4cli.instruments.rules import TimeRule, TimeSource
from iop4cli.instruments.times import night_of, read_time
from iop4cli.instruments.translation import (
    read_filter,
    read_geometry,
    read_kind,
    read_mode,
    read_pointing,
)

__all__ = ["CheckRow", "FrameFacts", "check", "night_of", "read_night", "translate"]

Header = Mapping[str, object]
_USUAL_TIMES = TimeRule(
    sources=(
        TimeSource("JD", "jd"),
        TimeSource("MJD-OBS", "mjd"),
        TimeSource("DATE-OBS", "iso"),
        TimeSource("DATE", "iso"),
    )
)


def translate(
    header: Header,
    filename: str,
    instrument: Instrument,
    overrides: Mapping[str, str] | None = None,
    frame_name: str = "FRAME",
) -> FrameFacts:
    """The facts of one frame; `overrides` are what people said (see overrides.py), as text.

    Never raises because of a header: what is wrong is in `problems`, with the command that mends it, in which
    `frame_name` stands for the frame.
    """
    return _read(Reading(header, filename, instrument, overrides or {}, frame_name))


def check(
    instrument: Instrument, header: Header, filename: str, overrides: Mapping[str, str] | None = None
) -> list[CheckRow]:
    """Each fact of a frame with its origin and its problem, then what is noted; nothing is hidden."""
    reading = Reading(header, filename, instrument, overrides or {}, filename)
    facts = _read(reading)
    for name in ("instrument", "telescope"):
        reading.origins[name] = "instrument file"
    reading.origins["date_obs"] = reading.origins.get("mjd_utc", "")
    rows = []
    for field in dataclasses.fields(facts):
        if field.name in ("problems", "notes"):
            continue
        problems = [text for name, text in reading.problems if name == field.name]
        origin = reading.origins.get(field.name, "")
        rows.append(CheckRow(field.name, getattr(facts, field.name), origin, "; ".join(problems) or None))
    shown = {row.field for row in rows}
    rows += [CheckRow(name, None, "override", text) for name, text in reading.problems if name not in shown]
    return rows + [CheckRow("note", note, "", None) for note in reading.notes]


def read_night(header: Header, site: Site, rule: TimeRule | None = None) -> str | None:
    """The night of a frame before its instrument is sure: by `rule`, or by the usual keywords, or None."""
    rule = rule or _USUAL_TIMES
    for source in (*rule.sources, *([rule.check] if rule.check else [])):
        try:
            mjd_utc = read_time(header, source)
        except ValueError:
            continue
        if mjd_utc is not None:
            return night_of(mjd_utc, site.longitude_deg)
    return None


def _is_flipped(reading: Reading) -> bool:
    rule = reading.instrument.headers.flipped
    return rule is not None and reading.text("flipped", rule, override="flipped") is not None


def _read(reading: Reading) -> FrameFacts:
    instrument = reading.instrument
    kind = read_kind(reading)
    clock = read_clock(reading, kind)
    angle_deg, mode = read_mode(reading, kind)
    filter_name, band = read_filter(reading, kind)
    ra_deg, dec_deg = read_pointing(reading)
    object_name = reading.text("object_name", instrument.headers.object, override="object")
    geometry = read_geometry(reading)
    return FrameFacts(
        instrument=instrument.name,
        telescope=instrument.telescope,
        night=clock.night,
        kind=kind,
        mode=mode,
        band=band,
        filter=filter_name,
        angle_deg=angle_deg,
        exptime_s=clock.exptime_s,
        mjd_utc=clock.mjd_utc,
        date_obs=clock.date_obs,
        object_name=object_name,
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        **geometry,
        flipped=_is_flipped(reading),
        problems=tuple(text for _, text in reading.problems),
        notes=tuple(reading.notes),
    )
