"""The sky that is simulated: catalogued sources at their places, and made-up stars around them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iop4cli.share import share_dir
from iop4cli.simulate.errors import SimulationError
from iop4cli.simulate.seeds import stream

CATALOGUE_BANDS = ("B", "V", "R", "I")
STANDARD_KINDS = ("polarised", "unpolarised")
BOX_DEG = 0.6
_BRIGHTEST_R, _FAINTEST_R = 10.5, 19.0
_CLEARANCE_ARCSEC = 12.0
_SLOPE = 0.28 * np.log(10)
# The shipped index ends here: stars that are added to a field are fainter, and its frames can still be solved.
INDEXED_R = 17.7
_COUNTED_AREA_DEG2, _COUNTED_R = (13.2 / 60) ** 2, 18.0


@dataclass(frozen=True)
class CatalogueSource:
    """A row of a catalogue; magnitudes are (value, error) by band, p (a fraction) and chi (value, error)."""

    name: str
    other_names: tuple[str, ...]
    ra_deg: float
    dec_deg: float
    kind: str
    redshift: float | None
    mags: dict[str, tuple[float, float]]
    calibrates: tuple[str, ...]
    p: tuple[float, float] | None = None
    chi_deg: tuple[float, float] | None = None


@dataclass(frozen=True)
class FieldStars:
    """Made-up stars: positions (degrees) and magnitudes by band, arrays of one length."""

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    mags: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.ra_deg)


def read_catalogue(path: Path | None = None) -> list[CatalogueSource]:
    """All sources of the comparison-star catalogue that comes with the program."""
    path = path or share_dir() / "catalogs" / "comparison_stars.ecsv"
    with path.open(encoding="utf-8", newline="") as stream_:
        body = (line for line in stream_ if not line.startswith("#"))
        return [_source(row) for row in csv.DictReader(body, delimiter=" ")]


def read_standards() -> list[CatalogueSource]:
    """The polarimetric standard stars that come with the program."""
    return read_catalogue(share_dir() / "catalogs" / "polarimetric_standards.ecsv")


def _source(row: dict[str, str]) -> CatalogueSource:
    number = {key: value for key, value in row.items() if value not in ("", "nan")}
    return CatalogueSource(
        name=row["name"],
        other_names=tuple(part for part in row["other_names"].split(";") if part),
        ra_deg=float(row["ra_deg"]),
        dec_deg=float(row["dec_deg"]),
        kind=row["kind"],
        redshift=float(number["redshift"]) if "redshift" in number else None,
        p=_with_error(number, "p"),
        chi_deg=_with_error(number, "chi"),
        mags={
            band: (float(number[f"mag_{band}"]), float(number[f"mag_{band}_err"]))
            for band in CATALOGUE_BANDS
            if f"mag_{band}" in number
        },
        calibrates=tuple(part for part in row.get("calibrates", "").split(";") if part),
    )


def _with_error(number: dict[str, str], name: str) -> tuple[float, float] | None:
    return (float(number[name]), float(number[f"{name}_err"])) if name in number else None


def targets_of(catalogue: list[CatalogueSource]) -> list[CatalogueSource]:
    """The sources that others calibrate, in the order of the catalogue."""
    calibrated = {name for source in catalogue for name in source.calibrates}
    return [source for source in catalogue if source.name in calibrated]


def calibrators_of(target: CatalogueSource, catalogue: list[CatalogueSource]) -> list[CatalogueSource]:
    """The comparison stars of a target."""
    return [source for source in catalogue if target.name in source.calibrates]


def find_target(name: str, catalogue: list[CatalogueSource]) -> CatalogueSource:
    """The target or polarimetric standard of that name or alias, ignoring case and blanks."""
    wanted = name.replace(" ", "").lower()
    targets, standards = targets_of(catalogue), read_standards()
    for target in (*targets, *standards):
        if wanted in (alias.replace(" ", "").lower() for alias in (target.name, *target.other_names)):
            return target
    raise SimulationError(
        f"no target {name!r} in the comparison-star catalogue: there are {', '.join(t.name for t in targets)}; "
        f"and the standards {', '.join(s.name for s in standards)}"
    )


def separation_arcsec(ra_deg, dec_deg, other_ra_deg, other_dec_deg) -> np.ndarray:
    """Angular distance of positions in degrees; arrays broadcast."""
    ra, dec, other_ra, other_dec = (
        np.radians(np.asarray(angle, float)) for angle in (ra_deg, dec_deg, other_ra_deg, other_dec_deg)
    )
    haversine = np.sin((dec - other_dec) / 2) ** 2 + np.cos(dec) * np.cos(other_dec) * np.sin((ra - other_ra) / 2) ** 2
    return np.degrees(2 * np.arcsin(np.sqrt(haversine))) * 3600


def galactic_latitude_deg(ra_deg: float, dec_deg: float) -> float:
    """Galactic latitude of an ICRS position (pole at 192.859, +27.128)."""
    pole = separation_arcsec(ra_deg, dec_deg, 192.85948, 27.12825) / 3600
    return float(90 - pole)


def star_density_per_deg2(ra_deg: float, dec_deg: float) -> float:
    """Stars brighter than R = 18 per square degree, a cosecant law between 30 and 300 in a field of 13'."""
    latitude = np.radians(abs(galactic_latitude_deg(ra_deg, dec_deg)))
    in_field = np.clip(50.0 / max(np.sin(latitude), 0.05), 30, 300)
    return float(in_field) / _COUNTED_AREA_DEG2


