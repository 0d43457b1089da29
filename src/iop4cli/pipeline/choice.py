"""Which master serves a frame, which were passed over, and why."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
_SAME_ANGLE_DEG = 1.0
_ANOTHER_INSTRUMENT = "of another instrument"
GEOMETRY = ("width_px", "height_px", "binning_x", "binning_y", "window_x0", "window_y0")


@dataclass(frozen=True)
class Candidate:
    """A master that was looked at; `failed` is the first criterion it does not meet (empty: it would do)."""

    master: Row
    failed: str
    notes: tuple[str, ...]
    rank: tuple[float, ...]


@dataclass(frozen=True)
class Choice:
    """The master taken (or None), what is less than ideal about it, and the candidates that were looked at, best first.

    `n_others`: how many more than the first there are of this kind for this camera, looked at or not.
    """

    master: Row | None
    notes: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    n_others: int = 0

    @property
    def name(self) -> str | None:
        return None if self.master is None else str(self.master["name"])

    @property
    def key(self) -> str:
        return "none" if self.master is None else str(self.master["key"])


def choose_master(
    kind: str, frame: Row, masters: Iterable[Row], max_age_days: int, *, angle_matters: bool = True
) -> Choice:
    """The best master of a kind for a frame: same night before others, same angle before others, older on a tie.

    A flat of the same night at another angle is preferred to one of another night at the same angle: dust and
    vignetting change from night to night more than between angles. Behind a half-wave plate (`angle_matters` False)
    one flat does for all angles, though one of the same angle is still preferred.
    """
    candidates = [
        judged(kind, frame, master, max_age_days, angle_matters) for master in masters if master["kind"] == kind
    ]
    candidates = [candidate for candidate in candidates if candidate.failed != _ANOTHER_INSTRUMENT]
    return best_of(candidates, len(candidates) - 1)


def best_of(candidates: Iterable[Candidate], n_others: int) -> Choice:
    """The choice among these; `n_others`: of how many more."""
    found = sorted(candidates, key=lambda one: (bool(one.failed), one.rank, str(one.master["name"])))
    if found and not found[0].failed:
        return Choice(found[0].master, found[0].notes, tuple(found), n_others)
    return Choice(None, (), tuple(found), n_others)


def angle_matters(instrument: Any, frame: Row) -> bool:
    """Whether flats of other angles are a makeshift for this frame: behind a filter they are, behind a plate not."""
    return frame["kind"] != "light" or instrument.analyser.kind == "polarised_filter"


def why_none(kind: str, frame: Row, choice: Choice) -> str:
    """The reason that a frame has no master of a kind, with the best of those passed over."""
    wanted = f"{frame['instrument']} {geometry_text(frame)}"
    if kind == "flat":
        wanted += f" band {frame['band'] or 'none'}"
    text = f"no master {kind} for {wanted}"
    if not choice.candidates:
        return f"{text}: there is none of this instrument; take some, or fetch those of another night"
    nearest = choice.candidates[0]
    more = f" (and {choice.n_others} more)" if choice.n_others else ""
    return f"{text}: {nearest.master['name']} is passed over, {nearest.failed}{more}"


def judged(kind: str, frame: Row, master: Row, max_age_days: int, angle_matters: bool) -> Candidate:
    """Whether a master would do for a frame, and how well."""
    age_days = (as_date(master["night"]) - as_date(frame["night"])).days
    failed = _failed_criterion(kind, frame, master, age_days, max_age_days)
    notes = []
    angle_off = 0.0
    if kind == "flat" and not same_angle(frame.get("angle_deg"), master.get("angle_deg")):
        angle_off = 1.0
        if angle_matters:
            of, wanted = _angle_text(master.get("angle_deg")), _angle_text(frame.get("angle_deg"))
            notes.append(f"flat of angle {of} for {wanted}")
    if age_days:
        notes.append(
            f"{kind} of {abs(age_days)} day{'s' if abs(age_days) > 1 else ''} {'after' if age_days > 0 else 'before'}"
        )
    cut = 0.0 if geometry(master) == geometry(frame) else 1.0
    rank = (abs(age_days), angle_off, cut, 1.0 if age_days > 0 else 0.0, -float(master["n_frames"] or 0))
    return Candidate(master, failed, tuple(notes), rank)


def _failed_criterion(kind: str, frame: Row, master: Row, age_days: int, max_age_days: int) -> str:
    if master["instrument"] != frame["instrument"] or master["telescope"] != frame["telescope"]:
        return _ANOTHER_INSTRUMENT
    if window_in(master, frame) is None:
        return f"its geometry is {geometry_text(master)}"
    if kind == "flat" and master["band"] != frame["band"]:
        return f"its band is {master['band'] or 'none'}"
    if abs(age_days) > max_age_days:
        side = "after" if age_days > 0 else "before"
        return f"it was taken {abs(age_days)} days {side}, and the limit is {max_age_days}"
    if not master["accepted"]:
        return f"it was not accepted ({master['reason']})"
    return ""


def geometry(row: Row) -> tuple[Any, ...]:
    """What must agree between a frame and its masters."""
    return tuple(row[name] for name in GEOMETRY)


def window_in(master: Row, frame: Row) -> tuple[int, int] | None:
    """(x, y) of the frame's corner in a master that holds all of it, in pixels; None if it does not.

    A subframe takes its cut of the master of a larger frame with the same binning.
    """
    if (master["binning_x"], master["binning_y"]) != (frame["binning_x"], frame["binning_y"]):
        return None
    x, y = frame["window_x0"] - master["window_x0"], frame["window_y0"] - master["window_y0"]
    inside = x >= 0 and y >= 0
    inside &= x + frame["width_px"] <= master["width_px"] and y + frame["height_px"] <= master["height_px"]
    return (x, y) if inside else None


def geometry_text(row: Row) -> str:
    width, height, bin_x, bin_y, x0, y0 = geometry(row)
    window = f"+{x0}+{y0}" if x0 or y0 else ""
    return f"{width}x{height}{window} binned {bin_x}x{bin_y}"


def same_angle(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs((one - other + 90.0) % 180.0 - 90.0) < _SAME_ANGLE_DEG


def _angle_text(angle_deg: float | None) -> str:
    return "none" if angle_deg is None else f"{angle_deg:g} deg"


def as_date(value: Any) -> datetime.date:
    return value if isinstance(value, datetime.date) else datetime.date.fromisoformat(str(value))
