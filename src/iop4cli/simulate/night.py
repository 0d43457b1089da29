"""Raw nights of photometry and polarised-filter polarimetry, with the truth beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from iop4cli.simulate.detector import Detector
from iop4cli.simulate.fields import CatalogueSource, calibrators_of, field_stars, read_catalogue
from iop4cli.simulate.headers import bias_header, file_stem, flat_header, light_header
from iop4cli.simulate.optics import light, transmitted
from iop4cli.simulate.pointing import Pointing, moved
from iop4cli.simulate.recipe import NightRecipe
from iop4cli.simulate.schedule import (
    Exposure,
    Sky,
    conditions,
    exposures,
    filter_name,
    filters_of,
    sky_electrons_per_s,
    targets_for,
)
from iop4cli.simulate.seeds import stream
from iop4cli.simulate.stars import add_stars
from iop4cli.simulate.tables import FrameTruth, TruthRow, append_frames, append_sources, append_truth
from iop4cli.simulate.truth import Scene, TrueSource, make_scene

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["NightRecipe", "SimulatedNight", "simulate_night"]

Progress = Callable[[int, int, str], None]

_TWILIGHT_H = 18.4
_FLAT_EXPTIME_S = 4.0
_FLAT_LEVEL_ADU = (20_000, 34_000)
_EDGE_PX = 10


@dataclass(frozen=True)
class SimulatedNight:
    """What was written: raw files in the order of exposure, truth per source, circumstances per frame."""

    folder: Path
    night_folder: Path
    recipe: NightRecipe
    files: tuple[Path, ...]
    frames: tuple[FrameTruth, ...]
    truth: tuple[TruthRow, ...]
    sources: tuple[CatalogueSource, ...]
    scenes: dict[str, Scene] = field(repr=False)


def simulate_night(folder: Path, recipe: NightRecipe, progress: Progress | None = None) -> SimulatedNight:
    """Write a night into `folder`/raw and add to its truth.csv, frames.csv and sources.csv.

    Several nights may go into one folder. `progress(done, total, file name)` is called after each frame.
    """
    folder = Path(folder)
    catalogue = read_catalogue()
    targets = targets_for(recipe, catalogue)
    scenes = {target.name: _scene(recipe, target, catalogue) for target in targets}
    planned = exposures(recipe, targets, scenes)
    writer = _Writer(
        folder / "raw" / recipe.camera.telescope_folder / recipe.night,
        recipe.n_bias + recipe.n_flats * len(filters_of(recipe)) + len(planned),
        progress,
    )
    detector = Detector(
        recipe.camera,
        recipe.image_size_px,
        recipe.night,
        noise=recipe.noise,
        hot_pixels=recipe.hot_pixels,
        cosmic_rays=recipe.cosmic_rays,
    )
    _write_calibration_frames(recipe, detector, writer)
    frames = [
        _write_light(recipe, detector, writer, scenes[exposure.target.name], exposure, sky)
        for exposure, sky in zip(planned, conditions(recipe, planned), strict=True)
    ]
    truth = _truth_rows(recipe, planned, frames, scenes)
    sources = [s for t in targets for s in (t, *calibrators_of(t, catalogue))]
    append_truth(folder, truth)
    append_frames(folder, frames)
    append_sources(folder, sources)
    return SimulatedNight(
        folder,
        writer.folder,
        recipe,
        tuple(writer.files),
        tuple(frames),
        tuple(truth),
        tuple(sources),
        scenes,
    )


def _scene(recipe: NightRecipe, target: CatalogueSource, catalogue: list[CatalogueSource]) -> Scene:
    return make_scene(
        target,
        calibrators_of(target, catalogue),
        field_stars(target, catalogue),
        recipe.seed,
        recipe.night,
        recipe.wish,
        recipe.field_polarisation_rms,
    )


class _Writer:
    """Writes frames under a temporary name first, and counts them."""

    def __init__(self, folder: Path, total: int, progress: Progress | None) -> None:
        self.folder, self.total, self.progress = folder, total, progress
        self.files: list[Path] = []
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, header: Header, counts: np.ndarray) -> Path:
        from astropy.io import fits

        path, temporary = self.folder / name, self.folder / f".{name}.part"
        fits.PrimaryHDU(counts, header).writeto(temporary, overwrite=True)
        temporary.replace(path)
        self.files.append(path)
        if self.progress:
            self.progress(len(self.files), self.total, name)
        return path


def _write_calibration_frames(recipe: NightRecipe, detector: Detector, writer: _Writer) -> None:
    """Bias frames, then sky flats behind each filter, in the evening's twilight."""
    clock = recipe.evening_mjd + _TWILIGHT_H / 24
    for number in range(1, recipe.n_bias + 1):
        rng = stream("bias", recipe.instrument, recipe.night, recipe.seed, number)
        writer.write(f"Bias-{number:04d}.fit", bias_header(recipe, clock), detector.bias(rng))
        clock += 10 / 86400
    for band, angle in filters_of(recipe):
        name = filter_name(band, angle)
        for number in range(1, recipe.n_flats + 1):
            rng = stream("flat", recipe.instrument, recipe.night, recipe.seed, name, number)
            level_e = rng.uniform(*_FLAT_LEVEL_ADU) * recipe.camera.gain_e_per_adu
            twilight = np.full((recipe.image_size_px,) * 2, level_e, dtype=np.float32)
            counts = detector.expose(twilight, name, _FLAT_EXPTIME_S, rng)
            header = flat_header(recipe, band, angle, _FLAT_EXPTIME_S, clock)
            writer.write(f"Flat-{number:04d}{name}.fit", header, counts)
            clock += (_FLAT_EXPTIME_S + 14) / 86400


