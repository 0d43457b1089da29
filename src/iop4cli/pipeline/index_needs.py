"""Which index files cover the fields of a catalogue, and which published ones would cover those that none does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from iop4cli.archive.index_files import IndexFile, fits_frame
from iop4cli.archive.index_series import Published
from iop4cli.archive.index_structure import stars_of
from iop4cli.archive.sky_tiles import tiles_touched
from iop4cli.archive.source import Source, target_names
from iop4cli.instruments.model import Instrument

# A file of "the whole sky" may have been made from the stars of a few fields: so many must be near a field.
_FEWEST_STARS = 4
# A sample of a large file's stars is this much thinner than the file: one of them must be so near.
_SAMPLE_REACH_DEG = 10.0


@dataclass(frozen=True)
class Field:
    """A target in an instrument's whole frame, and how far from the target the solver looks for it."""

    source: str
    instrument: str
    ra_deg: float
    dec_deg: float
    side_arcsec: float
    radius_deg: float


@dataclass(frozen=True)
class Need:
    """A published file, and the targets for which nothing here does its work."""

    file: Published
    sources: tuple[str, ...]


def fields_of(sources: Sequence[Source], instruments: Iterable[Instrument]) -> list[Field]:
    """Every target in every instrument; calibrators lie in the fields of their targets.

    The side is the shorter one, as the step solve has it. Subframes are smaller and are not thought of here.
    """
    targets = target_names(sources)
    found = []
    for source in sources:
        for instrument in instruments if source.name in targets else ():
            detector = instrument.detector
            side_arcsec = min(detector.width_px, detector.height_px) * detector.scale_arcsec_per_px
            radius_deg = instrument.astrometry.position_radius_fields * detector.field_arcmin / 60.0
            found.append(
                Field(source.name, instrument.name, source.ra_deg, source.dec_deg, side_arcsec, radius_deg)
            )  # fmt: skip
    return found


def coverage(fields: Sequence[Field], files: Sequence[IndexFile]) -> dict[Field, list[IndexFile]]:
    """The files of use for each field: quads that fit, the right part of the sky, and stars there."""
    found: dict[Field, list[IndexFile]] = {field: [] for field in fields}
    for file in files:
        asked = [
            field
            for field in fields
            if fits_frame(file.quad_lower_arcsec, file.quad_upper_arcsec, field.side_arcsec)
            and file.touches(field.ra_deg, field.dec_deg, field.radius_deg)
        ]
        for field, there in zip(asked, _has_stars(file, asked), strict=True):
            if there:
                found[field].append(file)
    return found


def needs(covered: dict[Field, list[IndexFile]], files: Sequence[Published]) -> list[Need]:
    """The published files whose work no file here does, by name; of two series with a scale the first is taken."""
    by_scale: dict[int, dict[int, Published]] = {}
    for file in files:
        kept = by_scale.setdefault(file.scale, {})
        if all(other.series == file.series for other in kept.values()):
            kept[file.healpix] = file
    wanted: dict[Published, dict[str, None]] = {}
    for field, here in covered.items():
        for tiles in by_scale.values():
            one = next(iter(tiles.values()))
            if not one.fits(field.side_arcsec):
                continue
            touched = tiles_touched(field.ra_deg, field.dec_deg, field.radius_deg, one.nside) if one.nside else {-1}
            for file in (tiles[tile] for tile in touched if tile in tiles):
                if not any(file.replaced_by(other) for other in here):
                    wanted.setdefault(file, {})[field.source] = None
    return [Need(file, tuple(names)) for file, names in sorted(wanted.items())]


def _has_stars(file: IndexFile, fields: Sequence[Field]) -> list[bool]:
    """Whether a file has stars near each field; those of one tile have, for they are published."""
    if not file.whole_sky or not fields:
        return [True] * len(fields)
    stars, all_of_them = stars_of(file.path)
    ra, dec = (np.radians([getattr(field, name) for field in fields]) for name in ("ra_deg", "dec_deg"))
    middles = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)
    reach_deg = [field.radius_deg if all_of_them else _SAMPLE_REACH_DEG for field in fields]
    near = stars @ middles.T >= np.cos(np.radians(reach_deg))
    return list(near.sum(axis=0) >= (_FEWEST_STARS if all_of_them else 1))