def field_stars(target: CatalogueSource, catalogue: list[CatalogueSource], density: float = 1.0) -> FieldStars:
    """The made-up stars in a box around a target: they depend on nothing but its place on the sky.

    Counts grow as 10^(0.28 R); no star falls within 12" of a catalogued source, which keeps the catalogued
    ones measurable, as those who chose them saw to. A density below 1 leaves that share of them, one above 1
    adds stars fainter than the shipped index, R 17.7 to 19.
    """
    rng = stream("field stars", f"{target.ra_deg:.4f}", f"{target.dec_deg:.4f}")
    counted = star_density_per_deg2(target.ra_deg, target.dec_deg) * BOX_DEG**2
    n_stars = rng.poisson(counted * np.exp(_SLOPE * (_FAINTEST_R - _COUNTED_R)))
    near = np.array([[s.ra_deg, s.dec_deg] for s in (target, *calibrators_of(target, catalogue))])
    stars = _strewn(target, near, n_stars, _BRIGHTEST_R, rng)
    if density == 1:
        return stars
    rng = stream("density", target.name)
    if density < 1:
        kept = rng.random(len(stars)) < density
        return FieldStars(stars.ra_deg[kept], stars.dec_deg[kept], {b: m[kept] for b, m in stars.mags.items()})
    more = _strewn(target, near, rng.poisson((density - 1) * len(stars)), INDEXED_R, rng)
    return FieldStars(
        np.append(stars.ra_deg, more.ra_deg),
        np.append(stars.dec_deg, more.dec_deg),
        {band: np.append(mags, more.mags[band]) for band, mags in stars.mags.items()},
    )


def _strewn(
    target: CatalogueSource, near: np.ndarray, n_stars: int, brightest_r: float, rng: np.random.Generator
) -> FieldStars:
    """Stars from a magnitude on, clear of the positions `near`."""
    below = rng.random(n_stars)
    span = np.exp(-_SLOPE * (_FAINTEST_R - brightest_r))
    mag_r = _FAINTEST_R + np.log(span + below * (1 - span)) / _SLOPE
    dec = target.dec_deg + BOX_DEG * (rng.random(n_stars) - 0.5)
    ra = target.ra_deg + BOX_DEG * (rng.random(n_stars) - 0.5) / np.cos(np.radians(dec))
    v_minus_r = rng.normal(0.45, 0.12, n_stars)
    nearest = separation_arcsec(ra[:, None], dec[:, None], near[:, 0], near[:, 1]).min(axis=1)
    clear = nearest > _CLEARANCE_ARCSEC
    return FieldStars(ra[clear], dec[clear], mags_from_r(mag_r[clear], v_minus_r[clear]))


def mags_from_r(mag_r: np.ndarray, v_minus_r: np.ndarray) -> dict[str, np.ndarray]:
    """Magnitudes in all bands of main-sequence stars of a given colour; H alpha is like R."""
    return {
        "B": mag_r + 2.7 * v_minus_r,
        "V": mag_r + v_minus_r,
        "R": mag_r,
        "I": mag_r - 0.95 * v_minus_r,
        "Ha": mag_r,
    }
