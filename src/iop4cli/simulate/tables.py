"""What the simulator leaves beside the frames: truth.csv, frames.csv and sources.csv."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from iop4cli.simulate.fields import CATALOGUE_BANDS, CatalogueSource
from iop4cli.unfinished import written_whole


@dataclass(frozen=True)
class TruthRow:
    """What a perfect reduction would find for one source in one frame or group; None is not measured."""

    source: str
    telescope: str
    instrument: str
    night: str
    mode: str
    band: str
    mjd_utc: float
    exptime_s: float
    mag: float
    q: float | None
    u: float | None
    p: float | None
    chi_deg: float | None
    is_target: bool
    frames: str


@dataclass(frozen=True)
class FrameTruth:
    """A light frame as it really was: where it points, the weather, where the target fell (0-based).

    (ra, dec) is in the middle of the whole chip, `angle_deg` the position angle of +y (of -y with `flip`); the
    target's places, the second of the extraordinary image if there is one, are in the frame as written, which
    is the window of the chip that begins at (window_x0, window_y0).
    """

    telescope: str
    instrument: str
    night: str
    file: str
    target: str
    filter: str
    exptime_s: float
    mjd_utc: float
    ra_deg: float
    dec_deg: float
    angle_deg: float
    scale_arcsec: float
    target_x_px: float
    target_y_px: float
    fwhm_arcsec: float
    transparency: float
    target_e_x_px: float | None = None
    target_e_y_px: float | None = None
    flip: bool = False
    window_x0_px: int = 0
    window_y0_px: int = 0
    width_px: int = 0
    height_px: int = 0


def append_truth(folder: Path, rows: Iterable[TruthRow]) -> None:
    """Add rows to truth.csv; a measurement that is simulated again replaces its old row."""
    key = ("source", "telescope", "night", "mode", "frames")
    _merge(folder / "truth.csv", [f.name for f in fields(TruthRow)], map(asdict, rows), key)


def append_frames(folder: Path, rows: Iterable[FrameTruth]) -> None:
    """Add rows to frames.csv; a frame that is simulated again replaces its old row."""
    key = ("telescope", "night", "file")
    _merge(folder / "frames.csv", [f.name for f in fields(FrameTruth)], map(asdict, rows), key)


def append_sources(folder: Path, sources: Iterable[CatalogueSource]) -> None:
    """Add the catalogue's rows of sources to sources.csv, which `iop4 catalog import` reads."""
    mags = [f"mag_{band}{suffix}" for band in CATALOGUE_BANDS for suffix in ("", "_err")]
    polarisation = ["p", "p_err", "chi", "chi_err"]
    names = ["name", "other_names", "ra", "dec", "kind", "redshift", *mags, *polarisation]
    rows = (_source_row(source) for source in sources)
    _merge(folder / "sources.csv", [*names, "calibrates", "comment"], rows, ("name",))


def _source_row(source: CatalogueSource) -> dict[str, object]:
    row: dict[str, object] = {
        "name": source.name,
        "other_names": ";".join(source.other_names),
        "ra": source.ra_deg,
        "dec": source.dec_deg,
        "kind": source.kind,
        "redshift": source.redshift,
        "calibrates": ";".join(source.calibrates),
    }
    for name, value in (("p", source.p), ("chi", source.chi_deg)):
        if value is not None:
            row |= {name: value[0], f"{name}_err": value[1]}
    for band, (mag, err) in source.mags.items():
        row |= {f"mag_{band}": mag, f"mag_{band}_err": err}
    return row


def _merge(path: Path, columns: list[str], rows: Iterable[dict], key: tuple[str, ...]) -> None:
    kept: dict[tuple[str, ...], dict[str, str]] = {}
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as old:
            kept = {tuple(row[name] for name in key): row for row in csv.DictReader(old)}
    for row in rows:
        text = {name: _text(row.get(name)) for name in columns}
        kept[tuple(text[name] for name in key)] = text
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as new:
        writer = csv.DictWriter(new, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept.values())


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(round(value, 9)) if isinstance(value, float) else str(value)
