"""The masters of an archive laid out so that the one for a frame is found among thousands."""

from __future__ import annotations

import datetime
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from iop4cli.pipeline.choice import GEOMETRY, Choice, Row, as_date, best_of, judged

# What of a frame tells which master it has.
_asked_of = itemgetter("telescope", "instrument", "night", "band", "angle_deg", *GEOMETRY)
_Camera = tuple[str, str, str]


class Shelf:
    """Masters laid out by kind, camera and night: the same choices as `choose_master` makes, with a look at few.

    `near` are all masters that any of the frames in question may have by their age; `everything` is asked for the
    whole archive's only where none of them serves, to say which comes nearest.
    """

    def __init__(self, near: Iterable[Row], everything: Callable[[], Iterable[Row]]) -> None:
        self._near, self._everything = _Nights.by_camera(near), everything
        self._all: dict[_Camera, _Nights] | None = None
        self._made: dict[tuple[Any, ...], Choice] = {}

    def choose(self, kind: str, frame: Row, max_age_days: int, *, angle_matters: bool = True) -> Choice:
        asked = (kind, _asked_of(frame), max_age_days, angle_matters)
        if asked not in self._made:
            self._made[asked] = self._chosen(kind, frame, max_age_days, angle_matters)
        return self._made[asked]

    def _chosen(self, kind: str, frame: Row, max_age_days: int, angle_matters: bool) -> Choice:
        camera = (kind, frame["telescope"], frame["instrument"])
        night = as_date(frame["night"])
        for masters in self._near.get(camera, _Nights()).outwards(night, max_age_days):
            found = best_of((judged(kind, frame, one, max_age_days, angle_matters) for one in masters), 0)
            if found.master is not None:
                return found
        if self._all is None:
            self._all = _Nights.by_camera(self._everything())
        shelf = self._all.get(camera, _Nights())
        nearest = next(shelf.outwards(night, None), ())
        return best_of((judged(kind, frame, one, max_age_days, angle_matters) for one in nearest), shelf.n_masters - 1)


@dataclass
class _Nights:
    """The masters of one kind and camera by night."""

    masters: dict[datetime.date, list[Row]] = field(default_factory=dict)
    nights: list[datetime.date] = field(default_factory=list)

    @classmethod
    def by_camera(cls, masters: Iterable[Row]) -> dict[_Camera, _Nights]:
        found: dict[_Camera, _Nights] = {}
        for master in masters:
            camera = (master["kind"], master["telescope"], master["instrument"])
            found.setdefault(camera, cls()).masters.setdefault(as_date(master["night"]), []).append(master)
        for one in found.values():
            one.nights = sorted(one.masters)
        return found

    @property
    def n_masters(self) -> int:
        return sum(len(masters) for masters in self.masters.values())

    def outwards(self, night: datetime.date, max_age_days: int | None) -> Iterator[Sequence[Row]]:
        """The masters of each age, of nights before and after together, the nearest first."""
        after = bisect_left(self.nights, night)
        before = after - 1
        while True:
            ages = []
            if before >= 0:
                ages.append((night - self.nights[before]).days)
            if after < len(self.nights):
                ages.append((self.nights[after] - night).days)
            if not ages or (max_age_days is not None and min(ages) > max_age_days):
                return
            age, masters = datetime.timedelta(min(ages)), []
            if before >= 0 and night - self.nights[before] == age:
                masters += self.masters[self.nights[before]]
                before -= 1
            if after < len(self.nights) and self.nights[after] - night == age:
                masters += self.masters[self.nights[after]]
                after += 1
            yield masters
