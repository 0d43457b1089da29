"""Which exposures make one polarimetric measurement: a rotation of the analyser on one target in one band."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import isfinite

SECONDS_PER_DAY = 86400.0
# Two frames of one camera can't begin within this time: they are copies of one exposure. (Headers have 1 s or
# better.)
_SAME_TIME_S = 0.05
# q, u and the total flux are three unknowns.
_MIN_MODULATION_ANGLES = 3


@dataclass(frozen=True)
class Exposure:
    """One frame of a sequence; `setup` is whatever must agree besides (size, binning, subframe) as a text."""

    name: str
    target: str
    instrument: str
    band: str
    exptime_s: float
    angle_deg: float
    mjd_utc: float
    setup: str


@dataclass(frozen=True)
class Group:
    """Exposures in order of time, each at another angle, and the angles of the full set that are missing.

    `even`: each phase of the modulation was exposed equally often, as in a full set; q and u are then uncorrelated,
    and the missing angles cost nothing but light.
    """

    exposures: tuple[Exposure, ...]
    missing_angles: tuple[float, ...]
    even: bool


@dataclass(frozen=True)
class Grouping:
    """Groups in order of time, and every exposure that is in none with the reason."""

    groups: tuple[Group, ...]
    leftovers: tuple[tuple[Exposure, str], ...]


@dataclass
class _Sequence:
    """Exposures by the number of their angle in the instrument's set, in order of time."""

    by_angle: dict[int, Exposure] = field(default_factory=dict)

    @property
    def last(self) -> Exposure:
        return list(self.by_angle.values())[-1]


def group_exposures(
    exposures: Iterable[Exposure],
    angles_deg: Sequence[float],
    *,
    gap_s: float,
    period_deg: float = 180.0,
    min_angles: int = 3,
    angle_tolerance_deg: float = 2.0,
    modulation_period_deg: float | None = None,
) -> Grouping:
    """Sort exposures into rotations: same target, instrument, band, exposure time, setup; near in time.

    angles_deg: the full set of the instrument, equal to the headers' modulo `period_deg` (180 for a filter,
    90 or 360 for a half-wave plate) within `angle_tolerance_deg`. Within one target and band (others may lie
    between) a new group begins when an angle comes again, and when an exposure starts more than `gap_s` after
    the end of the one before it: a whole rotation is one group, a half one repeated is two, an interrupted one
    is what was taken. A group of at least `min_angles` angles, three of them different modulo
    `modulation_period_deg` (90 for a half-wave plate, whose positions 0 and 90 measure the same; the
    default is `period_deg`), is kept and says what is missing; what is not grouped says why.
    """
    modulation_deg = period_deg if modulation_period_deg is None else modulation_period_deg
    leftovers: list[tuple[Exposure, str]] = []
    by_key: dict[tuple[object, ...], list[tuple[Exposure, int]]] = {}
    for exposure in exposures:
        number = _angle_number(exposure.angle_deg, angles_deg, period_deg, angle_tolerance_deg)
        if number is None:
            leftovers.append((exposure, _unknown_angle(exposure.angle_deg, angles_deg)))
        elif not isfinite(exposure.mjd_utc):
            leftovers.append((exposure, "has no time"))
        else:
            by_key.setdefault(_key(exposure), []).append((exposure, number))
    groups = []
    for members in by_key.values():
        for sequence in _sequences(members, gap_s, leftovers):
            found = sequence.by_angle
            reason = _too_few([angles_deg[number] for number in found], min_angles, modulation_deg)
            if reason:
                leftovers.extend((exposure, reason) for exposure in found.values())
            else:
                missing = tuple(angle for number, angle in enumerate(angles_deg) if number not in found)
                even = _is_even([angles_deg[number] for number in found], angles_deg, modulation_deg)
                groups.append(Group(tuple(found.values()), missing, even))
    groups.sort(key=lambda group: _time_order(group.exposures[0]))
    leftovers.sort(key=lambda leftover: _time_order(leftover[0]))
    return Grouping(tuple(groups), tuple(leftovers))


def _sequences(
    members: list[tuple[Exposure, int]], gap_s: float, leftovers: list[tuple[Exposure, str]]
) -> list[_Sequence]:
    sequences: list[_Sequence] = []
    for exposure, number in sorted(members, key=lambda member: _time_order(member[0])):
        current = sequences[-1] if sequences else None
        if current is not None and number in current.by_angle:
            twin = current.by_angle[number]
            if _seconds_between(twin, exposure) < _SAME_TIME_S:
                leftovers.append((exposure, f"has the time and the angle of {twin.name}"))
                continue
        if (
            current is None
            or number in current.by_angle
            or _seconds_between(current.last, exposure) > gap_s + exposure.exptime_s
        ):
            current = _Sequence()
            sequences.append(current)
        current.by_angle[number] = exposure
    return sequences


def _too_few(found_deg: Sequence[float], min_angles: int, modulation_deg: float) -> str:
    """Why these angles make no group; empty if they do."""
    listed = ", ".join(f"{angle:g}" for angle in found_deg)
    if len(found_deg) < min_angles:
        return f"only {len(found_deg)} of the {min_angles} angles that are needed: {listed}"
    needed = min(min_angles, _MIN_MODULATION_ANGLES)
    different = set(_phases(found_deg, modulation_deg))
    if len(different) < needed:
        return f"only {len(different)} of the {needed} angles modulo {modulation_deg:g} that are needed: {listed}"
    return ""


def _is_even(found_deg: Sequence[float], full_deg: Sequence[float], modulation_deg: float) -> bool:
    """Whether each phase of the modulation has the same share of its angles in the full set."""
    found, full = _phases(found_deg, modulation_deg), _phases(full_deg, modulation_deg)
    return all(found[phase] * len(full_deg) == full[phase] * len(found_deg) for phase in full)


def _phases(angles_deg: Sequence[float], modulation_deg: float) -> Counter[float]:
    """How many angles are at each phase of the modulation."""
    return Counter(round(angle % modulation_deg, 1) % modulation_deg for angle in angles_deg)


def _key(exposure: Exposure) -> tuple[object, ...]:
    # Headers give 30 s as 30.0 or 30.0001; a millisecond of exposure changes nothing.
    exptime_ms = round(exposure.exptime_s * 1000)
    return exposure.target, exposure.instrument, exposure.band, exptime_ms, exposure.setup


def _time_order(exposure: Exposure) -> tuple[bool, float, str]:
    known = isfinite(exposure.mjd_utc)
    return not known, exposure.mjd_utc if known else 0.0, exposure.name


def _seconds_between(first: Exposure, second: Exposure) -> float:
    return abs(second.mjd_utc - first.mjd_utc) * SECONDS_PER_DAY


def _angle_number(angle_deg: float, angles_deg: Sequence[float], period_deg: float, tolerance_deg: float) -> int | None:
    if not isfinite(angle_deg):
        return None
    offsets = []
    for angle in angles_deg:
        offset = (angle_deg - angle) % period_deg
        offsets.append(min(offset, period_deg - offset))
    nearest = min(range(len(offsets)), key=offsets.__getitem__)
    return nearest if offsets[nearest] <= tolerance_deg else None


def _unknown_angle(angle_deg: float, angles_deg: Sequence[float]) -> str:
    if not isfinite(angle_deg):
        return "has no analyser angle"
    return f"angle {angle_deg:g} is none of {', '.join(f'{angle:g}' for angle in angles_deg)}"
