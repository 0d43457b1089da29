"""Which index file covers what; centres of tiles as astrometry.net itself cuts them."""

import pytest

from iop4cli.archive.index_files import choose, index_files
from iop4cli.archive.sky_tiles import tile_centre
from iop4cli.share import share_dir

# (healpix, nside, ra, dec): base tiles by definition; the others are means of the stars that astrometry.net's
# build-astrometry-index put into such a tile of a uniform sky, good to some 2 degrees.
TILES = [
    (0, 1, 45.0, 41.81, 0.01), (4, 1, 0.0, 0.0, 0.01), (11, 1, 315.0, -41.81, 0.01), (0, 2, 45.1, 20.1, 2.5),
    (3, 2, 44.7, 67.6, 2.5), (5, 2, 110.2, 43.1, 2.5), (17, 2, 337.2, -0.1, 2.5), (22, 2, 112.3, -0.2, 2.5),
    (33, 2, 20.8, -42.1, 2.5), (40, 2, 224.1, -67.8, 2.5), (47, 2, 315.3, -19.9, 2.5),
]  # fmt: skip


@pytest.mark.parametrize(("healpix", "nside", "ra", "dec", "tolerance"), TILES)
def test_centres_of_tiles(healpix, nside, ra, dec, tolerance):
    found_ra, found_dec = tile_centre(healpix, nside)
    assert (found_ra, found_dec) == (pytest.approx(ra, abs=tolerance), pytest.approx(dec, abs=tolerance))


def test_the_shipped_files_are_known_and_fit_a_field_of_13_arcmin():
    files = index_files([share_dir() / "demo" / "index"])
    assert len(files) == 3
    assert choose(files, 0.387, 2048, 330.68, 42.28, 0.33) == files
    assert choose(files, 60.0, 2048, 330.68, 42.28, 30.0) == []


def test_a_folder_that_is_not_there_or_holds_other_fits_files_has_no_index(tmp_path):
    assert index_files([tmp_path / "nowhere"]) == []
    (tmp_path / "image.fits").write_bytes(b"SIMPLE  =                    T".ljust(2880))
    assert index_files([tmp_path]) == []
