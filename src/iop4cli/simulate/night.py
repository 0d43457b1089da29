"""Raw nights of photometry and polarimetry, with the truth beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from iop4cli.simulate import headers, headers_cafos, headers_dipol
from iop4cli.simulate.detector import Detector
from iop4cli.simulate.fields import CatalogueSource, calibrators_of, field_stars, read_catalogue
from iop4cli.simulate.light import light_on_detector, with_companion
from iop4cli.simulate.recipe import NightRecipe
from iop4cli.simulate.schedule import (
    Exposure,
    Sky,
    conditions,
    exposures,
    filter_name,
    flat_filters_of,
    flat_name,
    targets_for,
)
from iop4cli.simulate.seeds import stream
from iop4cli.simulate.tables import FrameTruth, TruthRow, append_frames, append_sources, append_truth
from iop4cli.simulate.truth import Scene, TrueSource, make_scene, without_stars
from iop4cli.simulate.view import View, views
from iop4cli.unfinished import written_whole

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["NightRecipe", "SimulatedNight", "simulate_night"]

Progress = Callable[[int, int, str], None]

_TWILIGHT_H = 18.4
_FLAT_EXPTIME_S = 4.0
_FLAT_LEVEL_ADU = (20_000, 34_000)
_DARK_EXPTIME_S = 120.0


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
    n_darks = recipe.n_darks if recipe.camera.dark_e_per_s is not None else 0
    writer = _Writer(
        folder / "raw" / recipe.camera.telescope_folder / recipe.night,
        recipe.n_bias + n_darks + recipe.n_flats * len(flat_filters_of(recipe)) + len(planned),
        progress,
    )
    detector = Detector(
        recipe.camera,
        recipe.image_size_px,
        recipe.night,
        noise=recipe.noise,
        hot_pixels=recipe.hot_pixels,
        cosmic_rays=recipe.cosmic_rays,
        height_px=recipe.image_height_px,
    )
    _write_calibration_frames(recipe, detector, writer, n_darks)
    skies = list(conditions(recipe, planned))
    seen = list(views(recipe, planned, skies))
    frames = [
        _write_light(recipe, detector, writer, scenes[exposure.target.name], exposure, sky, view)
        for exposure, sky, view in zip(planned, skies, seen, strict=True)
    ]
    truth = _truth_rows(recipe, planned, frames, seen, scenes)
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
    scene = make_scene(
        target,
        calibrators_of(target, catalogue),
        field_stars(target, catalogue, recipe.star_density),
        recipe.seed,
        recipe.night,
        recipe.wish,
        recipe.field_polarisation_rms,
    )
    return with_companion(recipe, scene)


def _headers(recipe: NightRecipe):
    """The module that knows headers and file names of the camera."""
    return {"CAFOS": headers_cafos, "DIPOL": headers_dipol}.get(recipe.instrument, headers)


class _Writer:
    """Writes frames under a temporary name first, and counts them."""

    def __init__(self, folder: Path, total: int, progress: Progress | None) -> None:
        self.folder, self.total, self.progress = folder, total, progress
        self.files: list[Path] = []
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, header: Header, counts: np.ndarray) -> Path:
        from astropy.io import fits

        path = self.folder / name
        with written_whole(path) as temporary:
            fits.PrimaryHDU(counts, header).writeto(temporary, overwrite=True)
        self.files.append(path)
        if self.progress:
            self.progress(len(self.files), self.total, name)
        return path


def _write_calibration_frames(recipe: NightRecipe, detector: Detector, writer: _Writer, n_darks: int) -> None:
    """Bias frames, darks if the camera needs them, then sky flats behind each filter, in the evening's twilight."""
    written = _headers(recipe)
    night = (recipe.instrument, recipe.night, recipe.seed)
    clock = recipe.evening_mjd + _TWILIGHT_H / 24 - n_darks * (_DARK_EXPTIME_S + 5) / 86400
    for number in range(1, n_darks + 1):
        counts = detector.dark(_DARK_EXPTIME_S, stream("dark", *night, number))
        header = written.dark_header(recipe, _DARK_EXPTIME_S, clock)
        writer.write(written.calibration_name("dark", number, ""), header, counts)
        clock += (_DARK_EXPTIME_S + 5) / 86400
    for number in range(1, recipe.n_bias + 1):
        counts = detector.bias(stream("bias", *night, number))
        writer.write(written.calibration_name("bias", number, ""), written.bias_header(recipe, clock), counts)
        clock += 10 / 86400
    for band, angle in flat_filters_of(recipe):
        name = filter_name(band, angle)
        for number in range(1, recipe.n_flats + 1):
            rng = stream("flat", *night, name, number)
            level_e = rng.uniform(*_FLAT_LEVEL_ADU) * recipe.camera.gain_e_per_adu
            twilight = np.full(detector.shape, level_e, dtype=np.float32)
            counts = detector.expose(twilight, name, _FLAT_EXPTIME_S, rng)
            header = written.flat_header(recipe, band, angle, _FLAT_EXPTIME_S, clock)
            writer.write(written.calibration_name("flat", number, name), header, counts)
            clock += (_FLAT_EXPTIME_S + 14) / 86400


