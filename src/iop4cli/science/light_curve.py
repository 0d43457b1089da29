"""The magnitude of a variable source at a time when it was not measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Point(NamedTuple):
    """One measured magnitude; `name` tells which."""

    mjd: float
    mag: float
    mag_err: float
    name: str = ""


@dataclass(frozen=True)
class Interpolated:
    """A magnitude between measured ones, and those that it is from."""

    mag: float
    mag_err: float
    points: tuple[Point, ...]


def magnitude_at(
    mjd: float, points: Sequence[Point], within_days: float, wander_mag_per_sqrt_day: float
) -> Interpolated | None:
    """The magnitude at a time, from the nearest measurement before and the nearest after, at most so far away.

    Between two it is linear in time; with one side only it is that one's; with none None. Its error holds the
    errors of those two, weighted as they are, and what a source that walks at random by `wander_mag_per_sqrt_day`
    (rms after one day) may have done meanwhile: wander^2 t on one side, wander^2 t1 t2 / (t1 + t2) between two,
    t in days. Blazars wander 0.1 to 0.2 mag in a day in R. Wrong for flares that begin and end in between, and
    for periodic sources.
    """
    near = [point for point in points if abs(point.mjd - mjd) <= within_days]
    before = max((point for point in near if point.mjd <= mjd), key=lambda point: (point.mjd, point.name), default=None)
    after = min((point for point in near if point.mjd > mjd), key=lambda point: (point.mjd, point.name), default=None)
    if before is None or after is None:
        alone = before or after
        if alone is None:
            return None
        wander = wander_mag_per_sqrt_day**2 * abs(alone.mjd - mjd)
        return Interpolated(alone.mag, math.sqrt(alone.mag_err**2 + wander), (alone,))
    since, until = mjd - before.mjd, after.mjd - mjd
    part = since / (since + until)
    variance = ((1 - part) * before.mag_err) ** 2 + (part * after.mag_err) ** 2
    variance += wander_mag_per_sqrt_day**2 * since * until / (since + until)
    return Interpolated((1 - part) * before.mag + part * after.mag, math.sqrt(variance), (before, after))
