"""Tiles of the sky: which one a position is in, and which a circle touches."""

import math
import random

import pytest

from iop4cli.archive.sky_tiles import separation_deg, tile_centre, tile_of, tiles_touched

# (ra, dec, tile of nside 1, tile of nside 2) by astropy-healpix 2.0 (nested numbers, taken apart into base, x and y).
KNOWN = [
    (184.256, 67.416, 2, 11), (342.167, 26.717, 3, 14), (51.897, 4.73, 5, 21), (341.514, -26.501, 11, 46),
    (112.259, -42.742, 9, 37), (152.398, 70.027, 1, 7), (297.973, 1.842, 7, 30), (147.312, -50.199, 9, 38),
    (197.854, 14.299, 6, 26), (9.921, 33.598, 0, 1), (271.265, 13.062, 7, 31), (193.732, 56.574, 2, 9),
    (118.703, -67.045, 9, 36), (283.834, 3.278, 7, 30), (109.15, -4.665, 5, 22), (163.259, -61.081, 9, 36),
    (48.255, 16.419, 0, 0), (145.121, 44.851, 1, 6), (73.244, 10.713, 5, 21), (94.433, -28.673, 5, 20),
    (270.131, 42.825, 3, 13), (100.947, 1.088, 5, 22), (174.669, 1.248, 6, 25), (353.065, 30.402, 4, 19),
    (330.68038, 42.27777, 3, 14), (187.27792, 2.05239, 6, 26), (133.70365, 20.10851, 1, 4),
]  # fmt: skip


def positions(n: int, seed: int) -> list[tuple[float, float]]:
    """Evenly over the sky."""
    rng = random.Random(seed)
    return [(rng.uniform(0, 360), math.degrees(math.asin(rng.uniform(-1, 1)))) for _ in range(n)]


@pytest.mark.parametrize(("ra", "dec", "of_12", "of_48"), KNOWN)
def test_a_position_is_in_the_tile_that_others_find(ra, dec, of_12, of_48):
    assert (tile_of(ra, dec, 1), tile_of(ra, dec, 2)) == (of_12, of_48)


@pytest.mark.parametrize("nside", [1, 2, 4, 8])
def test_the_middle_of_each_tile_is_in_it(nside):
    assert [tile_of(*tile_centre(tile, nside), nside) for tile in range(12 * nside**2)] == list(range(12 * nside**2))


def test_tiles_have_the_same_area():
    n, counts = 48_000, dict.fromkeys(range(48), 0)
    for ra, dec in positions(n, seed=1):
        counts[tile_of(ra, dec, 2)] += 1
    # 1000 each, with a scatter of sqrt(1000); the most extreme of 48 is within 4.5 of these in 9997 of 10000 draws.
    assert max(abs(count - n / 48) for count in counts.values()) < 4.5 * math.sqrt(n / 48)


@pytest.mark.parametrize(
    ("ra", "dec"), [(0.0, 90.0), (123.0, -90.0), (0.0, 0.0), (90.0, 41.810314895778596), (-30.0, 5.0)]
)
def test_poles_corners_and_edges_are_in_a_tile_that_has_them(ra, dec):
    tile = tile_of(ra, dec, 2)
    assert 0 <= tile < 48
    # The corner farthest from a middle is that at z = 11/12 between two polar tiles, 27.6 degrees from both.
    assert separation_deg(ra, dec, *tile_centre(tile, 2)) < 27.7


@pytest.mark.parametrize("radius_deg", [0.33, 3.0, 25.0, 100.0])
def test_no_tile_that_a_circle_touches_is_missed(radius_deg):
    rng = random.Random(2)
    for ra, dec in positions(60, seed=3):
        inside = {
            tile_of(*moved(ra, dec, radius_deg * part, 2 * math.pi * rng.random()), 2)
            for part in [1.0] * 300 + [rng.random() for _ in range(300)]
        }
        assert inside <= tiles_touched(ra, dec, radius_deg, 2)


def test_a_small_circle_touches_one_tile_but_near_an_edge():
    radius_deg = 0.33
    n_more = 0
    for ra, dec in positions(2000, seed=4):
        touched = tiles_touched(ra, dec, radius_deg, 2)
        assert tile_of(ra, dec, 2) in touched
        if len(touched) == 1:
            continue
        n_more += 1
        near = {
            tile_of(*moved(ra, dec, 1.11 * radius_deg * part, math.radians(2 * angle)), 2)
            for part in (0.0, 0.5, 0.9, 1.0)
            for angle in range(180)
        }
        assert touched <= near
    # 48 tiles of 859 square degrees have edges of about 29.3 degrees: 4 x 29.3 x 0.33 / 859, a tenth more for the
    # wider circle, is 5 % of the sky; a circle near a corner counts once, and edges are longer than those of squares.
    assert 0.03 < n_more / 2000 < 0.07


def moved(ra_deg: float, dec_deg: float, distance_deg: float, angle: float) -> tuple[float, float]:
    """A position so far away, by vectors."""
    ra, dec, distance = (math.radians(value) for value in (ra_deg, dec_deg, distance_deg))
    middle = (math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec))
    north = (-math.sin(dec) * math.cos(ra), -math.sin(dec) * math.sin(ra), math.cos(dec))
    east = (-math.sin(ra), math.cos(ra), 0.0)
    x, y, z = (
        math.cos(distance) * m + math.sin(distance) * (math.cos(angle) * n + math.sin(angle) * e)
        for m, n, e in zip(middle, north, east, strict=True)
    )
    return math.degrees(math.atan2(y, x)) % 360.0, math.degrees(math.asin(max(-1.0, min(1.0, z))))
