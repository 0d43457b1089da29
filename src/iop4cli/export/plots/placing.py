"""Where names go beside their marks, so that they do not lie upon each other."""

from __future__ import annotations

from collections.abc import Sequence

# Sides in the order they are liked: (of x, of y), from the mark.
_SIDES = ((1, 1), (-1, 1), (1, -1), (-1, -1))
# A name upon a name, or cut by the edge, cannot be read; upon a mark it can.
_WORSE = 10.0


def sides(
    places: Sequence[tuple[float, float]], widths: Sequence[float], height: float, reach: float, width_of_all: float
) -> list[tuple[int, int]]:
    """For each mark at (x, y), from 0 to `width_of_all`, the side of its name: right or left (1, -1), above or below.

    `widths` and `height` are those of the names, `reach` the radius of a mark, all in the unit of the places.
    """
    marks = [(x - reach, x + reach, y - reach, y + reach) for x, y in places]
    names: list[Box] = []
    found = []
    for (x, y), width in zip(places, widths, strict=True):
        boxes = [_box(x, y, width, height, reach, side) for side in _SIDES]
        costs = [
            sum(_overlap(box, mark) for mark in marks)
            + _WORSE * (sum(_overlap(box, name) for name in names) + _outside(box, width_of_all) * height)
            for box in boxes
        ]
        best = min(range(len(_SIDES)), key=costs.__getitem__)
        found.append(_SIDES[best])
        names.append(boxes[best])
    return found


Box = tuple[float, float, float, float]


def _box(x: float, y: float, width: float, height: float, reach: float, side: tuple[int, int]) -> Box:
    left = x + 0.7 * reach if side[0] > 0 else x - 0.7 * reach - width
    low = y + 0.3 * reach if side[1] > 0 else y - 0.3 * reach - height
    return left, left + width, low, low + height


def _overlap(one: Box, other: Box) -> float:
    across = min(one[1], other[1]) - max(one[0], other[0])
    up = min(one[3], other[3]) - max(one[2], other[2])
    return max(across, 0.0) * max(up, 0.0)


def _outside(box: Box, width: float) -> float:
    return max(-box[0], 0.0) + max(box[1] - width, 0.0)
