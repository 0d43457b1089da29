"""Bad input, made from a good simulated night: what telescopes and disks really produce.

Every kind adds files and leaves the good ones alone, so that a reduction must still give all good results.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from iop4cli.simulate.errors import SimulationError
from iop4cli.simulate.headers import iso_utc
from iop4cli.simulate.seeds import stream
from iop4cli.unfinished import written_whole

if TYPE_CHECKING:
    from astropy.io.fits import Header

_FILE_NAME = re.compile(r"(?P<stem>.+)-(?P<number>\d{4})(?P<filter>[A-Z][A-Za-z]*(?:-?\d+)?)?\.fit")
_TWO_BEAMS = {"CAFOS 2.2", "ASI Camera (1)"}
_POLARISED = re.compile(r"R(-45|0|45|90)")


@dataclass(frozen=True)
class Damage:
    """One bad case: its kind, the files that show it, and what was done to them."""

    kind: str
    files: tuple[Path, ...]
    done: str


@dataclass(frozen=True)
class _GoodNight:
    folder: Path
    lights: tuple[Path, ...]
    flats: tuple[Path, ...]
    hours_after: float

    def copy_of(self, light: Path, number: int) -> tuple[str, Header, np.ndarray]:
        """Name, header and counts of a copy of a light, later by some hours, under another number."""
        header, counts = _read(light)
        _delay(header, self.hours_after + (number - 9000) / 10)
        return _renumbered(light, number), header, counts

    def group(self) -> tuple[Path, ...]:
        """The files of the first polarimetric group of four, by angle."""
        found: dict[str, list[Path]] = {}
        for path in self.lights:
            parts = _parts(path)
            if _POLARISED.fullmatch(parts["filter"] or ""):
                found.setdefault(f"{parts['stem']}-{parts['number']}", []).append(path)
        groups = [paths for paths in found.values() if len(paths) == 4]
        if not groups:
            raise SimulationError(f"{self.folder} has no polarimetric group to spoil: simulate mode pol or both")
        return tuple(groups[0])


def damage_night(folder: Path, kinds: Sequence[str] = ()) -> list[Damage]:
    """Add bad files to a simulated night folder (raw/TELESCOPE/NIGHT); no kinds = all of `damage_kinds()`.

    Says for each what was done to which file. Names get numbers from 9001 on, times come after the night.
    """
    folder = Path(folder)
    night = _good_night(folder)
    unknown = [kind for kind in kinds if kind not in _MAKERS]
    if unknown:
        raise SimulationError(f"no damage {unknown[0]!r}: there are {', '.join(_MAKERS)}")
    made = []
    for kind in kinds or damage_kinds():
        number = 9001 + damage_kinds().index(kind)
        files, done = _MAKERS[kind](night, number)
        made.append(Damage(kind, tuple(files), done))
    return made


def damage_kinds() -> tuple[str, ...]:
    """The names of all bad cases."""
    return tuple(_MAKERS)


def _good_night(folder: Path) -> _GoodNight:
    files = [p for p in sorted(folder.glob("*.fit")) if _FILE_NAME.fullmatch(p.name)]
    good = [p for p in files if int(_parts(p)["number"]) <= 9000]
    lights = tuple(p for p in good if not p.name.startswith(("Bias", "Flat")))
    if not lights:
        raise SimulationError(f"{folder} holds no simulated light frames")
    instruments = {_read_header(path)["INSTRUME"] for path in lights}
    if instruments & _TWO_BEAMS:
        raise SimulationError(
            f"{folder}: bad input is made for the single-beam cameras, not for {', '.join(instruments)}"
        )
    times = [_read_header(path)["JD"] for path in lights]
    return _GoodNight(
        folder,
        lights,
        tuple(p for p in good if p.name.startswith("Flat")),
        (max(times) - min(times)) * 24 + 0.5,
    )


def _truncated(night: _GoodNight, number: int) -> tuple[list[Path], str]:
    name, header, counts = night.copy_of(night.lights[0], number)
    path = _write(night.folder / name, header, counts)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 5])
    return [path], "the last two fifths of the file are missing"


def _empty(night: _GoodNight, number: int) -> tuple[list[Path], str]:
    path = night.folder / _renumbered(night.lights[0], number)
    path.write_bytes(b"")
    return [path], "the file has no bytes"


def _text(night: _GoodNight, number: int) -> tuple[list[Path], str]:
    path = night.folder / _renumbered(night.lights[0], number)
    path.write_text("22:14 clouds from the west, dome closed\n", encoding="utf-8")
    return [path], "a text file with the suffix .fit"


def _cube(night: _GoodNight, number: int) -> tuple[list[Path], str]:
    name, header, counts = night.copy_of(night.lights[0], number)
    return [_write(night.folder / name, header, np.stack([counts, counts]))], "NAXIS is 3"


def _without(keyword: str) -> Callable[[_GoodNight, int], tuple[list[Path], str]]:
    def make(night: _GoodNight, number: int) -> tuple[list[Path], str]:
        name, header, counts = night.copy_of(night.lights[0], number)
        del header[keyword]
        return [_write(night.folder / name, header, counts)], f"the header has no {keyword}"

    return make


def _with(keyword: str, value: str) -> Callable[[_GoodNight, int], tuple[list[Path], str]]:
    def make(night: _GoodNight, number: int) -> tuple[list[Path], str]:
        name, header, counts = night.copy_of(night.lights[0], number)
        header[keyword] = value
        return [_write(night.folder / name, header, counts)], f"{keyword} is {value!r}"

    return make


def _no_flat(night: _GoodNight, number: int) -> tuple[list[Path], str]:
    bands = {(_parts(path)["filter"] or "")[:1] for path in night.flats}
    free = next(band for band in ("V", "I", "B", "R") if band not in bands)
    name, header, counts = night.copy_of(night.lights[0], number)
    header["FILTER"] = free
    path = _write(night.folder / _with_filter(name, free), header, counts)
    return [path], f"a light in {free}, in which the night has no flats"


def _cloudy(night: _GoodNight, number: int) -> tuple[list[Path], str]:
    name, header, counts = night.copy_of(night.lights[0], number)
    rng = stream("cloud", name)
    noise = 1.4826 * np.median(np.abs(counts - np.median(counts)))
    bare = np.median(counts) + noise * rng.standard_normal(counts.shape)
    path = _write(night.folder / name, header, np.clip(np.rint(bare), 0, 65535).astype(np.uint16))
    return [path], "an overcast sky: level and noise of the good frame, no stars"


def _saturated(night: _GoodNight, number: int) -> tuple[list[Path], str]:
    name, header, counts = night.copy_of(night.lights[0], number)
    x, y, fwhm_px = _target_of(night.lights[0])
    reach = int(np.ceil(4 * fwhm_px))
    box = (
        slice(max(int(y) - reach, 0), int(y) + reach + 1),
        slice(max(int(x) - reach, 0), int(x) + reach + 1),
    )
    level = float(np.median(counts))
    above = counts[box] - level
    core = float(above.max())
    counts[box] = np.clip(level + above * (3 * 65535 / core), 0, 65535).astype(np.uint16)
    path = _write(night.folder / name, header, counts)
    return [path], f"the target at x = {x:.1f}, y = {y:.1f} is three times brighter than 65535 counts"


def _stranger(night: _GoodNight, number: int) -> tuple[list[Path], str]:
    name, header, counts = night.copy_of(night.lights[0], number)
    header["OBJECT"], header["OBJCTRA"], header["OBJCTDEC"] = "NGC 9999", "13 13 13", "+62 20 00"
    path = _write(night.folder / f"NGC9999-{number:04d}{_parts(Path(name))['filter']}.fit", header, counts)
    return [path], "OBJECT and pointing are of no source in the catalogue"


def _same_time(night: _GoodNight, number: int) -> tuple[list[Path], str]:
    header, counts = _read(night.lights[0])
    path = _write(night.folder / _renumbered(night.lights[0], number), header, counts)
    return [path], f"a second frame with the times of {night.lights[0].name}"


def _three_of_four(night: _GoodNight, number: int) -> tuple[list[Path], str]:
    members = [path for path in night.group() if _parts(path)["filter"] != "R90"]
    written = [
        _write(night.folder / name, header, counts)
        for name, header, counts in (night.copy_of(path, number) for path in members)
    ]
    return written, "a group without its frame at 90 degrees"


def _h_alpha(night: _GoodNight, number: int) -> tuple[list[Path], str]:
    first = _parts(night.flats[0])["filter"]
    written = []
    for path in (p for p in night.flats if _parts(p)["filter"] == first):
        header, counts = _read(path)
        header["FILTER"] = "Ha"
        written.append(_write(night.folder / _with_filter(path.name, "Ha"), header, counts))
    name, header, counts = night.copy_of(night.lights[0], number)
    header["FILTER"] = "Ha"
    written.append(_write(night.folder / _with_filter(name, "Ha"), header, counts))
    return written, "a light in Ha with its flats, a band without catalogue magnitudes"


_MAKERS: dict[str, Callable[[_GoodNight, int], tuple[list[Path], str]]] = {
    "truncated": _truncated,
    "empty": _empty,
    "text": _text,
    "cube": _cube,
    "no-exptime": _without("EXPTIME"),
    "no-jd": _without("JD"),
    "unknown-instrument": _with("INSTRUME", "ImagingSource DMK"),
    "unknown-filter": _with("FILTER", "Zeta7"),
    "no-flat": _no_flat,
    "cloudy": _cloudy,
    "saturated-target": _saturated,
    "unknown-target": _stranger,
    "same-time": _same_time,
    "three-of-four": _three_of_four,
    "h-alpha": _h_alpha,
}


def _parts(path: Path) -> dict[str, Any]:
    match = _FILE_NAME.fullmatch(path.name)
    if match is None:
        raise SimulationError(f"{path.name} is not named like a frame of the simulator")
    return match.groupdict()


def _renumbered(path: Path, number: int) -> str:
    parts = _parts(path)
    return f"{parts['stem']}-{number:04d}{parts['filter'] or ''}.fit"


def _with_filter(name: str, filter_name: str) -> str:
    parts = _parts(Path(name))
    return f"{parts['stem']}-{parts['number']}{filter_name}.fit"


def _target_of(light: Path) -> tuple[float, float, float]:
    """(x, y, FWHM) of the target in pixels, from the frames.csv that the simulator wrote."""
    import csv

    table = light.parents[3] / "frames.csv"
    if not table.is_file():
        raise SimulationError(f"{table} is missing: the target is saturated where the simulator put it")
    with table.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            if (row["telescope"], row["night"], row["file"]) == (*light.parts[-3:-1], light.name):
                fwhm_px = float(row["fwhm_arcsec"]) / float(row["scale_arcsec"])
                return float(row["target_x_px"]), float(row["target_y_px"]), fwhm_px
    raise SimulationError(f"{light.name} is not in {table}")


def _read_header(path: Path) -> Header:
    from astropy.io import fits

    return fits.getheader(path)


def _read(path: Path) -> tuple[Header, np.ndarray]:
    """Header without the keywords of the storage, and the counts as uint16."""
    from astropy.io import fits

    with fits.open(path) as hdus:
        counts = np.array(hdus[0].data, dtype=np.uint16)
        header = hdus[0].header.copy(strip=True)
    for keyword in ("BZERO", "BSCALE"):
        header.remove(keyword, ignore_missing=True)
    return header, counts


def _write(path: Path, header: Header, counts: np.ndarray) -> Path:
    from astropy.io import fits

    with written_whole(path) as temporary:
        fits.PrimaryHDU(counts, header).writeto(temporary, overwrite=True)
    return path


def _delay(header: Header, hours: float) -> None:
    start_jd = round(header["JD"] + hours / 24, 8)
    header["JD"] = start_jd
    header["DATE-OBS"] = iso_utc(start_jd - 2400000.5)
