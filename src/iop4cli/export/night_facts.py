"""The facts of one night, for a report on it; what is not known is None."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from iop4cli.archive.epochs import Epoch
from iop4cli.archive.troubles import Troubles
from iop4cli.science.departures import Typical

Time = datetime.datetime


@dataclass(frozen=True)
class Taken:
    """Frames of one kind: of one target, mode and band if they are lights. Times are UTC, of begin and end."""

    kind: str
    target: str
    mode: str | None
    band: str | None
    n_frames: int
    angles_deg: tuple[float, ...]
    exptimes_s: tuple[float, ...]
    since: Time | None
    until: Time | None


@dataclass(frozen=True)
class Result:
    """One measurement of a target; p is a fraction, `time` mid-exposure in UTC."""

    id: str
    source: str
    mode: str
    band: str
    night: str
    time: Time | None
    mag: float | None
    mag_err: float | None
    p: float | None
    p_err: float | None
    p_sys: float | None
    chi_deg: float | None
    chi_err_deg: float | None
    chi_sys_deg: float | None
    quality: str = ""
    flags: str = ""


@dataclass(frozen=True)
class Compared:
    """The night's median beside that of the days before; `moved` says that the difference is sure and large."""

    now: Typical | None
    before: Typical | None
    difference: float | None = None
    sigmas: float | None = None
    moved: bool = False


@dataclass(frozen=True)
class Series:
    """The results of one source in one band beside the days before, flagged ones left out."""

    source: str
    band: str
    mag: Compared
    p: Compared
    chi_deg: Compared

    @property
    def moved(self) -> bool:
        return self.mag.moved or self.p.moved or self.chi_deg.moved


@dataclass(frozen=True)
class Uncalibrated:
    """Results without a magnitude, or of a zero point that rests on fewer than two calibrators."""

    source: str
    band: str
    mode: str
    n: int
    reason: str


@dataclass(frozen=True)
class Doubtful:
    """A calibrator that is not what the catalogue says (`verdict`: offset, variable, trend), by all its results.

    `mean_mag`, `tonight_mag` are measured less catalogue; it counted in `n_used` of the night's `n_zero_points`.
    """

    source: str
    targets: tuple[str, ...]
    instrument: str
    band: str
    verdict: tuple[str, ...]
    mean_mag: float
    mean_err_mag: float
    scatter_mag: float | None
    chi2_red: float | None
    trend_mag_yr: float | None
    trend_err_mag_yr: float | None
    n_nights: int
    tonight_mag: float | None
    n_used: int
    n_zero_points: int
    note: str = ""


@dataclass(frozen=True)
class Calibrators:
    """Stars that calibrate the night's targets: how many could be judged, and those that are doubtful, by band."""

    n_judged: int
    doubtful: tuple[Doubtful, ...]


@dataclass(frozen=True)
class Master:
    """A master of the night beside the last good one of its kind; level and scatter in `unit`."""

    name: str
    kind: str
    band: str | None
    angle_deg: float | None
    n_frames: int | None
    n_rejected: int | None
    level: float | None
    scatter: float | None
    unit: str
    accepted: bool
    reason: str | None
    last_night: str | None
    last_level: float | None
    last_scatter: float | None


@dataclass(frozen=True)
class Sample:
    """A value at a time in UTC."""

    time: Time
    value: float


@dataclass(frozen=True)
class ZeroPoints:
    """Zero points for 1 electron per second of one instrument, mode and band; `before` is the median of the past."""

    instrument: str
    mode: str
    band: str
    samples: tuple[Sample, ...]
    before: float | None
    n_nights_before: int


@dataclass(frozen=True)
class GroupLight:
    """How the light of a polarimetric group's frames changed, by the field stars; fractions of their mean."""

    source: str
    band: str
    time: Time | None
    n_stars: int | None
    rms: float | None
    lowest: float | None
    highest: float | None


@dataclass(frozen=True)
class Astrometry:
    """Frames solved and not, and the residuals of the matched stars (ordinary or only beam)."""

    n_solved: int
    n_tried: int
    rms_arcsec: float | None
    worst_rms_arcsec: float | None
    methods: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Said:
    """What people said of something of this night."""

    who: str
    time: Time | None
    about: str
    text: str


@dataclass(frozen=True)
class NightFacts:
    """All that a report on a night tells. `concerns` is empty when all is well."""

    epoch: Epoch
    made: Time
    n_frames: int
    n_groups: int
    n_results: int
    n_target_results: int
    n_failed: int
    n_impossible: int
    concerns: tuple[str, ...]
    news: tuple[str, ...]
    taken: tuple[Taken, ...]
    troubles: Troubles
    results: tuple[Result, ...]
    before: tuple[Result, ...]
    series: tuple[Series, ...]
    uncalibrated: tuple[Uncalibrated, ...]
    calibrators: Calibrators
    masters: tuple[Master, ...]
    left_out: tuple[tuple[str, str, str], ...]
    fallbacks: tuple[tuple[str, tuple[str, ...]], ...]
    seeing: tuple[Sample, ...]
    zero_points: tuple[ZeroPoints, ...]
    group_light: tuple[GroupLight, ...]
    astrometry: Astrometry
    said: tuple[Said, ...]
    days_before: int
