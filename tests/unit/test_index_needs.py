"""Which index files cover a field, which are needed, and which cannot be used."""

from itertools import pairwise
from pathlib import Path

import pytest

from iop4cli.archive.index_files import BrokenIndex, IndexFile, examine, examined, index_files
from iop4cli.archive.index_series import known_series, published
from iop4cli.archive.index_structure import check_content, stars_of
from iop4cli.archive.source import Source
from iop4cli.errors import BadFrame, UsageError
from iop4cli.instruments.registry import Registry
from iop4cli.pipeline.index_needs import Field, coverage, fields_of, needs
from tests.index_samples import DEMO, index_bytes, write_index

BL_LAC = Source("BL Lac", 330.68038, 42.27777, "bllac")  # in tile 14 of 48, by astropy-healpix
T90 = Registry.load(()).by_name("AndorT90")  # 2048 px of 0.387 arcsec: 13.2 arcmin


def field(source: Source = BL_LAC) -> Field:
    return fields_of([source], [T90])[0]


def needed_by(files: list[IndexFile], *series: str, source: Source = BL_LAC) -> list[str]:
    return [need.file.name for need in needs(coverage([field(source)], files), published(series or ("5200", "4100")))]


def test_a_field_of_13_arcmin_needs_the_quads_up_to_its_side_of_its_own_tile():
    assert needed_by([]) == [f"index-520{scale}-14.fits" for scale in range(6)]


def test_a_field_on_a_corner_needs_the_tiles_around_it():
    # The middle of base tile 3, which is cut into 12 to 15.
    on_edge = Source("corner", 315.0, 41.8103149, "blazar")
    tiles = {name[-7:-5] for name in needed_by([], source=on_edge)}
    assert tiles == {"12", "13", "14", "15"}


def test_what_is_here_is_not_needed(tmp_path: Path):
    write_index(tmp_path, "index-5203-14.fits")
    assert "index-5203-14.fits" not in needed_by(index_files([tmp_path]))


@pytest.mark.parametrize(("name", "nside", "tile", "helps"), [
    ("index-4203-14.fits", 2, 14, True), ("index-4203-13.fits", 2, 13, False), ("index-5203-03.fits", 1, 3, True),
    ("index-5203-02.fits", 1, 2, False), ("index-5204-14.fits", 2, 14, False),
])  # fmt: skip
def test_a_file_of_another_series_does_the_work_if_its_quads_and_tile_fit(tmp_path: Path, name, nside, tile, helps):
    write_index(tmp_path, name, HPNSIDE=nside, HEALPIX=tile)
    assert ("index-5203-14.fits" not in needed_by(index_files([tmp_path]))) == helps


def test_a_file_of_the_whole_sky_counts_where_it_has_stars(tmp_path: Path):
    write_index(tmp_path, "index-5203.fits")
    files = index_files([tmp_path])
    empty = Source("elsewhere", 20.0, -70.0, "blazar")
    covered = coverage([field(), field(empty)], files)
    assert [len(covered[one]) for one in (field(), field(empty))] == [1, 0]
    assert "index-5203-14.fits" not in needed_by(files)
    assert any(name.startswith("index-5203") for name in needed_by(files, source=empty))


def test_of_a_large_file_of_the_whole_sky_a_sample_of_its_stars_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from iop4cli.archive import index_structure

    monkeypatch.setattr(index_structure, "_ALL_STARS", 5000)
    monkeypatch.setattr(index_structure, "_SAMPLED_STARS", 500)
    write_index(tmp_path, "index-5203.fits")
    vectors, all_of_them = stars_of(tmp_path / "index-5203.fits")
    assert (500 <= len(vectors) < 1000, all_of_them) == (True, False)
    empty = field(Source("elsewhere", 20.0, -70.0, "blazar"))
    covered = coverage([field(), empty], index_files([tmp_path]))
    assert [len(covered[one]) for one in (field(), empty)] == [1, 0]


def test_of_two_series_with_the_same_scale_the_first_is_taken():
    assert {name[6:8] for name in needed_by([], "5000", "5200")} == {"50"}


