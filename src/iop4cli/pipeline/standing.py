"""Which masters are good enough to be used: each beside the last good one of its kind, and what people say."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iop4cli.pipeline.choice import Row, as_date, geometry

if TYPE_CHECKING:
    from iop4cli.science.master_checks import Change, Shape

# The word of people on a master, in the table `override`.
FIELD = "accepted"


@dataclass(frozen=True)
class Standing:
    """Whether a master may be used, why not, what it was compared with, and how it differs from that."""

    accepted: bool
    reason: str | None = None
    compared_with: str | None = None
    change: Change | None = None
    note: str | None = None


def standings(
    masters: Iterable[Row],
    structures: Mapping[str, Row],
    said: Mapping[str, Row],
    limits: Mapping[str, Any],
    since: Mapping[str, datetime.date] | None = None,
) -> dict[str, Standing]:
    """The standing of each master that was made, by name: the same for the same masters, in whatever order they came.

    Each is compared with the last accepted one before it of the same camera, geometry, band and angle, unless that
    is more than `compare_days` older. Once two nights running differ from what was before but agree with one
    another it is the camera that has changed, and both are accepted. What people say comes first.
    """
    series: dict[tuple[Any, ...], list[Row]] = {}
    for master in masters:
        if master["path"]:
            series.setdefault(series_of(master), []).append(master)
    found: dict[str, Standing] = {}
    for members in series.values():
        members.sort(key=lambda row: (as_date(row["night"]), str(row["name"])))
        first = None if since is None else since.get(members[0]["telescope"], datetime.date.max)
        found |= _in_series(members, structures, said, limits, first)
    return found


def series_of(master: Row) -> tuple[Any, ...]:
    """What masters that can be compared have in common."""
    angle_deg = master["angle_deg"]
    angle = None if angle_deg is None else round(float(angle_deg)) % 180
    return (master["kind"], master["telescope"], master["instrument"], master["band"], angle, geometry(master))


def _in_series(
    members: Sequence[Row],
    structures: Mapping[str, Row],
    said: Mapping[str, Row],
    limits: Mapping[str, Any],
    first: datetime.date | None,
) -> dict[str, Standing]:
    from iop4cli.science.master_checks import failed_criterion

    found: dict[str, Standing] = {}
    last_good: Row | None = None
    suspect: Row | None = None
    for master in members:
        name = str(master["name"])
        if first is not None and as_date(master["night"]) < first:
            found[name] = Standing(bool(master["accepted"]), master["reason"])
            if master["accepted"]:
                last_good, suspect = master, None
            elif name not in said:
                suspect = master
            continue
        against = _near(last_good, master, limits)
        difference = _change(master, against, structures)
        compared = None if against is None or difference is None else str(against["name"])
        word = said.get(name)
        if word is not None:
            accepted = word["value"] == "yes"
            reason = None if accepted else f"rejected by {word['who']}"
            note = f"accepted by {word['who']}" if accepted else None
            found[name] = Standing(accepted, reason, compared, difference, note)
            last_good, suspect = (master, None) if accepted else (last_good, suspect)
            continue
        failed = "" if difference is None else failed_criterion(master["kind"], difference, limits)
        if not failed:
            found[name] = Standing(True, None, compared, difference)
            last_good, suspect = master, None
            continue
        earlier = _near(suspect, master, limits)
        again = _change(master, earlier, structures)
        if earlier is not None and again is not None and not failed_criterion(master["kind"], again, limits):
            note = f"it differs from {compared}, but as the night beside it does: the camera has changed"
            for one in (str(earlier["name"]), name):
                found[one] = Standing(True, None, compared, found[one].change if one != name else difference, note)
            last_good, suspect = master, None
            continue
        found[name] = Standing(False, f"{failed} {compared}, the last good one", compared, difference)
        suspect = master
    return found


def _near(other: Row | None, master: Row, limits: Mapping[str, Any]) -> Row | None:
    """The other, unless it is too old; of the same night nothing is confirmed."""
    if other is None:
        return None
    age_days = (as_date(master["night"]) - as_date(other["night"])).days
    return other if 0 < age_days <= limits["compare_days"] else None


def _change(master: Row, other: Row | None, structures: Mapping[str, Row]) -> Change | None:
    from iop4cli.science.master_checks import change

    if other is None:
        return None
    shapes = [_shape(row, structures.get(str(row["name"]))) for row in (master, other)]
    return None if shapes[0] is None or shapes[1] is None else change(shapes[0], shapes[1])


def _shape(master: Row, structure: Row | None) -> Shape | None:
    import numpy as np

    from iop4cli.science.master_checks import Shape

    if structure is None or master["level"] is None or master["scatter"] is None:
        return None
    cells = np.array(structure["cells"], float)
    return Shape(master["kind"], master["level"], master["scatter"], cells, structure["cell_noise"])
