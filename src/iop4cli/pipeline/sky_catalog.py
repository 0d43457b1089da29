"""Where the sources of the catalogue are, laid out so that those on a frame are found among thousands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from iop4cli.archive.source import Source
from iop4cli.pipeline.solutions import wcs_of
from iop4cli.science.wcs import towards

# Frames are compared with sources in pieces whose table of all pairs fits into the processor's cache.
_PAIRS_AT_ONCE = 1 << 20
_OF_SOLUTION = (
    "ra_deg", "dec_deg", "radius_deg", "crval1", "crval2", "crpix1", "crpix2", "cd1_1", "cd1_2", "cd2_1", "cd2_2",
)  # fmt: skip


@dataclass(frozen=True)
class SkyCatalog:
    """Sources by name; right ascension and declination in degrees (n,), unit vectors towards them (n, 3)."""

    sources: tuple[Source, ...]
    ra_deg: np.ndarray
    dec_deg: np.ndarray
    directions: np.ndarray

    @classmethod
    def of(cls, sources: Iterable[Source]) -> SkyCatalog:
        by_name = tuple(sorted(sources, key=lambda source: source.name))
        ra, dec = (np.array([getattr(source, name) for source in by_name], float) for name in ("ra_deg", "dec_deg"))
        return cls(by_name, ra, dec, towards(ra, dec))

    def near(self, ra_deg: float, dec_deg: float, radius_deg: float) -> np.ndarray:
        """Numbers of the sources within a circle, and perhaps of a few within a hundredth more."""
        return np.flatnonzero(self.directions @ towards(ra_deg, dec_deg) >= np.cos(_reach(radius_deg)))

    def on_frames(self, frames: Sequence[tuple[Mapping[str, Any], float, float]]) -> list[tuple[int, ...]]:
        """Numbers of the sources on each frame; a frame is its row of `wcs`, its width and its height in pixels."""
        found: list[list[int]] = [[] for _ in frames]
        at_once = max(1, _PAIRS_AT_ONCE // max(1, len(self.sources)))
        for start in range(0, len(frames) if self.sources else 0, at_once):
            piece = frames[start : start + at_once]
            columns = {name: np.array([row[name] for row, _, _ in piece], float) for name in _OF_SOLUTION}
            cosines = towards(columns["ra_deg"], columns["dec_deg"]) @ self.directions.T
            frame, source = np.nonzero(cosines >= np.cos(_reach(columns["radius_deg"]))[:, None])
            wcs = wcs_of({name: column[frame] for name, column in columns.items()})
            x, y = wcs.to_pixel(self.ra_deg[source], self.dec_deg[source])
            width, height = np.array([sides for _, *sides in piece], float)[frame].T
            inside = (x > 0) & (x < width - 1) & (y > 0) & (y < height - 1)
            for number, which in zip(frame[inside].tolist(), source[inside].tolist(), strict=True):
                found[start + number].append(which)
        return [tuple(numbers) for numbers in found]


def _reach(radius_deg: Any) -> Any:
    """A circle's radius in radians with a hundredth more."""
    return np.radians(np.minimum(1.01 * radius_deg + 0.001, 180.0))
