"""Where the sources of the catalogue are, laid out so that those on a frame are found among thousands."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from iop4cli.archive.source import Source
from iop4cli.science.wcs import towards


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
        cosine = math.cos(math.radians(min(1.01 * radius_deg + 0.001, 180.0)))
        return np.flatnonzero(self.directions @ towards(ra_deg, dec_deg) >= cosine)
