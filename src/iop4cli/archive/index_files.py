"""Index files of astrometry.net: which are there, what they cover, and what identifies them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_HEADER_BYTES = 2880 * 4
_DIGEST_BYTES = 1 << 16
_RADIAN_ARCSEC = 206264.806


@dataclass(frozen=True)
class IndexFile:
    """Quads between two sizes (arcsec) on one tile of the sky (healpix -1: all of it)."""

    path: Path
    digest: str
    quad_lower_arcsec: float
    quad_upper_arcsec: float
    healpix: int
    nside: int

    def touches(self, ra_deg: float, dec_deg: float, radius_deg: float) -> bool:
        if self.healpix < 0 or self.nside < 1:
            return True
        centre_ra, centre_dec = _tile_centre(self.healpix, self.nside)
        # The corner of a healpix tile is at most about 1.1 of its side's root area from the middle.
        tile_radius_deg = math.degrees(math.sqrt(math.pi / 3.0)) / self.nside * 1.1
        return _separation_deg(ra_deg, dec_deg, centre_ra, centre_dec) <= radius_deg + tile_radius_deg


def index_files(folders: Iterable[Path]) -> list[IndexFile]:
    """All index files in these folders, by name; a folder that is not there holds none."""
    found: dict[str, IndexFile] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        for path in sorted(folder.glob("*.fits")):
            status = path.stat()
            described = _described(path, status.st_size, status.st_mtime_ns)
            if described is not None:
                found.setdefault(path.name, described)
    return [found[name] for name in sorted(found)]


def choose(
    files: Sequence[IndexFile],
    scale_arcsec_per_px: float,
    side_px: int,
    ra_deg: float | None,
    dec_deg: float | None,
    radius_deg: float | None,
) -> list[IndexFile]:
    """The files whose quads fit in the frame and whose tile the hint touches."""  # fmt: skip
    side_arcsec = scale_arcsec_per_px * side_px
    fitting = [f for f in files if f.quad_upper_arcsec >= 0.05 * side_arcsec and f.quad_lower_arcsec <= side_arcsec]
    if ra_deg is None or dec_deg is None or radius_deg is None:
        return fitting
    return [f for f in fitting if f.touches(ra_deg, dec_deg, radius_deg)]


@lru_cache(maxsize=4096)
def _described(path: Path, size: int, mtime_ns: int) -> IndexFile | None:
    """Read the head of the file; None for a FITS file that is no index."""
    with path.open("rb") as stream:
        head = stream.read(_DIGEST_BYTES)
        stream.seek(max(0, size - _DIGEST_BYTES))
        tail = stream.read(_DIGEST_BYTES)
    cards = _cards(head[:_HEADER_BYTES])
    if "SCALE_U" not in cards or "INDEXID" not in cards:
        return None
    digest = hashlib.sha256(path.name.encode() + str(size).encode() + head + tail).hexdigest()[:16]
    return IndexFile(
        path,
        digest,
        float(cards["SCALE_L"]) * _RADIAN_ARCSEC,
        float(cards["SCALE_U"]) * _RADIAN_ARCSEC,
        int(cards.get("HEALPIX", "-1")),
        int(cards.get("HPNSIDE", "0")),
    )


def _cards(head: bytes) -> dict[str, str]:
    cards = {}
    for start in range(0, len(head), 80):
        text = head[start : start + 80].decode("latin-1")
        if text.startswith("END "):
            break
        if text[8:10] == "= ":
            cards[text[:8].strip()] = text[10:].split("/")[0].strip().strip("'").strip()
    return cards


def _tile_centre(healpix: int, nside: int) -> tuple[float, float]:
    """Centre (ra, dec) in degrees of a tile in astrometry.net's order: base pixel, then x, then y.

    Gorski et al. 2005, ApJ 622, 759, equations 4 to 9, with (x, y) counted from the southern corner of the
    base pixel.
    """
    base, within = divmod(healpix, nside * nside)
    x, y = divmod(within, nside)
    row, column = divmod(base, 4)
    u, v = (x + 0.5) / nside, (y + 0.5) / nside
    # Height along the axis from the southernmost to the northernmost corner, in units of base pixels.
    height = u + v + {0: 0.0, 1: -1.0, 2: -2.0}[row]
    across = u - v
    if -1.0 <= height <= 1.0:
        z = height * 2.0 / 3.0
        phi = (column + (0.5 if row != 1 else 0.0)) * math.pi / 2 + across * math.pi / 4
    else:
        reach = 2.0 - abs(height)
        z = math.copysign(1.0 - reach * reach / 3.0, height)
        phi = (column + 0.5) * math.pi / 2 + (across / reach if reach > 0 else 0.0) * math.pi / 4
    return math.degrees(phi) % 360.0, math.degrees(math.asin(max(-1.0, min(1.0, z))))


def _separation_deg(ra1: float, dec1: float, ra2: float, dec2: float) -> float:
    a1, d1, a2, d2 = (math.radians(value) for value in (ra1, dec1, ra2, dec2))
    half = math.sin((d1 - d2) / 2) ** 2 + math.cos(d1) * math.cos(d2) * math.sin((a1 - a2) / 2) ** 2
    return math.degrees(2 * math.asin(math.sqrt(min(1.0, half))))
