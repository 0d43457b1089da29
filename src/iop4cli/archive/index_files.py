"""Index files of astrometry.net: which are there, what they cover, and what identifies them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from iop4cli.archive.index_structure import check_tables, units_of
from iop4cli.archive.sky_tiles import tile_centre, tiles_touched
from iop4cli.errors import BadFrame

_DIGEST_BYTES = 1 << 16
_RADIAN_ARCSEC = 206264.806
# Quads smaller than this part of the frame's side are of stars too faint and too close to be found on it.
_SMALLEST_QUAD = 0.05


@dataclass(frozen=True)
class IndexFile:
    """Quads between two sizes (arcsec) on one tile of the sky (healpix -1: all of it); index_id 0: it says none."""

    path: Path
    digest: str
    quad_lower_arcsec: float
    quad_upper_arcsec: float
    healpix: int
    nside: int
    index_id: int
    size_bytes: int

    @property
    def whole_sky(self) -> bool:
        return self.healpix < 0 or self.nside < 1

    @property
    def centre(self) -> tuple[float, float] | None:
        """The middle (ra, dec) of its tile in degrees."""
        return None if self.whole_sky else tile_centre(self.healpix, self.nside)

    def touches(self, ra_deg: float, dec_deg: float, radius_deg: float) -> bool:
        return self.whole_sky or self.healpix in tiles_touched(ra_deg, dec_deg, radius_deg, self.nside)


@dataclass(frozen=True)
class BrokenIndex:
    """What was meant to be an index file and cannot be used, with the reason."""

    path: Path
    reason: str


def index_files(folders: Iterable[Path]) -> list[IndexFile]:
    """All usable index files in these folders, by name; a folder that is not there holds none."""
    found: dict[str, IndexFile] = {}
    for one in examined(folders):
        if isinstance(one, IndexFile):
            found.setdefault(one.path.name, one)
    return [found[name] for name in sorted(found)]


def examined(folders: Iterable[Path]) -> Iterator[IndexFile | BrokenIndex]:
    """All index files in these folders, those of the same name and the broken ones too."""
    for folder in folders:
        if folder.is_dir():
            for path in sorted(folder.glob("*.fits")):
                described = examine(path)
                if described is not None:
                    yield described


def examine(path: Path) -> IndexFile | BrokenIndex | None:
    """What a file is; None for a FITS file that is no index."""
    try:
        status = path.stat()
        return _described(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        return BrokenIndex(path, f"cannot be read: {error.strerror or error}")


def fits_frame(quad_lower_arcsec: float, quad_upper_arcsec: float, side_arcsec: float) -> bool:
    """Whether quads of these sizes are of use on a frame of this side."""
    return quad_upper_arcsec >= _SMALLEST_QUAD * side_arcsec and quad_lower_arcsec <= side_arcsec


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
    fitting = [f for f in files if fits_frame(f.quad_lower_arcsec, f.quad_upper_arcsec, side_arcsec)]
    if ra_deg is None or dec_deg is None or radius_deg is None:
        return fitting
    return [f for f in fitting if f.touches(ra_deg, dec_deg, radius_deg)]


@lru_cache(maxsize=4096)
def _described(path: Path, size: int, mtime_ns: int) -> IndexFile | BrokenIndex | None:
    """Read headers, and as much of the file as tells it from others; `mtime_ns` is for the cache."""
    named_so = path.name.startswith("index-")
    with path.open("rb") as stream:
        head = stream.read(_DIGEST_BYTES)
        if not named_so and not any(word in head for word in (b"INDEXID =", b"SCALE_U =")):
            return None
        stream.seek(max(0, size - _DIGEST_BYTES))
        tail = stream.read(_DIGEST_BYTES)
    try:
        units = units_of(path)
        cards = units[0].cards
        if "SCALE_U" not in cards or "SCALE_L" not in cards:
            raise BadFrame("it says no SCALE_L and SCALE_U: no index of astrometry.net")
        check_tables(units)
        digest = hashlib.sha256(path.name.encode() + str(size).encode() + head + tail).hexdigest()[:16]
        return IndexFile(
            path,
            digest,
            float(cards["SCALE_L"]) * _RADIAN_ARCSEC,
            float(cards["SCALE_U"]) * _RADIAN_ARCSEC,
            int(cards.get("HEALPIX", "-1")),
            int(cards.get("HPNSIDE", "0")),
            int(cards.get("INDEXID", "0")),
            size,
        )
    except BadFrame as error:
        return BrokenIndex(path, str(error))
    except (KeyError, ValueError) as error:
        return BrokenIndex(path, f"its header is not that of an index: {error}")
