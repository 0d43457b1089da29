"""Which input or parameter made a result another one: what went into it, compared part by part with what had before.

The key of an item covers all that it rests on, so only where two keys differ is there anything to look for. A part that
holds another item's key leads on to that item; any other part that differs is a cause.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, order=True)
class Cause:
    """A parameter or input that is not what it was; `item` is the frame or master it belongs to, if it is of one.

    What is `derived` follows from other things, and counts only where nothing else is found.
    """

    text: str
    item: str = ""
    derived: bool = False

    def __str__(self) -> str:
        return f"{self.text} ({self.item})" if self.item else self.text


RAW_FRAME, CALIBRATION = "raw frame", "calibration"
# Parts that hold the key of the same frame's item of another step.
_LEADS_TO = {"solution": "solve", "reduced frame": "reduce", "by index files": "solve", "by field": "solve"}
# Parts that follow from other ones.
_DERIVED = {"FWHM", "reference", "group", "frames", "results", "exposures", "magnitudes", "magnitudes of other nights"}
# Parts from the frame's header: what people overrode may have changed them.
_OF_HEADER = {"exposure", "window", "frame", "target", "hints"}
_SAID = {
    "positions": "positions in the catalogue",
    "detector": "detector in the instrument's file",
    "analyser": "analyser in the instrument's file",
    "site": "site in the instrument's file",
    "photometric systems": "photometric system in the instrument's file",
    "twin": "another frame of the same time",
    "magnitudes": "magnitudes in the catalogue",
    "frames": "apertures of its frames",
    "group": "other frames of the group",
    "FWHM": "seeing",
    "results": "other results of the night",
}
_HASH = re.compile(r"[0-9a-f]{12,}")
_LONGEST_VALUE = 40


class Versions:
    """What steps did with items, now and before, of one archive: rows of archive.moments.item_versions."""

    def __init__(self, rows: Iterable[Row], software: Mapping[str, str]) -> None:
        self._of: dict[tuple[str, str], list[Row]] = {}
        self._by_key: dict[tuple[str, str], Row] = {}
        self.software = software
        for row in rows:
            self._of.setdefault((row["step"], row["name"]), []).append(row)
            self._by_key[(row["step"], row["key"])] = row

    def at(self, step: str, name: str, time_utc: datetime | None) -> Row | None:
        """The one that stood at a time (None: now)."""
        for row in self._of.get((step, name), ()):
            if row["replaced"] is None or (time_utc is not None and row["replaced"] > time_utc):
                return row
        return None

    def with_key(self, step: str, key: str | None) -> Row | None:
        return self._by_key.get((step, key)) if key else None


@dataclass(frozen=True)
class Side:
    """One of the two that are compared."""

    versions: Versions
    time_utc: datetime | None


class Causes:
    """Finds causes between two sides; what two items differ in is found once."""

    def __init__(self, before: Side, after: Side) -> None:
        self.before, self.after = before, after
        self._found: dict[tuple[str, str, str, str], frozenset[Cause]] = {}

    def of(self, step: str, name: str, frames: Sequence[str] = ()) -> list[Cause]:
        """Why the item of a step is another one; `frames` are those of a polarimetric group."""
        before = self.before.versions.at(step, name, self.before.time_utc)
        after = self.after.versions.at(step, name, self.after.time_utc)
        if before is None or after is None:
            return []
        found = set(self._between(before, after))
        if step == "pol":
            for frame in frames:
                # A group's key has the keys of its frames in it, but not so that they could be read from it.
                mine = self.before.versions.at("phot", frame, before["updated"])
                other = self.after.versions.at("phot", frame, after["updated"])
                if mine is not None and other is not None:
                    found |= self._between(mine, other)
        found |= self._software(before, after)
        return sorted(found)

    def _software(self, before: Row, after: Row) -> set[Cause]:
        versions = (self.before.versions.software.get(before["run"]), self.after.versions.software.get(after["run"]))
        known = None not in versions and versions[0] != versions[1]
        return {Cause(f"iop4 {versions[0]} -> {versions[1]}")} if known else set()

    def _between(self, before: Row, after: Row) -> frozenset[Cause]:
        if before["key"] == after["key"]:
            return frozenset()
        asked = (str(before["step"]), str(before["name"]), str(before["key"]), str(after["key"]))
        if asked not in self._found:
            self._found[asked] = frozenset()  # an item cannot rest on itself; a broken store shall not loop
            self._found[asked] = frozenset(self._differences(before, after))
        return self._found[asked]

    def _differences(self, before: Row, after: Row) -> Iterable[Cause]:
        was, now = _parts(before), _parts(after)
        step, name = str(before["step"]), str(before["name"])
        for part in {**was, **now}:
            old, new = was.get(part), now.get(part)
            if old == new:
                continue
            if part in _LEADS_TO and old and new:
                yield from self._follow(_LEADS_TO[part], old, new)
            elif step == "reduce" and part.startswith("master ") and old and new:
                yield from self._masters(part, old, new)
            elif step == "mkmaster" and part in {"bias", "dark", "flat"} and old and new:
                yield from self._follow("mkmaster", old, new)
            elif step == "mkmaster" and part == "frames":
                yield Cause(f"frames of a master: {_more_and_fewer(old, new)}", name)
            elif part in _OF_HEADER:
                yield from self._header(step, part, name, before, after)
            elif part == "raw frame":
                yield Cause(f"{RAW_FRAME} is another one", name)
            else:
                yield Cause(_said(step, part, old, new), derived=part in _DERIVED)

    def _follow(self, step: str, old: str, new: str) -> frozenset[Cause]:
        before, after = self.before.versions.with_key(step, old), self.after.versions.with_key(step, new)
        if before is None or after is None:
            return frozenset([Cause(f"{step} is not on record any more", derived=True)])
        return self._between(before, after)

    def _masters(self, part: str, old: str, new: str) -> Iterable[Cause]:
        """`NAME KEY`: the same master made otherwise, or another one chosen."""
        (name, _, key), (other, _, other_key) = old.rpartition(" "), new.rpartition(" ")
        if name != other:
            return [Cause(f"{part} {name} -> {other}")]
        return self._follow("mkmaster", key, other_key)

    def _header(self, step: str, part: str, name: str, before: Row, after: Row) -> Iterable[Cause]:
        mine = self.before.versions.at("classify", name, before["updated"])
        other = self.after.versions.at("classify", name, after["updated"])
        if mine is not None and other is not None:
            was, now = _parts(mine), _parts(other)
            if was.get("override") != now.get("override"):
                return [Cause("header as people overrode it", name)]
            if was.get("target") != now.get("target"):
                return [Cause(f"target {was.get('target')} -> {now.get('target')}")]
        return [Cause(f"{step}: {part} from the header", derived=part == "hints")]


def _parts(item: Row) -> dict[str, str]:
    parts: dict[str, str] = json.loads(item["parts"] or "{}")
    return parts


def _said(step: str, part: str, old: str | None, new: str | None) -> str:
    """A part of a key in words, with its values where a person can read them."""
    if part == "step":
        return f"version of the step: {old} -> {new}"
    if part.startswith("parameter "):
        return f"{step}.{part.removeprefix('parameter ')} {_value(old)} -> {_value(new)}"
    if part in _SAID:
        return _SAID[part]
    readable = old and new and not any(_HASH.search(text) or len(text) > _LONGEST_VALUE for text in (old, new))
    return f"{part} {old} -> {new}" if readable else part


def _value(said: str | None) -> str:
    """A parameter as people write it."""
    if said is None:
        return "none"
    try:
        value = json.loads(said)
    except ValueError:
        return said
    return value if isinstance(value, str) else said


def _more_and_fewer(old: str | None, new: str | None) -> str:
    before, after = set((old or "").split()), set((new or "").split())
    return f"{len(after - before)} more, {len(before - after)} fewer"
