"""What an index file is made of, and whether all of it is there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from iop4cli.errors import BadFrame
from iop4cli.frames.units import padded, read_unit_header, unit_data_bytes

if TYPE_CHECKING:
    import numpy as np

_NEEDED = ("quads", "kdtree_data_codes", "kdtree_data_stars")
_LITTLE, _BIG = "04:03:02:01", "01:02:03:04"
# Of a larger file so many stars are taken, evenly through the tree, which is ordered by place on the sky.
_ALL_STARS, _SAMPLED_STARS = 200_000, 4096
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Unit:
    """One HDU: its cards, and where its data are."""

    cards: dict[str, str]
    start: int
    n_bytes: int

    @property
    def name(self) -> str:
        return plain(self.cards.get("TTYPE1", ""))

    @property
    def row_bytes(self) -> int:
        return int(self.cards.get("NAXIS1", "0"))

    @property
    def n_rows(self) -> int:
        return int(self.cards.get("NAXIS2", "0"))


def plain(text: str) -> str:
    """A card's text without quotes."""
    return text.strip("'").strip()


def units_of(path: Path) -> list[Unit]:
    """All units of a file, by their headers alone; BadFrame if they do not fill it exactly."""
    found: list[Unit] = []
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        while (cards := read_unit_header(file, len(found))) is not None:
            unit = Unit(cards, file.tell(), unit_data_bytes(cards, len(found)))
            end = unit.start + padded(unit.n_bytes)
            if end > size:
                raise BadFrame(
                    f"it is cut: its headers say {end} bytes up to HDU {len(found)}, the file has {size}"
                )  # fmt: skip
            found.append(unit)
            file.seek(end)
    return found


def check_tables(units: list[Unit]) -> None:
    """BadFrame if a table without which nothing can be solved is not there, or not as long as the header says."""
    tables = {unit.name: unit for unit in units}
    missing = [name for name in _NEEDED if name not in tables]
    if missing:
        raise BadFrame(f"it has no table {', '.join(missing)}")
    for keyword, name in (("NQUADS", "quads"), ("NSTARS", "kdtree_data_stars")):
        said = units[0].cards.get(keyword)
        if said is not None and said != str(tables[name].n_rows):
            raise BadFrame(f"{keyword} is {said}, but table {name} has {tables[name].n_rows} rows")


def check_content(path: Path) -> None:
    """Read the whole file: BadFrame if a quad is of a star that is not there, or a star is nowhere on the sky.

    astrometry.net publishes no checksums: a wrong digit that leaves quads and stars possible is not seen.
    """
    import numpy as np

    units = units_of(path)
    check_tables(units)
    with path.open("rb") as file:
        while file.read(_READ_BYTES):
            pass
    quads = next(unit for unit in units if unit.name == "quads")
    n_stars = next(unit for unit in units if unit.name == "kdtree_data_stars").n_rows
    if quads.n_rows:
        largest = int(_rows(path, quads, np.dtype(_order(units) + "u4")).max())
        if largest >= n_stars:
            raise BadFrame(f"a quad is of star {largest}, but there are only {n_stars}")
    vectors, _ = stars_of(path)
    lengths = np.linalg.norm(vectors, axis=1)
    if len(lengths) and not np.all(np.abs(lengths - 1.0) < 1e-4):
        raise BadFrame("some of its stars are nowhere on the sky")


def stars_of(path: Path) -> tuple[np.ndarray, bool]:
    """(unit vectors of its stars (n, 3), whether these are all): of a large file a sample."""
    import numpy as np

    units = units_of(path)
    tables = {unit.name: unit for unit in units}
    data, spread = tables["kdtree_data_stars"], tables.get("kdtree_range_stars")
    kinds = {24: "f8", 12: "u4", 6: "u2"}
    if data.row_bytes not in kinds:
        raise BadFrame(f"its stars are rows of {data.row_bytes} bytes, which is none of {list(kinds)}")
    every = max(1, data.n_rows // _SAMPLED_STARS) if data.n_rows > _ALL_STARS else 1
    kind = kinds[data.row_bytes]
    vectors = _rows(path, data, np.dtype(_order(units) + kind))[::every].astype(float)
    if kind != "f8":
        if spread is None:
            raise BadFrame("it does not say how its stars are scaled")
        least_and_scale = _rows(path, spread, np.dtype(_order(units) + "f8")).ravel()
        vectors = least_and_scale[:3] + vectors / least_and_scale[-1]
    return vectors, every == 1


def _order(units: list[Unit]) -> str:
    said = plain(units[0].cards.get("ENDIAN", _LITTLE))
    if said not in (_LITTLE, _BIG):
        raise BadFrame(f"ENDIAN is {said!r}, neither {_LITTLE} nor {_BIG}")
    return "<" if said == _LITTLE else ">"


def _rows(path: Path, unit: Unit, dtype: np.dtype) -> np.ndarray:
    """A table (rows, columns) that is read only where it is looked at."""
    import numpy as np

    if not unit.n_rows:
        return np.zeros((0, unit.row_bytes // dtype.itemsize), dtype)
    return np.memmap(path, dtype, "r", unit.start, (unit.n_rows, unit.row_bytes // dtype.itemsize))
