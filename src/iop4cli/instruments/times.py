"""Times of headers: reading them, Modified Julian Dates, and the night they belong to."""

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from iop4cli.instruments.rules import TimeSource

MJD_OF_JD = 2400000.5
_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)
# No CCD frame is older or will be taken later: a JD written as MJD, or a zero, falls outside.
_MJD_PLAUSIBLE = (36934.0, 88069.0)  # 1960-01-01 to 2100-01-01


def mjd_from_iso(text: str, *, must_have_offset: bool = False, utc_offset_hours: float = 0.0) -> float:
    """MJD (UTC) of an ISO date *and* time; without an offset its clock is `utc_offset_hours` ahead of UTC."""
    stamp = text.strip()
    if len(stamp) < 13 or stamp[10] not in "T ":
        raise ValueError(f"{text!r} is not a date and time like 2022-09-08T21:03:04")
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        raise ValueError(f"{text!r} is not a date and time like 2022-09-08T21:03:04") from None
    if moment.tzinfo is None:
        if must_have_offset:
            raise ValueError(f"{text!r} has no offset from UTC like -0700")
        moment = moment.replace(tzinfo=UTC)
        return (moment - _MJD_ZERO - timedelta(hours=utc_offset_hours)) / timedelta(days=1)
    return (moment - _MJD_ZERO) / timedelta(days=1)


def iso_from_mjd(mjd_utc: float) -> str:
    """ISO date and time (UTC) to the millisecond, without an offset."""
    milliseconds = round(mjd_utc * 86_400_000)
    moment = _MJD_ZERO + timedelta(milliseconds=milliseconds)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")


def night_of(mjd_utc: float, longitude_deg: float) -> str:
    """The evening's ISO date of the night that holds a moment.

    A night runs from noon to noon of mean solar time at the observatory (longitude positive to the east).
    """
    solar_day = math.floor(mjd_utc + longitude_deg / 360 - 0.5)
    return date.fromordinal(_MJD_ZERO.toordinal() + solar_day).isoformat()


def read_time(header: Mapping[str, object], source: TimeSource) -> float | None:
    """MJD (UTC) of one source's keyword, None if it is not there; ValueError if it cannot be right."""
    value = header.get(source.keyword)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if source.format in ("iso", "iso-with-offset"):
        text = str(value).strip()
        if source.time_keyword is not None:
            text = f"{text[:10]}T{str(header.get(source.time_keyword, '')).strip()}"
        mjd = mjd_from_iso(
            text,
            must_have_offset=source.format == "iso-with-offset",
            utc_offset_hours=source.utc_offset_hours,
        )
    else:
        try:
            number = math.nan if isinstance(value, bool) else float(str(value))
        except ValueError:
            raise ValueError(f"{value!r} is not a number") from None
        mjd = number - MJD_OF_JD if source.format == "jd" else number
    return plausible(mjd, f"{value!r} as {source.format.upper()}")


def plausible(mjd_utc: float, said: str) -> float:
    """The time, if a frame can have been taken then; else ValueError."""
    low, high = _MJD_PLAUSIBLE
    if not low < mjd_utc < high:  # also when not a number
        raise ValueError(f"{said} is not a time between 1960 and 2100")
    return mjd_utc


def shift_days(reference: str, wanted: str, exptime_s: float) -> float:
    """Days from the `reference` (start, mid, end) of an exposure to its `wanted` moment.

    A leap second between the two is not counted: the moment is then one second off.
    """
    fraction = {"start": 0.0, "mid": 0.5, "end": 1.0}
    return (fraction[wanted] - fraction[reference]) * exptime_s / 86400
