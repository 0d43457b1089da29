"""Whether a file is the published index file that its name says, as far as solving goes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from iop4cli.archive.index_files import IndexFile, examine
from iop4cli.archive.index_series import Published
from iop4cli.archive.index_structure import stars_of
from iop4cli.archive.sky_tiles import tile_of
from iop4cli.errors import BadFrame

# Published sizes of quads are rounded to two figures: powers of the root of 2 by up to 3 %.
_ROUNDED = 0.05
_MOST_STARS_LOOKED_AT = 1000


def check_is(wanted: Published, path: Path) -> list[str]:
    """What a file says of itself otherwise than was published, and solving does not mind.

    BadFrame for what is no index file, or one of other quads or of another part of the sky. A number (INDEXID) is
    but a name. Where the header does not say the tile, the stars do.
    """
    found = examine(path)
    if not isinstance(found, IndexFile):
        raise BadFrame(found.reason if found else "it is no index of astrometry.net")
    notices = _scale_notices(wanted, found) + _tile_notices(wanted, found)
    if found.index_id != wanted.index_id:
        number = f"index {found.index_id}" if found.index_id else "no number (INDEXID)"
        notices.append(f"its header says {number} and not index {wanted.index_id}")
    return notices


def _scale_notices(wanted: Published, found: IndexFile) -> list[str]:
    said = _arcmin(found.quad_lower_arcsec, found.quad_upper_arcsec)
    expected = _arcmin(wanted.quad_lower_arcsec, wanted.quad_upper_arcsec)
    if not wanted.is_of_scale(found):
        raise BadFrame(f"its quads are of {said} arcmin, and should be of {expected}")
    pairs = (
        (found.quad_lower_arcsec, wanted.quad_lower_arcsec),
        (found.quad_upper_arcsec, wanted.quad_upper_arcsec),
    )
    if any(abs(one - other) > _ROUNDED * other for one, other in pairs):
        return [f"its quads are of {said} arcmin, more or fewer than the {expected} that were published"]
    return []


def _tile_notices(wanted: Published, found: IndexFile) -> list[str]:
    expected = f"tile {wanted.healpix} of nside {wanted.nside}"
    if found.whole_sky and wanted.healpix >= 0:
        part = _part_in_tile(found.path, wanted)
        if not part > 0.5:
            raise BadFrame(f"its header names no tile, and {100 * part:.0f} % of its stars lie in {expected}")
        return [f"its header names no tile, though its stars lie in {expected}: it is read for every field"]
    if not wanted.lies_in(found):
        wish = expected if wanted.healpix >= 0 else "the whole sky"
        raise BadFrame(f"its header says tile {found.healpix} of nside {found.nside}, and it should be of {wish}")
    if (found.healpix, found.nside) != (wanted.healpix, wanted.nside) and not found.whole_sky:
        return [f"it is of tile {found.healpix} of nside {found.nside}, which holds {expected}"]
    return []


def _part_in_tile(path: Path, wanted: Published) -> float:
    """The part of its stars that lie in the tile; some do not, for quads reach over its edge."""
    vectors, _ = stars_of(path)
    if not len(vectors):
        return 0.0
    x, y, z = vectors[:: max(1, len(vectors) // _MOST_STARS_LOOKED_AT)].T
    ra_deg, dec_deg = np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))
    inside = [
        tile_of(float(ra), float(dec), wanted.nside) == wanted.healpix for ra, dec in zip(ra_deg, dec_deg, strict=True)
    ]
    return float(np.mean(inside))


def _arcmin(lower_arcsec: float, upper_arcsec: float) -> str:
    return f"{lower_arcsec / 60.0:.3g}-{upper_arcsec / 60.0:.3g}"