def _write_light(
    recipe: NightRecipe,
    detector: Detector,
    writer: _Writer,
    scene: Scene,
    exposure: Exposure,
    sky: Sky,
    view: View,
) -> FrameTruth:
    target, pointing, window = exposure.target, view.pointing, view.window
    written = _headers(recipe)
    name = written.light_name(exposure)
    rng = stream("light", recipe.instrument, recipe.night, recipe.seed, name)
    light_e = light_on_detector(recipe, scene, exposure, sky, view)
    filter_label = flat_name(recipe, exposure.band, exposure.angle_deg)
    stars_e = None
    if not recipe.star_noise:
        sky_e = light_on_detector(recipe, without_stars(scene), exposure, sky, view)
        light_e, stars_e = sky_e, light_e - sky_e
    counts = detector.expose(light_e, filter_label, exposure.exptime_s, rng, window.slices, stars_e)
    writer.write(name, written.light_header(recipe, exposure, view), counts)
    x, y = view.pixels(target.ra_deg, target.dec_deg)
    other = (None, None) if view.displacement_px is None else view.extraordinary_pixels(target.ra_deg, target.dec_deg)
    e_x, e_y = (None if place is None else float(place) for place in other)
    return FrameTruth(
        recipe.camera.telescope_folder, recipe.instrument, recipe.night, name, target.name,
        exposure.filter_name, exposure.exptime_s, exposure.mid_mjd_utc, pointing.ra_deg, pointing.dec_deg,
        pointing.angle_deg, recipe.scale_arcsec, float(x), float(y), sky.fwhm_arcsec, sky.transparency,
        e_x, e_y, view.flipped, window.x0_px, window.y0_px, window.width_px, window.height_px,
    )  # fmt: skip


def _truth_rows(
    recipe: NightRecipe,
    planned: list[Exposure],
    frames: list[FrameTruth],
    seen: list[View],
    scenes: dict[str, Scene],
) -> list[TruthRow]:
    """One row per frame of photometry and per group of polarimetry, for each source on all its frames."""
    measurements: dict[tuple, list[tuple[Exposure, FrameTruth, View]]] = {}
    for exposure, frame, view in zip(planned, frames, seen, strict=True):
        key = (exposure.target.name, exposure.group, exposure.mode, exposure.band)
        measurements.setdefault(key, []).append((exposure, frame, view))
    rows = []
    for (target, _, mode, band), members in measurements.items():
        for true in scenes[target].catalogued:
            if all(view.shows(true.source.ra_deg, true.source.dec_deg) for _, _, view in members):
                rows.append(_truth_row(recipe, [(e, frame) for e, frame, _ in members], true, mode, band))
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