def test_a_wide_field_needs_the_series_of_the_whole_sky():
    wide = Field("BL Lac", "wide", BL_LAC.ra_deg, BL_LAC.dec_deg, 3600.0 * 11, 11.0)
    names = [need.file.name for need in needs(coverage([wide], []), published(["5200", "4100"]))]
    # Quads of 33 to 660 arcmin.
    assert names == [f"index-41{scale:02d}.fits" for scale in range(8, 17)]


def test_calibrators_are_no_fields_of_their_own():
    star = Source("star", 330.7, 42.3, "star", calibrates=("BL Lac",))
    assert [one.source for one in fields_of([BL_LAC, star], [T90])] == ["BL Lac"]


def test_the_published_series_are_as_astrometry_net_cuts_them():
    files = published(list(known_series()))
    assert len({file.name for file in files}) == len(files)
    by_name = {file.name: file for file in files}
    assert (by_name["index-5206-47.fits"].healpix, by_name["index-5206-47.fits"].nside) == (47, 2)
    assert (by_name["index-4119.fits"].index_id, by_name["index-4119.fits"].healpix) == (4119, -1)
    for name in known_series():
        scales = known_series()[name].scales
        # Each scale begins where the one before ends.
        assert all(one.upper_arcmin == other.lower_arcmin for one, other in pairwise(scales))
    with pytest.raises(UsageError, match="5200"):
        published(["5300"])


def test_bytes_and_addresses_are_those_that_the_astrometry_package_lists():
    import astrometry.series

    for name, listed in (
        ("5200", astrometry.series_5200),
        ("5000", astrometry.series_5000),
        ("4100", astrometry.series_4100),
    ):
        assert {scale.number: scale.size_bytes for scale in known_series()[name].scales} == listed.scale_to_sizes
        # The same server and folder; the package has data.astrometry.net without TLS.
        assert listed.url_pattern.partition("/index-" + name[:2] + "{")[0].partition("://")[2] == known_series()[
            name
        ].url.removeprefix("https://")


@pytest.mark.parametrize("kept", [0.3, 0.999])
def test_a_cut_file_is_broken_and_not_used(tmp_path: Path, kept):
    content = index_bytes("index-5203-14.fits")
    (tmp_path / "index-5203-14.fits").write_bytes(content[: int(kept * len(content))])
    assert index_files([tmp_path]) == []
    (found,) = examined([tmp_path])
    assert isinstance(found, BrokenIndex) and "cut" in found.reason


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"SIMPLE  =                    T".ljust(2880)])
def test_what_is_called_an_index_and_is_none_is_broken(tmp_path: Path, content):
    (tmp_path / "index-5203-14.fits").write_bytes(content)
    assert isinstance(examine(tmp_path / "index-5203-14.fits"), BrokenIndex)


def test_something_behind_the_end_is_broken(tmp_path: Path):
    (tmp_path / "index-5203-14.fits").write_bytes(index_bytes("index-5203-14.fits") + b"x" * 2880)
    assert isinstance(examine(tmp_path / "index-5203-14.fits"), BrokenIndex)


def test_a_broken_file_does_not_hide_a_whole_one_in_a_later_folder(tmp_path: Path):
    content = write_index(tmp_path / "whole", "index-5203-14.fits")
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "index-5203-14.fits").write_bytes(content[:9000])
    assert [one.path.parent.name for one in index_files([tmp_path / "cut", tmp_path / "whole"])] == ["whole"]


def test_the_stars_of_a_file_are_on_the_sky_and_near_the_shipped_targets():
    vectors, all_of_them = stars_of(DEMO)
    assert all_of_them and abs((vectors**2).sum(axis=1) - 1.0).max() < 1e-8


def test_a_quad_of_a_star_that_is_not_there_is_found(tmp_path: Path):
    content = bytearray(index_bytes("index-5203-14.fits"))
    path = tmp_path / "index-5203-14.fits"
    path.write_bytes(content)
    check_content(path)
    quads = content.index(b"XTENSION") + 2880
    content[quads : quads + 4] = b"\xff\xff\xff\x7f"
    path.write_bytes(content)
    assert isinstance(examine(path), IndexFile)  # its headers are right
    with pytest.raises(BadFrame, match="star 2147483647"):
        check_content(path)
