"""Which catalogue source a frame was pointed at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iop4cli.archive.names import NameIndex, match_object
from iop4cli.archive.source import Source, target_names


class Targets:
    """Looks up frames in a catalogue; answers are remembered, for many frames share one object."""

    def __init__(self, catalog: Mapping[str, Source]) -> None:
        self._names = NameIndex({source.name: source.other_names for source in catalog.values()})
        self._positions = {source.name: (source.ra_deg, source.dec_deg) for source in catalog.values()}
        self._targets = target_names(catalog.values())
        self._answers: dict[tuple[Any, ...], tuple[str | None, str]] = {}

    def of(self, frame: Mapping[str, Any]) -> tuple[str | None, str]:
        """(name of the source or None, what there is to say about it)."""
        asked = (frame.get("object"), frame.get("ra_deg"), frame.get("dec_deg"), field_deg(frame))
        if asked not in self._answers:
            pointing = None if asked[1] is None or asked[2] is None else (asked[1], asked[2])
            match = match_object(
                asked[0], self._names, pointing=pointing, positions=self._positions, targets=self._targets,
                field_deg=asked[3] or 0.25,
            )  # fmt: skip
            self._answers[asked] = (match.source, match.note or match.reason)
        return self._answers[asked]


def field_deg(frame: Mapping[str, Any]) -> float:
    """The longer side of the frame on the sky."""
    sides = [frame.get("width_px") or 0, frame.get("height_px") or 0]
    return float(max(sides) * (frame.get("scale_arcsec_per_px") or 0.0) / 3600.0)
