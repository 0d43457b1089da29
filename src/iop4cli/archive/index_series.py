"""The index files that astrometry.net publishes, as share/index/astrometry_net.toml has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from iop4cli import strict_toml
from iop4cli.archive.index_files import IndexFile, fits_frame
from iop4cli.archive.sky_tiles import tiles_touched
from iop4cli.errors import UsageError
from iop4cli.nearest import did_you_mean
from iop4cli.share import share_dir


@dataclass(frozen=True)
class Scale:
    """Files of one size of quads: one for each tile, or (nside 0) one of the whole sky."""

    number: int
    lower_arcmin: float
    upper_arcmin: float
    nside: int
    size_bytes: tuple[int, ...]

    def __post_init__(self) -> None:
        n_files = 12 * self.nside**2 or 1
        if len(self.size_bytes) != n_files:
            raise ValueError(f"size_bytes: must be {n_files} numbers, not {len(self.size_bytes)}")


@dataclass(frozen=True)
class Series:
    """Files made from one star catalogue; `url` is the folder that they are published in."""

    name: str
    catalogue: str
    url: str
    scales: tuple[Scale, ...]


@dataclass(frozen=True)
class _Publication:
    series: tuple[Series, ...]


@dataclass(frozen=True, order=True)
class Published:
    """One published file; healpix -1: all of the sky."""

    name: str
    series: str
    scale: int
    quad_lower_arcsec: float
    quad_upper_arcsec: float
    healpix: int
    nside: int
    size_bytes: int

    @property
    def index_id(self) -> int:
        return int(self.series[:2]) * 100 + self.scale

    def fits(self, side_arcsec: float) -> bool:
        return fits_frame(self.quad_lower_arcsec, self.quad_upper_arcsec, side_arcsec)

    def touches(self, ra_deg: float, dec_deg: float, radius_deg: float) -> bool:
        return self.healpix < 0 or self.healpix in tiles_touched(ra_deg, dec_deg, radius_deg, self.nside)

    def replaced_by(self, file: IndexFile) -> bool:
        """Whether a file has quads of these sizes of the same tile, or of one around it, whatever its series."""
        if file.path.name == self.name:
            return True
        return self.is_of_scale(file) and self.lies_in(file)

    def lies_in(self, file: IndexFile) -> bool:
        """Whether the part of the sky that a file's header names holds that of this one."""
        if file.whole_sky or self.healpix < 0:
            return file.whole_sky
        parts, rest = divmod(self.nside, file.nside)
        return rest == 0 and _containing(self.healpix, self.nside, parts) == file.healpix

    def is_of_scale(self, file: IndexFile) -> bool:
        """Whether the middle of its sizes is one of the file's."""
        middle_arcsec = (self.quad_lower_arcsec * self.quad_upper_arcsec) ** 0.5
        return file.quad_lower_arcsec <= middle_arcsec <= file.quad_upper_arcsec

    def address(self, mirror: str) -> str:
        """Its whole address: where its series is published, or (if one is given) in a mirror's folder of the series."""
        folder = f"{mirror.rstrip('/')}/{self.series}" if mirror else known_series()[self.series].url.rstrip("/")
        return f"{folder}/{self.name}"


def _containing(tile: int, nside: int, parts: int) -> int:
    """The tile of nside / parts that holds a tile."""
    base, within = divmod(tile, nside * nside)
    x, y = divmod(within, nside)
    coarse = nside // parts
    return (base * coarse + x // parts) * coarse + y // parts


@cache
def known_series() -> dict[str, Series]:
    path = share_dir() / "index" / "astrometry_net.toml"
    return {one.name: one for one in strict_toml.build(strict_toml.read(path), _Publication).series}


def published(names: Sequence[str]) -> list[Published]:
    """All files of these series."""
    known = known_series()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"there is no series {unknown[0]!r} of index files{did_you_mean(unknown[0], known)}")
    return [file for name in names for scale in known[name].scales for file in _files(name, scale)]


def _files(series: str, scale: Scale) -> Iterator[Published]:
    for tile, size in enumerate(scale.size_bytes):
        stem = f"index-{series[:2]}{scale.number:02d}"
        name = f"{stem}-{tile:02d}.fits" if scale.nside else f"{stem}.fits"
        yield Published(
            name, series, scale.number, 60.0 * scale.lower_arcmin, 60.0 * scale.upper_arcmin,
            tile if scale.nside else -1, scale.nside, size,
        )  # fmt: skip
