"""An instrument is data: what `share/instruments/*.toml` or a user's own file says about one camera."""

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from iop4cli.instruments.photometry import BandSystem
from iop4cli.instruments.rules import HeaderRules, Kind, check_keywords, check_pattern
from iop4cli.strict_toml import EMPTY, FrozenTable

SECTIONS = (
    *("recognise", "site", "headers", "detector", "analyser"),
    *("beams", "astrometry", "params", "calibrations", "photometry", "hook"),
)
_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PROSE = {"prose": True}  # words for people: changing them makes no product out of date


@dataclass(frozen=True)
class Site:
    """Where the telescope is; longitude is positive to the *east*."""

    name: str = field(metadata=_PROSE)
    latitude_deg: float
    longitude_deg: float
    elevation_m: float

    def __post_init__(self) -> None:
        if abs(self.latitude_deg) > 90:
            raise ValueError("latitude_deg: must be between -90 and 90")
        if abs(self.longitude_deg) > 180:
            raise ValueError("longitude_deg: must be between -180 and 180, east positive")


@dataclass(frozen=True)
class Recognition:
    """One way to know the instrument: all patterns match (whole value, any case), from `since` to `until`."""

    keywords: FrozenTable[str, str]
    since: date | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        if not self.keywords:
            raise ValueError("keywords: at least one is needed")
        check_keywords(tuple(self.keywords))
        for keyword, pattern in self.keywords.items():
            check_pattern(pattern, f"keywords.{keyword}")
        if self.since and self.until and self.since > self.until:
            raise ValueError("since: is after until")

    def on(self, night: str | None) -> bool:
        """Whether this entry holds on a night; without a night, only if it always does."""
        if self.since is None and self.until is None:
            return True
        return night is not None and (
            (self.since is None or night >= self.since.isoformat())
            and (self.until is None or night <= self.until.isoformat())
        )


