"""Which differences between a file and its name solving minds, and which are only of names."""

from pathlib import Path

import numpy as np
import pytest

from iop4cli.archive.index_identity import check_is
from iop4cli.archive.index_series import Published, published
from iop4cli.archive.index_structure import stars_of, units_of
from iop4cli.archive.sky_tiles import tile_of
from iop4cli.errors import BadFrame
from tests.index_samples import RADIAN_ARCMIN, index_bytes, write_index

NAME = "index-5204-14.fits"  # quads of 8 to 11 arcmin, tile 14 of nside 2


def wanted(name: str = NAME) -> Published:
    return next(file for file in published(["5200", "4100"]) if file.name == name)


def without(content: bytes, *keywords: str) -> bytes:
    for keyword in keywords:
        content = content.replace(f"{keyword:8s}=".encode(), b"COMMENT  ", 1)
    return content


def only_stars_of_tile(path: Path, tile: int) -> None:
    """Every star that lies elsewhere becomes one of those of the tile."""
    unit = next(unit for unit in units_of(path) if unit.name == "kdtree_data_stars")
    vectors, _ = stars_of(path)
    ra_deg, dec_deg = np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0])), np.degrees(np.arcsin(vectors[:, 2]))
    inside = np.array([tile_of(ra % 360.0, dec, 2) == tile for ra, dec in zip(ra_deg, dec_deg, strict=True)])
    rows = np.memmap(path, f"V{unit.row_bytes}", "r+", unit.start, (unit.n_rows,))
    rows[~inside] = rows[inside][0]
    rows.flush()


def test_a_published_file_differs_in_nothing(tmp_path: Path):
    write_index(tmp_path, NAME)
    assert check_is(wanted(), tmp_path / NAME) == []


@pytest.mark.parametrize("number", [1404, None])
def test_another_number_or_none_is_only_said(tmp_path: Path, number):
    path = tmp_path / f".{NAME}.part"
    path.write_bytes(index_bytes(NAME, INDEXID=number) if number else without(index_bytes(NAME), "INDEXID"))
    (notice,) = check_is(wanted(), path)
    assert "5204" in notice and (str(number) if number else "INDEXID") in notice


@pytest.mark.parametrize(("lower", "upper", "said"), [(8.0, 16.0, 1), (4.0, 11.0, 1), (7.9, 11.31, 0)])
def test_more_quads_than_published_are_only_said(tmp_path: Path, lower, upper, said):
    write_index(tmp_path, NAME, SCALE_L=lower / RADIAN_ARCMIN, SCALE_U=upper / RADIAN_ARCMIN)
    notices = check_is(wanted(), tmp_path / NAME)
    assert len(notices) == said and all("8-11" in notice for notice in notices)


@pytest.mark.parametrize(("lower", "upper"), [(5.6, 8.0), (11.0, 16.0)])
def test_quads_of_another_scale_are_another_file(tmp_path: Path, lower, upper):
    write_index(tmp_path, NAME, SCALE_L=lower / RADIAN_ARCMIN, SCALE_U=upper / RADIAN_ARCMIN)
    with pytest.raises(BadFrame, match=r"quads are of .* and should be of 8-11"):
        check_is(wanted(), tmp_path / NAME)


@pytest.mark.parametrize(("tile", "nside"), [(13, 2), (2, 1), (14, 4)])
def test_another_tile_is_another_file(tmp_path: Path, tile, nside):
    write_index(tmp_path, NAME, HEALPIX=tile, HPNSIDE=nside)
    with pytest.raises(BadFrame, match=f"tile {tile} of nside {nside}"):
        check_is(wanted(), tmp_path / NAME)


def test_a_larger_tile_that_holds_the_one_wanted_is_only_said(tmp_path: Path):
    write_index(tmp_path, NAME, HEALPIX=3, HPNSIDE=1)
    (notice,) = check_is(wanted(), tmp_path / NAME)
    assert "tile 3 of nside 1, which holds tile 14" in notice


def test_where_the_header_says_no_tile_the_stars_do(tmp_path: Path):
    path = tmp_path / NAME
    path.write_bytes(without(index_bytes(NAME), "HEALPIX", "HPNSIDE"))
    with pytest.raises(BadFrame, match=r"1[78] % of its stars lie in tile 14"):
        check_is(wanted(), path)
    only_stars_of_tile(path, 14)
    (notice,) = check_is(wanted(), path)
    assert "read for every field" in notice


def test_a_tile_is_not_the_whole_sky(tmp_path: Path):
    name = "index-4110.fits"
    sizes = {"SCALE_L": 60.0 / RADIAN_ARCMIN, "SCALE_U": 85.0 / RADIAN_ARCMIN}
    write_index(tmp_path, name, **sizes)
    assert check_is(wanted(name), tmp_path / name) == []
    write_index(tmp_path, name, HEALPIX=3, HPNSIDE=1, **sizes)
    with pytest.raises(BadFrame, match="whole sky"):
        check_is(wanted(name), tmp_path / name)
