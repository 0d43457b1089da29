"""What part of the sky falls where on a frame: pointing, window, beams, mirrored or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from iop4cli.simulate.pointing import Pointing, moved
from iop4cli.simulate.recipe import NightRecipe
from iop4cli.simulate.schedule import Exposure, Sky
from iop4cli.simulate.seeds import stream

_EDGE_PX = 10
_WINDOW_RMS_PX = 20.0


@dataclass(frozen=True)
class Window:
    """The part of the chip that is read, in binned pixels: first column and row (from 0), width, height."""

    x0_px: int
    y0_px: int
    width_px: int
    height_px: int

    @property
    def shape(self) -> tuple[int, int]:
        """Of the image: (rows, columns)."""
        return self.height_px, self.width_px

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns."""
        return (
            slice(self.y0_px, self.y0_px + self.height_px),
            slice(self.x0_px, self.x0_px + self.width_px),
        )


@dataclass(frozen=True)
class View:
    """How one frame sees the sky; `displacement_px` is E - O, None where each star has one image."""

    pointing: Pointing
    window: Window
    flipped: bool = False
    displacement_px: tuple[float, float] | None = None

    def pixels(self, ra_deg, dec_deg) -> tuple[np.ndarray, np.ndarray]:
        """(x, y) of the only or the ordinary image, from 0 in the frame as written."""
        x, y = self.pointing.pixels(ra_deg, dec_deg)
        return x - self.window.x0_px, y - self.window.y0_px

    def extraordinary_pixels(self, ra_deg, dec_deg) -> tuple[np.ndarray, np.ndarray]:
        """(x, y) of the extraordinary image."""
        if self.displacement_px is None:
            raise ValueError("this frame has one image of each star")
        x, y = self.pixels(ra_deg, dec_deg)
        return x + self.displacement_px[0], y + self.displacement_px[1]

    def shows(self, ra_deg: float, dec_deg: float) -> bool:
        """Whether an image of the position lies on the frame, ten pixels from its edge or more."""
        places = [self.pixels(ra_deg, dec_deg)]
        if self.displacement_px is not None:
            places.append(self.extraordinary_pixels(ra_deg, dec_deg))
        last_x, last_y = self.window.width_px - 1 - _EDGE_PX, self.window.height_px - 1 - _EDGE_PX
        return any(_EDGE_PX <= x <= last_x and _EDGE_PX <= y <= last_y for x, y in places)


def whole_chip(recipe: NightRecipe) -> Window:
    """The window of a frame that is read completely."""
    return Window(0, 0, recipe.image_size_px, recipe.image_height_px)


def displacement_px(recipe: NightRecipe, flipped: bool) -> tuple[float, float]:
    """E - O of a night: the camera's, moved by up to half its spread."""
    beams = recipe.camera.beams
    if beams is None:
        raise ValueError(f"{recipe.instrument} has one beam")
    x, y = stream("displacement", recipe.instrument, recipe.night, recipe.seed).uniform(-0.5, 0.5, 2)
    dx, dy = beams.dx_px + float(x) * beams.dx_spread_px, beams.dy_px + float(y) * beams.dy_spread_px
    dx, dy = dx * recipe.pixels_per_usual, dy * recipe.pixels_per_usual
    return (dx, -dy) if flipped and recipe.flip_beams else (dx, dy)


def pointing_to(recipe: NightRecipe, ra_deg: float, dec_deg: float, flipped: bool) -> Pointing:
    """The telescope's pointing with that position in the middle of the chip."""
    return Pointing(
        ra_deg,
        dec_deg,
        recipe.angle_deg,
        recipe.scale_arcsec,
        recipe.image_size_px,
        recipe.distortion,
        recipe.image_height_px,
        flipped,
    )


def views(recipe: NightRecipe, planned: Iterable[Exposure], skies: Iterable[Sky]) -> Iterator[View]:
    """The view of each exposure.

    The window of a visit is laid around the pair of the target's images where its first exposure finds
    them, some pixels off as the observer's hand is, and stays while the telescope drifts.
    """
    windows: dict[int, Window] = {}
    for exposure, sky in zip(planned, skies, strict=True):
        target = exposure.target
        ra, dec = moved(target.ra_deg, target.dec_deg, sky.east_arcsec, sky.north_arcsec)
        flipped = _flipped(recipe, exposure)
        displacement = displacement_px(recipe, flipped) if _has_two_beams(recipe, exposure) else None
        pointing = pointing_to(recipe, ra, dec, flipped)
        if exposure.windowed and exposure.visit not in windows:
            seen = View(pointing, whole_chip(recipe), flipped, displacement)
            windows[exposure.visit] = _window_around(recipe, exposure, seen)
        window = windows[exposure.visit] if exposure.windowed else whole_chip(recipe)
        yield View(pointing, window, flipped, displacement)


def _flipped(recipe: NightRecipe, exposure: Exposure) -> bool:
    if exposure.windowed or recipe.flip_full is None:
        return recipe.flip
    return recipe.flip_full


def _has_two_beams(recipe: NightRecipe, exposure: Exposure) -> bool:
    beams = recipe.camera.beams
    return beams is not None and (exposure.angle_deg is not None or beams.without_plate)


def _window_around(recipe: NightRecipe, exposure: Exposure, seen: View) -> Window:
    places = np.array(
        [see(exposure.target.ra_deg, exposure.target.dec_deg) for see in (seen.pixels, seen.extraordinary_pixels)]
    )
    rng = stream("window", recipe.instrument, recipe.night, recipe.seed, exposure.visit)
    middle = places.mean(axis=0) + _WINDOW_RMS_PX * rng.standard_normal(2)
    usual = [side * recipe.pixels_per_usual for side in recipe.camera.window_px or (0, 0)]
    chip, asked = seen.window, recipe.window_px or usual
    width, height = min(asked[0], chip.width_px), min(asked[1], chip.height_px)
    x0, y0 = (round(float(c)) for c in middle - np.array([width, height]) / 2)
    return Window(min(max(x0, 0), chip.width_px - width), min(max(y0, 0), chip.height_px - height), width, height)
