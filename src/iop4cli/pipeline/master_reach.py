"""How far in time masters matter: what a plan of some nights must see of the others' masters."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iop4cli.archive.people import quoted

if TYPE_CHECKING:
    from iop4cli.pipeline.view import View


@dataclass(frozen=True)
class MasterReach:
    """The nights in view by telescope (None: all), and how many days apart a master and what it matters to may be."""

    nights: Mapping[str, Sequence[datetime.date]] | None
    days: int

    @classmethod
    def of(cls, view: View) -> MasterReach:
        if view.nights is None:
            return cls(None, 0)
        found: dict[str, list[datetime.date]] = {}
        for epoch in sorted(view.nights):
            telescope, night = epoch.split("/", 1)
            found.setdefault(telescope, []).append(datetime.date.fromisoformat(night))
        return cls(found, _days(view))

    @property
    def first_nights(self) -> dict[str, datetime.date] | None:
        return None if self.nights is None else {telescope: nights[0] for telescope, nights in self.nights.items()}

    def condition(self) -> str:
        """` where ...` for masters that a frame of these nights may have, or that one of theirs is judged by."""
        if self.nights is None:
            return ""
        reach = datetime.timedelta(days=self.days)
        spans = [
            f"telescope = {quoted(telescope)} and night between date '{first - reach}' and date '{last + reach}'"
            for telescope, nights in self.nights.items()
            for first, last in _spans(nights, 2 * reach)
        ]
        return " where " + (" or ".join(spans) or "false")


def _days(view: View) -> int:
    """The longest of all instruments, by the parameters in force."""
    from iop4cli.pipeline.steps import step_named

    limits = (("reduce", "max_age_days"), ("mkmaster", "max_age_days"), ("mkmaster", "compare_days"))
    return max(
        int(view.parameters(step_named(step), instrument)[name])
        for step, name in limits
        for instrument in (None, *view.surroundings.registry.instruments)
    )


def _spans(nights: Sequence[datetime.date], gap: datetime.timedelta) -> Iterator[tuple[datetime.date, datetime.date]]:
    """First and last of each run of nights without a longer gap; the nights are sorted."""
    first = last = nights[0]
    for night in nights[1:]:
        if night - last > gap:
            yield first, last
            first = night
        last = night
    yield first, last
