"""Tiles of the sky (HEALPix) in astrometry.net's order: which one a position is in, and which a circle touches.

A tile's number is base * nside^2 + x * nside + y, with x counted to the north-east and y to the north-west from the
southern corner of the base tile. Gorski et al. 2005, ApJ 622, 759, equations 4 to 9, and their inverse.
"""

from __future__ import annotations

import math
from functools import lru_cache

# Points on the circle, and how much larger than the circle theirs is: a tile's corner that pokes into the circle
# between two points is at least 50 degrees wide, and 10 % further out wider than the gap between them.
_POINTS, _WIDER = 96, 1.1


def tile_of(ra_deg: float, dec_deg: float, nside: int) -> int:
    """The tile that holds a position; one on an edge is in one of those beside it."""
    z = math.sin(math.radians(dec_deg))
    turns = (ra_deg / 90.0) % 4.0
    if abs(z) <= 2.0 / 3.0:
        # Numbers of the lines, from the south, that run up to the left and to the right.
        x = nside * (turns + 0.5 + 0.75 * z)
        y = nside * (turns + 0.5 - 0.75 * z)
        column_x, column_y = math.floor(x) // nside, math.floor(y) // nside
        if column_x == column_y:
            base = 4 + column_x % 4
        elif column_x > column_y:
            base = column_y % 4
        else:
            base = 8 + column_x % 4
        return _number(base, math.floor(x) % nside, nside - 1 - math.floor(y) % nside, nside)
    column = min(3, math.floor(turns))
    within = turns - column
    # Distance from the pole, in sides of a base tile.
    reach = math.sqrt(3.0 * (1.0 - abs(z)))
    east, west = within * reach, (1.0 - within) * reach
    if z > 0:
        return _number(column, _step(1.0 - west, nside), _step(1.0 - east, nside), nside)
    return _number(8 + column, _step(east, nside), _step(west, nside), nside)


def tile_centre(tile: int, nside: int) -> tuple[float, float]:
    """Centre (ra, dec) in degrees."""
    base, within = divmod(tile, nside * nside)
    x, y = divmod(within, nside)
    row, column = divmod(base, 4)
    u, v = (x + 0.5) / nside, (y + 0.5) / nside
    # Height along the axis from the southernmost to the northernmost corner, in units of base tiles.
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


@lru_cache(maxsize=16384)
def tiles_touched(ra_deg: float, dec_deg: float, radius_deg: float, nside: int) -> frozenset[int]:
    """All tiles that a circle about a position touches; now and then one that it misses by a tenth of its radius.

    A tile that a circle touches holds its middle, or crosses it, or lies in it whole, with its centre.
    """
    touched = {tile_of(ra_deg, dec_deg, nside)}
    wider_deg = min(180.0, _WIDER * radius_deg)
    for number in range(_POINTS):
        touched.add(tile_of(*_beside(ra_deg, dec_deg, wider_deg, 2.0 * math.pi * number / _POINTS), nside))
    if radius_deg > 10.0 / nside:
        for tile in range(12 * nside * nside):
            if separation_deg(ra_deg, dec_deg, *tile_centre(tile, nside)) <= radius_deg:
                touched.add(tile)
    return frozenset(touched)


def separation_deg(ra1: float, dec1: float, ra2: float, dec2: float) -> float:
    a1, d1, a2, d2 = (math.radians(value) for value in (ra1, dec1, ra2, dec2))
    half = math.sin((d1 - d2) / 2) ** 2 + math.cos(d1) * math.cos(d2) * math.sin((a1 - a2) / 2) ** 2
    return math.degrees(2 * math.asin(math.sqrt(min(1.0, half))))


def _step(along: float, nside: int) -> int:
    return max(0, min(nside - 1, math.floor(along * nside)))


def _number(base: int, x: int, y: int, nside: int) -> int:
    return (base * nside + x) * nside + y


def _beside(ra_deg: float, dec_deg: float, distance_deg: float, angle_rad: float) -> tuple[float, float]:
    """The position so far away in the direction of an angle (north through east)."""
    dec, distance = math.radians(dec_deg), math.radians(distance_deg)
    sine = math.sin(dec) * math.cos(distance) + math.cos(dec) * math.sin(distance) * math.cos(angle_rad)
    there = math.asin(max(-1.0, min(1.0, sine)))
    turn = math.atan2(
        math.sin(angle_rad) * math.sin(distance) * math.cos(dec), math.cos(distance) - math.sin(dec) * sine
    )  # fmt: skip
    return (ra_deg + math.degrees(turn)) % 360.0, math.degrees(there)