def _write_light(
    recipe: NightRecipe, detector: Detector, writer: _Writer, scene: Scene, exposure: Exposure, sky: Sky
) -> FrameTruth:
    target = exposure.target
    ra, dec = moved(target.ra_deg, target.dec_deg, sky.east_arcsec, sky.north_arcsec)
    pointing = Pointing(ra, dec, recipe.angle_deg, recipe.scale_arcsec, recipe.image_size_px, recipe.distortion)
    name = f"{file_stem(target)}-{exposure.group:04d}{exposure.filter_name}.fit"
    rng = stream("light", recipe.instrument, recipe.night, recipe.seed, name)
    light_e = _light_on_detector(recipe, scene, exposure, sky, pointing)
    counts = detector.expose(light_e, exposure.filter_name, exposure.exptime_s, rng)
    writer.write(name, light_header(recipe, exposure), counts)
    x, y = pointing.pixels(target.ra_deg, target.dec_deg)
    return FrameTruth(
        recipe.camera.telescope_folder, recipe.instrument, recipe.night, name, target.name,
        exposure.filter_name, exposure.exptime_s, exposure.mid_mjd_utc, ra, dec, recipe.angle_deg,
        recipe.scale_arcsec, float(x), float(y), sky.fwhm_arcsec, sky.transparency,
    )  # fmt: skip


def _light_on_detector(
    recipe: NightRecipe, scene: Scene, exposure: Exposure, sky: Sky, pointing: Pointing
) -> np.ndarray:
    """Expected electrons per pixel of response 1: the unpolarised sky and every star."""
    through = transmitted(scene.stokes, recipe.calibration, exposure.angle_deg)
    sky_through = float(transmitted(light(0.0, 0.0), recipe.calibration, exposure.angle_deg))
    zero_point = recipe.camera.zero_points[exposure.band]
    arriving_e = 10 ** (0.4 * (zero_point - scene.mags[exposure.band])) * exposure.exptime_s
    background_e = sky_electrons_per_s(recipe, exposure.band) * exposure.exptime_s * sky_through
    image = np.full((recipe.image_size_px,) * 2, background_e, dtype=np.float32)
    x, y = pointing.pixels(scene.ra_deg, scene.dec_deg)
    add_stars(image, x, y, arriving_e * through * sky.transparency, sky.fwhm_arcsec / recipe.scale_arcsec)
    return image


def _truth_rows(
    recipe: NightRecipe, planned: list[Exposure], frames: list[FrameTruth], scenes: dict[str, Scene]
) -> list[TruthRow]:
    """One row per frame of photometry and per group of polarimetry, for each source on all its frames."""
    measurements: dict[tuple, list[tuple[Exposure, FrameTruth]]] = {}
    for exposure, frame in zip(planned, frames, strict=True):
        key = (exposure.target.name, exposure.group, exposure.mode, exposure.band)
        measurements.setdefault(key, []).append((exposure, frame))
    rows = []
    for (target, _, mode, band), members in measurements.items():
        for true in scenes[target].catalogued:
            if not all(_is_on(recipe, frame, true.source) for _, frame in members):
                continue
            rows.append(_truth_row(recipe, members, true, mode, band))
    return rows


def _truth_row(
    recipe: NightRecipe,
    members: list[tuple[Exposure, FrameTruth]],
    true: TrueSource,
    mode: str,
    band: str,
) -> TruthRow:
    polarised = mode == "pol"
    return TruthRow(
        source=true.source.name,
        telescope=recipe.camera.telescope_folder,
        instrument=recipe.instrument,
        night=recipe.night,
        mode=mode,
        band=band,
        mjd_utc=float(np.mean([exposure.mid_mjd_utc for exposure, _ in members])),
        exptime_s=members[0][0].exptime_s,
        mag=true.mags[band],
        q=true.q if polarised else None,
        u=true.u if polarised else None,
        p=true.p if polarised else None,
        chi_deg=true.chi_deg if polarised else None,
        is_target=true.is_target,
        frames=";".join(frame.file for _, frame in members),
    )


def pointing_of(frame: FrameTruth, size_px: int, distortion: float = 0.0) -> Pointing:
    """The true geometry of a simulated frame."""
    return Pointing(frame.ra_deg, frame.dec_deg, frame.angle_deg, frame.scale_arcsec, size_px, distortion)


def _is_on(recipe: NightRecipe, frame: FrameTruth, source: CatalogueSource) -> bool:
    x, y = pointing_of(frame, recipe.image_size_px, recipe.distortion).pixels(source.ra_deg, source.dec_deg)
    last = recipe.image_size_px - 1 - _EDGE_PX
    return bool(_EDGE_PX <= x <= last and _EDGE_PX <= y <= last)
