"""Astrometry.net index files of the simulated fields, so that their frames can be solved."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from iop4cli.share import share_dir
from iop4cli.simulate.errors import SimulationError
from iop4cli.simulate.fields import (
    INDEXED_R,
    STANDARD_KINDS,
    CatalogueSource,
    calibrators_of,
    field_stars,
    find_target,
    read_catalogue,
    read_standards,
    targets_of,
)
from iop4cli.unfinished import written_whole

_BUILDER = "build-astrometry-index"
_TARGET_R = 14.5
_STANDARD_R, _STANDARD_BOX = 10.0, 0.67
_INDEX_NUMBER = 9901
_NO_QUADS = "Did not create any quads"


class NoQuads(SimulationError):
    """The fields have too few stars for an index."""


def demo_index_files() -> list[Path]:
    """The index files that come with the program: the fields of all targets and polarimetric standards."""
    return sorted((share_dir() / "demo" / "index").glob("index-*.fits"))


def build_index(
    folder: Path,
    fields: Sequence[str] = (),
    faintest_r: float = INDEXED_R,
    box_deg: float = 0.42,
    scales: Sequence[int] = (-1, 1, 2),
    stars_per_cell: int = 12,
    quads_per_cell: int = 10,
    density: float = 1.0,
) -> list[Path]:
    """Write one index file per scale into `folder` for the fields of the targets or standards named (all if none).

    `scales` are astrometry.net's own: 0 has quads of 2.0 to 2.8 arcmin, each step is larger by the square
    root of 2. Boxes around standards are two thirds as large. The defaults make the files of
    share/demo/index: they solve every field with a camera of 7 to 13 arcmin, or of 9 by 6, and take 2 MB
    for 35 fields. `density` is the recipe's `star_density`: a sky of fewer stars has an index of its own. A
    scale at which the fields have no four stars for a quad is left out; that all are is an error.
    """
    builder = shutil.which(_BUILDER)
    if builder is None:
        raise SimulationError(
            f"{_BUILDER} is not installed; it is part of astrometry.net (apt install astrometry.net): "
            "the index of the demonstration's fields comes with the program and needs no building"
        )
    catalogue = read_catalogue()
    targets = [find_target(name, catalogue) for name in fields] or [*targets_of(catalogue), *read_standards()]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    # The builder copies its command line into the file: relative names keep it the same everywhere.
    with TemporaryDirectory() as work:
        _write_star_table(Path(work) / "stars.fits", *_stars_around(targets, catalogue, faintest_r, box_deg, density))
        for scale in scales:
            name = f"index-{_INDEX_NUMBER + scale}.fits"
            options = ["-i", "stars.fits", "-o", name, "-P", scale, "-S", "MAG", "-E", "-M", "-t", "."]
            options += ["-j", 0.5, "-n", stars_per_cell, "-p", quads_per_cell, "-I", _INDEX_NUMBER + scale]
            if not _made([builder, *map(str, options)], Path(work)):
                continue
            with written_whole(folder / name) as temporary:
                shutil.copyfile(Path(work) / name, temporary)
            written.append(folder / name)
    if not written:
        raise NoQuads(f"{_BUILDER} found no quads: too few stars around {', '.join(t.name for t in targets)}")
    return written


def _made(command: list[str], folder: Path) -> bool:
    """Whether there was anything to write."""
    done = subprocess.run(
        [_BUILDER, *command[1:]],
        executable=command[0],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and _NO_QUADS in done.stdout + done.stderr:
        return False
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise SimulationError(f"{_BUILDER} failed with code {done.returncode}: {' / '.join(lines[-3:])}")
    return True


def _stars_around(
    targets: list[CatalogueSource],
    catalogue: list[CatalogueSource],
    faintest_r: float,
    box_deg: float,
    density: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(ra, dec, R) of everything brighter than a limit in the boxes around targets, degrees."""
    columns: list[np.ndarray] = []
    for target in targets:
        stars = field_stars(target, catalogue, density)
        known = (target, *calibrators_of(target, catalogue))
        is_standard = target.kind in STANDARD_KINDS
        usual_r = _STANDARD_R if is_standard else _TARGET_R
        known_r = [source.mags.get("R", (usual_r, 0.0))[0] for source in known]
        ra = np.concatenate([[source.ra_deg for source in known], stars.ra_deg])
        dec = np.concatenate([[source.dec_deg for source in known], stars.dec_deg])
        mag_r = np.concatenate([known_r, stars.mags["R"]])
        east_deg = (ra - target.ra_deg) * np.cos(np.radians(target.dec_deg))
        half_deg = box_deg / 2 * (_STANDARD_BOX if is_standard else 1.0)
        inside = np.maximum(np.abs(east_deg), np.abs(dec - target.dec_deg)) <= half_deg
        columns.append(np.stack([ra, dec, mag_r])[:, inside & (mag_r <= faintest_r)])
    ra, dec, mag_r = np.concatenate(columns, axis=1)
    return ra, dec, mag_r


def _write_star_table(path: Path, ra_deg: np.ndarray, dec_deg: np.ndarray, mag_r: np.ndarray) -> None:
    from astropy.io import fits

    order = np.argsort(mag_r, kind="stable")
    columns = (("RA", "D", ra_deg), ("DEC", "D", dec_deg), ("MAG", "E", mag_r))
    table = [fits.Column(name=name, format=kind, array=values[order]) for name, kind, values in columns]
    fits.BinTableHDU.from_columns(table).writeto(path)
