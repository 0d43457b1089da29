"""When a frame was taken: exposure time, start, middle and night, by the rules of its instrument."""

from dataclasses import dataclass

from iop4cli.instruments.reading import Reading
from iop4cli.instruments.rules import LONGEST_EXPOSURE_S, TimeSource
from iop4cli.instruments.times import iso_from_mjd, night_of, read_time, shift_days


@dataclass(frozen=True)
class Clock:
    """When a frame was taken: `mjd_utc` mid-exposure, `date_obs` the start."""

    night: str | None
    exptime_s: float | None
    mjd_utc: float | None
    date_obs: str | None


def read_clock(reading: Reading, kind: str | None) -> Clock:
    """Exposure time, start, middle and night; a bias without an exposure time has 0."""
    exptime_s = _read_exposure(reading, kind)
    length_s = 0.0 if exptime_s is None and kind == "bias" else exptime_s
    start, mid = _read_moments(reading, length_s)
    longitude_deg = reading.instrument.site.longitude_deg
    moment = start if start is not None else mid
    night: str | None
    if reading.overridden("night", "night"):
        night = reading.overrides["night"]
    else:
        moment = _checking_time(reading, length_s) if moment is None else moment
        night = None if moment is None else night_of(moment, longitude_deg)
        reading.origins["night"] = "missing" if night is None else "time, noon to noon at the observatory"
    return Clock(night, exptime_s, mid, None if start is None else iso_from_mjd(start))


def _read_exposure(reading: Reading, kind: str | None) -> float | None:
    rule = reading.instrument.headers.exptime_s
    if kind == "bias" and not reading.words(rule.keywords) and "exptime_s" not in reading.overrides:
        return rule.default
    exptime_s = reading.number("exptime_s", rule, override="exptime_s")
    if exptime_s is None:
        return None
    if not 0 <= exptime_s <= LONGEST_EXPOSURE_S or (exptime_s == 0 and kind != "bias"):
        origin = reading.origins["exptime_s"]
        reading.problem("exptime_s", f"no exposure time that can be ({origin}): {reading.mend('exptime_s=SECONDS')}")
        return None
    return exptime_s


def _read_moments(reading: Reading, exptime_s: float | None) -> tuple[float | None, float | None]:
    """MJD of (start, middle), each None if it cannot be known."""
    half_days = None if exptime_s is None else shift_days("start", "mid", exptime_s)
    if reading.overridden("mjd_utc", "mjd_utc"):
        mid = reading.overrides["mjd_utc"]
        return (None if half_days is None else mid - half_days), mid
    if reading.overridden("mjd_utc", "time"):
        start = reading.overrides["time"]
        return start, (None if half_days is None else start + half_days)
    rule = reading.instrument.headers.time
    for source in rule.sources:
        try:
            moment = read_time(reading.header, source)
        except ValueError as error:
            reading.note(f"{source.keyword}: {error}")
            continue
        if moment is not None:
            reading.origins["mjd_utc"] = f"{source.keyword} ({source.format.upper()}, {source.reference})"
            start = _moved(moment, source, "start", exptime_s)
            _compare(reading, source, start, exptime_s)
            return start, _moved(moment, source, "mid", exptime_s)
    _complain_of_time(reading, exptime_s)
    return None, None


def _moved(moment: float, source: TimeSource, wanted: str, exptime_s: float | None) -> float | None:
    if source.reference == wanted:
        return moment
    return None if exptime_s is None else moment + shift_days(source.reference, wanted, exptime_s)


def _checking_time(reading: Reading, exptime_s: float | None) -> float | None:
    """Start of the exposure by the keyword that only checks; None if there is none to be read."""
    source = reading.instrument.headers.time.check
    if source is None:
        return None
    try:
        moment = read_time(reading.header, source)
    except ValueError:
        return None
    return None if moment is None else _moved(moment, source, "start", exptime_s)


def _compare(reading: Reading, source: TimeSource, start: float | None, exptime_s: float | None) -> None:
    rule = reading.instrument.headers.time
    other = _checking_time(reading, exptime_s)
    if rule.check is None or start is None or other is None:
        return
    apart_s = abs(start - other) * 86400
    if apart_s > rule.check_tolerance_s:
        reading.note(f"{source.keyword} and {rule.check.keyword} are {apart_s:.1f} s apart; {source.keyword} is taken")


def _complain_of_time(reading: Reading, exptime_s: float | None) -> None:
    """The problem of a frame without a time, with the command that accepts the one that only checks."""
    rule = reading.instrument.headers.time
    keywords = " or ".join(source.keyword for source in rule.sources)
    there = any(reading.words((source.keyword,)) for source in rule.sources)
    what = f"{keywords} {'is no time that can be used' if there else 'is missing'}"
    other = _checking_time(reading, exptime_s)
    reading.origins["mjd_utc"] = "missing"
    if other is None or rule.check is None:
        reading.problem("mjd_utc", f"{what}: {reading.mend('time=YYYY-MM-DDTHH:MM:SS')} (UTC, start)")
    else:
        accept = reading.mend(f"time={iso_from_mjd(other)}")
        reading.problem("mjd_utc", f"{what}; to accept the time of {rule.check.keyword}: {accept}")
