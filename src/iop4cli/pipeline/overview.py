"""What `iop4 status` tells: each night's counts and what went wrong, for all frames or those that are chosen."""

from __future__ import annotations

from collections import Counter
from typing import Any

from iop4cli.archive.queries import empty_night, night_rows, trouble_rows
from iop4cli.archive.selection import Selection, frames_selected
from iop4cli.pipeline.arrivals import raw_names
from iop4cli.pipeline.step import night_of
from iop4cli.pipeline.view import View


class Chosen:
    """The frames and other items that a selection means; None stands for all of them."""

    def __init__(self, view: View, selection: Selection) -> None:
        self.raw = set(raw_names(view.layout.raw, view.nights))
        self.frames: set[str] | None = None
        self.nights: set[str] | None = None
        self.named: set[str] = set()
        if selection.everything:
            self._waiting = self.raw - {row["name"] for row in view.store.rows("select name from frame")}
            return
        self._waiting = self.raw - set(view.frames)
        known = self.raw | set(view.frames)
        self.frames = frames_selected(selection, view.store, view.frames, known, view.surroundings.registry)
        if selection.whole_nights:
            self.nights = {night_of(name) for name in self.frames}
        if selection.names and all(name.rstrip("/").count("/") > 1 for name in selection.names):
            self.named = self.frames

    def unclassified(self) -> list[str]:
        return sorted(self._waiting if self.frames is None else self._waiting & self.frames)

    def has(self, item: str, groups: dict[str, set[str]]) -> bool:
        if self.frames is None or item in self.frames:
            return True
        if self.nights is not None:
            return night_of(item) in self.nights
        return bool(groups.get(item, set()) & self.frames)


def night_counts(view: View, chosen: Chosen) -> list[dict[str, Any]]:
    """A row for each night, in time: frames, what each step has done, results, problems, unclassified files."""
    rows = night_rows(view.store, chosen.frames, chosen.nights)
    waiting = Counter(map(night_of, chosen.unclassified()))
    rows += [empty_night(name) for name in sorted(waiting.keys() - {row["name"] for row in rows})]
    rows.sort(key=lambda row: (row["name"].split("/")[1], row["name"]))
    for row in rows:
        row["unclassified"] = waiting[row["name"]]
    return rows


def troubles(view: View, chosen: Chosen) -> list[dict[str, Any]]:
    """What failed, is impossible, blocked or flawed, with step and reason."""
    groups: dict[str, set[str]] = {}
    if chosen.frames is not None and chosen.nights is None:
        for row in view.store.rows("select distinct origin, input from measurement_input where role like 'frame%'"):
            groups.setdefault(row["origin"], set()).add(row["input"])
    return [row for row in trouble_rows(view.store) if chosen.has(row["name"], groups)]