@dataclass(frozen=True)
class Detector:
    """The chip, unbinned. `masters`: which of bias, dark, flat a light frame needs.

    `bias_level_adu` is subtracted where no bias is taken; `trim` is (x0, y0, x1, y1), the useful part.
    """

    gain_e_per_adu: float
    read_noise_e: float
    saturation_adu: float
    scale_arcsec_per_px: float
    width_px: int
    height_px: int
    masters: tuple[Literal["bias", "dark", "flat"], ...] = ("bias", "flat")
    linear_limit_adu: float | None = None
    bias_level_adu: float | None = None
    trim: tuple[int, int, int, int] | None = None

    def __post_init__(self) -> None:
        for name in ("gain_e_per_adu", "saturation_adu", "scale_arcsec_per_px", "width_px", "height_px"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: must be more than 0")
        if self.read_noise_e < 0:
            raise ValueError("read_noise_e: must not be negative")

    @property
    def dark(self) -> bool:
        """Whether light frames need a master dark."""
        return "dark" in self.masters

    @property
    def field_arcmin(self) -> float:
        """The longer side of the whole field."""
        return max(self.width_px, self.height_px) * self.scale_arcsec_per_px / 60


@dataclass(frozen=True)
class Analyser:
    """What measures polarisation. `gap_s`: longest pause between two exposures of one group."""

    kind: Literal["none", "polarised_filter", "half_wave_plate"] = "none"
    angles_deg: tuple[float, ...] = ()
    period_deg: float = 180.0
    gap_s: float = 600.0
    min_angles: int = 3
    angle_tolerance_deg: float = 1.0

    def __post_init__(self) -> None:
        if self.kind != "none" and len(self.angles_deg) < self.min_angles:
            raise ValueError(f"angles_deg: must have at least min_angles = {self.min_angles} values")
        if self.period_deg <= 0:
            raise ValueError("period_deg: must be more than 0")

    @property
    def modulation_period_deg(self) -> float:
        """After how much turning the light is modulated alike: half a turn of a filter, a quarter of a plate."""
        return 90.0 if self.kind == "half_wave_plate" else 180.0

    def nearest_angle(self, angle_deg: float) -> float | None:
        """The same analyser position written nearest to one of `angles_deg`, or None if it is none."""
        for known_deg in self.angles_deg:
            off_deg = math.remainder(angle_deg - known_deg, self.period_deg)
            if abs(off_deg) <= self.angle_tolerance_deg:
                return known_deg + off_deg
        return None


@dataclass(frozen=True)
class Beams:
    """Two images of each star: extraordinary minus ordinary, in pixels at binning `at_binning`."""

    dx_px: float
    dx_err_px: float
    dy_px: float
    dy_err_px: float
    at_binning: int = 1
    modes: tuple[Literal["phot", "pol"], ...] = ("pol",)


@dataclass(frozen=True)
class Astrometry:
    """Hints for detection and for the solver; `parity` is +1 for a mirrored image, -1 for sky as seen."""

    scale_tolerance: float = 0.05
    position_radius_fields: float = 1.5
    image_angle_deg: float | None = None
    image_angle_err_deg: float | None = None
    parity: Literal[1, -1] | None = None
    typical_fwhm_arcsec: float = 2.0
    detection_sigma: float = 5.0
    max_stars: int = 60


@dataclass(frozen=True)
class CalibrationEntry:
    """Instrument polarisation (fractions) and angle zero (*added* to the measured angle) in one band.

    `covariance`: of q_inst, u_inst, zero_angle_deg and efficiency, where a fit gave it.
    """

    band: str
    q_inst: float
    q_inst_err: float
    u_inst: float
    u_inst_err: float
    zero_angle_deg: float
    zero_angle_err_deg: float
    name: str = field(metadata=_PROSE)
    source: str = field(metadata=_PROSE)
    efficiency: float = 1.0
    efficiency_err: float = 0.0
    covariance: tuple[tuple[float, ...], ...] | None = None
    valid_from: date | None = None
    valid_until: date | None = None

    def __post_init__(self) -> None:
        for name in ("q_inst", "u_inst"):
            if abs(getattr(self, name)) > 1:
                raise ValueError(f"{name}: {getattr(self, name)} must be a fraction, not percent")
        # A measured one may exceed 1 by its error.
        if not 0 < self.efficiency <= 1 + 3 * self.efficiency_err:
            raise ValueError("efficiency: must be a fraction, more than 0 and at most 1 (or 3 errors above)")
        if self.covariance is not None and [len(row) for row in self.covariance] != [4, 4, 4, 4]:
            raise ValueError("covariance: must be 4 rows of 4 numbers")


@dataclass(frozen=True)
class Instrument:
    """All that is known about one camera on one telescope; `telescope` is its folder in the archive."""

    name: str
    telescope: str
    site: Site
    recognise: tuple[Recognition, ...]
    headers: HeaderRules
    detector: Detector
    telescope_aliases: tuple[str, ...] = ()
    analyser: Analyser = Analyser()
    beams: Beams | None = None
    astrometry: Astrometry = Astrometry()
    params: FrozenTable[str, FrozenTable[str, bool | int | float | str]] = EMPTY
    calibrations: tuple[CalibrationEntry, ...] = ()
    photometry: FrozenTable[str, BandSystem] = EMPTY
    hook: str | None = None
    reference: str = field(default="", metadata=_PROSE)
    source_file: str = field(default="", metadata={"computed": True}, compare=False)

    def __post_init__(self) -> None:
        for name, words in (("name", [self.name]), ("telescope", [self.telescope, *self.telescope_aliases])):
            for word in words:
                if not _FOLDER_NAME.fullmatch(word):
                    raise ValueError(f"{name}: {word!r} must be letters, digits and . _ - only")
        if not self.recognise:
            raise ValueError("recognise: at least one entry is needed")
        if self.analyser.kind != "none" and self.headers.angle_deg is None:
            raise ValueError("headers.angle_deg: is needed, because there is an analyser")

    def digest(self, *sections: str) -> str:
        """Content hash (16 hex digits) of the named sections, all if none: same digest, same consequences."""
        # Asked for each frame anew, and the same for thousands.
        known: dict[tuple[str, ...], str] = vars(self).setdefault("_digests", {})
        if sections not in known:
            unknown = set(sections) - set(SECTIONS)
            if unknown:
                raise KeyError(f"no such section of an instrument: {', '.join(sorted(unknown))}")
            known[sections] = _digest(self, sorted(set(sections or SECTIONS)))
        return known[sections]

    def calibration_for(self, band: str, night: str) -> CalibrationEntry | None:
        """The calibration of a band valid on a night (ISO date); of several, the one that begins last."""
        valid = [
            entry
            for entry in self.calibrations
            if entry.band == band
            and (entry.valid_from is None or entry.valid_from.isoformat() <= night)
            and (entry.valid_until is None or night <= entry.valid_until.isoformat())
        ]
        return max(valid, key=lambda entry: entry.valid_from or date.min, default=None)

    def system_of(self, band: str | None) -> BandSystem:
        """The photometric system of a band: the catalogue's, if the file says nothing else."""
        return self.photometry.get(band or "", BandSystem())

    def needs(self, kind: Kind) -> tuple[str, ...]:
        """The masters that a frame of this kind needs: a flat needs no flat, a dark only the bias."""
        order = ("bias", "dark", "flat", "light")
        return tuple(name for name in self.detector.masters if order.index(name) < order.index(kind))


def _digest(instrument: Instrument, sections: Sequence[str]) -> str:
    content = {name: _plain(getattr(instrument, name)) for name in sections}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    """Nested dataclasses, tables and dates as what JSON knows, without the words for people."""
    if dataclasses.is_dataclass(value):
        kept = (f for f in dataclasses.fields(value) if not f.metadata.get("prose"))
        return {f.name: _plain(getattr(value, f.name)) for f in kept}
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
