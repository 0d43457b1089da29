"""What is exposed when: visits to the targets, exposure times, weather and pointing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from iop4cli.simulate.cameras import SKY_BRIGHTNESS
from iop4cli.simulate.errors import SimulationError
from iop4cli.simulate.fields import CatalogueSource, find_target, targets_of
from iop4cli.simulate.pointing import altitude_deg
from iop4cli.simulate.recipe import NightRecipe
from iop4cli.simulate.seeds import stream
from iop4cli.simulate.stars import peak_fraction
from iop4cli.simulate.truth import Scene

_EXPOSURES_S = (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300)
_FIRST_LIGHT_H, _LAST_LIGHT_H = 20.25, 33.5
_SLEW_S = 60.0
_ELECTRONS_WANTED = {"phot": 1.5e5, "pol": 2.0e5}
_SHORTEST_WANTED_S = 60.0
_WEATHER_MEMORY_S = 600.0
_DRIFT_ARCSEC_PER_MIN, _JITTER_ARCSEC = 0.3, 0.7
_WHITE_ADU = 65535


@dataclass(frozen=True)
class Exposure:
    """One light frame to come; `visit` numbers the pointings, `angle_deg` is None without polariser.

    `windowed`: only the camera's window is read.
    """

    target: CatalogueSource
    visit: int
    group: int
    band: str
    angle_deg: float | None
    exptime_s: float
    start_mjd_utc: float
    windowed: bool = False

    @property
    def mid_mjd_utc(self) -> float:
        return self.start_mjd_utc + self.exptime_s / 2 / 86400

    @property
    def mode(self) -> str:
        return "phot" if self.angle_deg is None else "pol"

    @property
    def filter_name(self) -> str:
        return filter_name(self.band, self.angle_deg)


@dataclass(frozen=True)
class Sky:
    """The weather and the telescope during one exposure."""

    transparency: float
    fwhm_arcsec: float
    east_arcsec: float
    north_arcsec: float


def filter_name(band: str, angle_deg: float | None) -> str:
    """`R`, or `R-45` for the polarised filter at -45 degrees, `R22.5` for the plate at 22.5."""
    return band if angle_deg is None else f"{band}{angle_deg:g}"


def filters_of(recipe: NightRecipe) -> list[tuple[str, float | None]]:
    """(band, polariser or plate angle) of every kind of light frame that a group of the night has."""
    polarised = [("R", angle) for angle in recipe.angles_deg] if recipe.mode != "phot" else []
    plain = [(band, None) for band in recipe.bands] if recipe.mode != "pol" else []
    return [*polarised, *plain]


def flat_filters_of(recipe: NightRecipe) -> list[tuple[str, float | None]]:
    """(band, angle) of every kind of flat that the night needs."""
    beams = recipe.camera.beams
    if beams is None or beams.flat_per_angle:
        return filters_of(recipe)
    return [(band, None) for band in dict.fromkeys(band for band, _ in filters_of(recipe))]


def flat_name(recipe: NightRecipe, band: str, angle_deg: float | None) -> str:
    """The filter through which a flat for such a light frame is taken."""
    return filter_name(band, angle_deg if (band, angle_deg) in flat_filters_of(recipe) else None)


def _frames_of_visit(recipe: NightRecipe, group: int) -> list[tuple[str, float | None, bool]]:
    """(band, angle, whether only the window is read) of the frames of a target's group, in their order.

    A camera with a window sees the whole field first: at each group in photometry, else at the first one.
    """
    frames = filters_of(recipe)
    if recipe.camera.window_px is None:
        return [(band, angle, False) for band, angle in frames]
    whole = [(band, angle, not recipe.full_frame) for band, angle in frames if angle is None]
    if recipe.mode == "pol" and recipe.full_frame and group == 1:
        whole = [("R", None, False)]
    return [*whole, *((band, angle, True) for band, angle in frames if angle is not None)]


def targets_for(recipe: NightRecipe, catalogue: list[CatalogueSource]) -> list[CatalogueSource]:
    """The targets that the recipe names, or a draw of those above 25 degrees at 22 h UTC."""
    if recipe.targets:
        return [find_target(name, catalogue) for name in recipe.targets]
    late = recipe.evening_mjd + 22 / 24
    up = [t for t in targets_of(catalogue) if altitude_deg(t.ra_deg, t.dec_deg, late) > 25]
    chosen = stream("targets", recipe.seed, recipe.night).permutation(len(up))[: recipe.n_targets]
    return [up[i] for i in chosen]


def exposure_time_s(recipe: NightRecipe, scene: Scene, band: str, polarised: bool) -> float:
    """A round time that gives the target a good signal and leaves every catalogued source unsaturated."""
    if recipe.exposure_s is not None:
        return recipe.exposure_s
    camera = recipe.camera
    per_s = {t.source.name: 10 ** (0.4 * (camera.zero_points[band] - t.mags[band])) for t in scene.catalogued}
    target_per_s = next(per_s[t.source.name] for t in scene.catalogued if t.is_target)
    wanted_s = max(_ELECTRONS_WANTED["pol" if polarised else "phot"] / target_per_s, _SHORTEST_WANTED_S)
    sharpest_px = 0.7 * recipe.seeing_arcsec / recipe.scale_arcsec
    brightest_e_per_s = max(per_s.values()) * peak_fraction(sharpest_px) * (0.6 if polarised else 1.0)
    range_e = min((_WHITE_ADU - camera.bias_adu) * camera.gain_e_per_adu, camera.full_well_e)
    longest_s = min(wanted_s, 0.6 * range_e / brightest_e_per_s)
    return float(max((t for t in _EXPOSURES_S if t <= longest_s), default=_EXPOSURES_S[0]))


def exposures(recipe: NightRecipe, targets: list[CatalogueSource], scenes: dict[str, Scene]) -> list[Exposure]:
    """All light frames of the night in time order; the targets take turns."""
    clock = recipe.evening_mjd + _FIRST_LIGHT_H / 24
    end = recipe.evening_mjd + _LAST_LIGHT_H / 24
    planned: list[Exposure] = []
    visit = 0
    for group in range(1, recipe.groups_per_target + 1):
        for target in targets:
            for band, angle, windowed in _frames_of_visit(recipe, group):
                exptime_s = exposure_time_s(recipe, scenes[target.name], band, angle is not None)
                start = round(clock * 86400, 3) / 86400
                planned.append(Exposure(target, visit, group, band, angle, exptime_s, start, windowed))
                clock += (exptime_s + recipe.camera.readout_s) / 86400
            visit += 1
            clock += _SLEW_S / 86400
    if clock > end:
        raise SimulationError(
            f"{len(planned)} frames would last until {(clock - recipe.evening_mjd - 1) * 24:.1f} h UTC of "
            "the next day: ask for fewer targets or groups, or shorter exposures"
        )
    return planned


def conditions(recipe: NightRecipe, planned: list[Exposure]) -> Iterator[Sky]:
    """Weather and pointing, frame by frame.

    The logarithm of the transparency has half its variance from frame to frame, half with a memory of ten
    minutes; so has the seeing. A visit starts off by `pointing_rms_arcsec` in each axis and drifts slowly.
    """
    rng = stream("weather", recipe.instrument, recipe.night, recipe.seed)
    slow = rng.standard_normal(2)
    start, offset, drift = planned[0], np.zeros(2), np.zeros(2)
    previous, visit = planned[0].start_mjd_utc, -1
    for number, exposure in enumerate(planned):
        kept = np.exp(-(exposure.start_mjd_utc - previous) * 86400 / _WEATHER_MEMORY_S)
        slow = kept * slow + np.sqrt(1 - kept**2) * rng.standard_normal(2)
        previous = exposure.start_mjd_utc
        clear, seeing = (slow + rng.standard_normal(2)) / np.sqrt(2)
        if exposure.visit != visit:
            start, visit = exposure, exposure.visit
            offset = recipe.pointing_rms_arcsec * rng.standard_normal(2)
            drift = _DRIFT_ARCSEC_PER_MIN * rng.standard_normal(2)
        minutes = (exposure.start_mjd_utc - start.start_mjd_utc) * 1440
        jitter = min(_JITTER_ARCSEC, recipe.pointing_rms_arcsec) * rng.standard_normal(2)
        east, north = offset + drift * minutes * bool(recipe.pointing_rms_arcsec) + jitter
        opaque = number in recipe.cloudy_frames
        yield Sky(
            0.0 if opaque else float(np.exp(recipe.transparency_rms * clear)),
            float(recipe.seeing_arcsec * np.exp(recipe.seeing_rms * seeing)),
            float(east),
            float(north),
        )


def sky_electrons_per_s(recipe: NightRecipe, band: str) -> float:
    """Sky background of one pixel, without polariser."""
    per_arcsec2 = 10 ** (0.4 * (recipe.camera.zero_points[band] - SKY_BRIGHTNESS[band]))
    return float(per_arcsec2 * recipe.scale_arcsec**2)
