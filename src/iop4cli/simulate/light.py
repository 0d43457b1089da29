"""The light of a field on the detector: every star, in one image or two, and the sky under them."""

from __future__ import annotations

import numpy as np

from iop4cli.simulate.optics import light, transmitted, two_beams
from iop4cli.simulate.recipe import NightRecipe
from iop4cli.simulate.schedule import Exposure, Sky, sky_electrons_per_s
from iop4cli.simulate.seeds import stream
from iop4cli.simulate.stars import add_stars
from iop4cli.simulate.truth import Scene, with_star
from iop4cli.simulate.view import View, displacement_px, pointing_to

# Wings that hold less than this are left out: it is far below the noise of one pixel.
_SPARE_E = 0.3


def light_on_detector(recipe: NightRecipe, scene: Scene, exposure: Exposure, sky: Sky, view: View) -> np.ndarray:
    """Expected electrons per pixel of response 1, shape (y, x): the unpolarised sky and every star."""
    zero_point = recipe.camera.zero_points[exposure.band]
    arriving_e = 10 ** (0.4 * (zero_point - scene.mags[exposure.band])) * exposure.exptime_s
    sky_e = sky_electrons_per_s(recipe, exposure.band) * exposure.exptime_s
    fwhm_px = sky.fwhm_arcsec / recipe.scale_arcsec
    if view.displacement_px is not None:
        return _two_images(recipe, scene, exposure, view, arriving_e * sky.transparency, sky_e, fwhm_px)
    angle_deg = None if recipe.camera.beams else exposure.angle_deg
    through = transmitted(scene.stokes, recipe.calibration, angle_deg)
    sky_through = float(transmitted(light(0.0, 0.0), recipe.calibration, angle_deg))
    image = np.full(view.window.shape, sky_e * sky_through, dtype=np.float32)
    x, y = view.pixels(scene.ra_deg, scene.dec_deg)
    add_stars(image, x, y, arriving_e * through * sky.transparency, fwhm_px)
    return image


def _two_images(
    recipe: NightRecipe,
    scene: Scene,
    exposure: Exposure,
    view: View,
    arriving_e: np.ndarray,
    sky_e: float,
    fwhm_px: float,
) -> np.ndarray:
    """Ordinary and extraordinary image of every star; each pixel sees the sky of both beams.

    Without an angle the plate stands at zero.
    """
    plate_angle_deg = exposure.angle_deg or 0.0
    beams = two_beams(scene.stokes, recipe.calibration, plate_angle_deg, recipe.beam_imbalance)
    of_sky = two_beams(light(0.0, 0.0), recipe.calibration, plate_angle_deg, recipe.beam_imbalance)
    image = np.full(view.window.shape, sky_e * sum(of_sky), dtype=np.float32)
    places = (view.pixels, view.extraordinary_pixels)
    for name, through, see in zip("OE", beams, places, strict=True):
        electrons = arriving_e * through
        if recipe.block_beam == name:
            electrons[:1] = 0.0
        x, y = see(scene.ra_deg, scene.dec_deg)
        add_stars(image, x, y, electrons, fwhm_px, spare_e=_SPARE_E)
    return image


def with_companion(recipe: NightRecipe, scene: Scene) -> Scene:
    """The scene with the star that the recipe wants beside the target, if any.

    Its extraordinary image falls on the target's ordinary one, or the other way about.
    """
    if recipe.companion is None:
        return scene
    dx, dy = displacement_px(recipe, recipe.flip)
    if recipe.companion == "O":
        dx, dy = -dx, -dy
    true = scene.catalogued[0]
    target = true.source
    pointing = pointing_to(recipe, target.ra_deg, target.dec_deg, recipe.flip)
    ra, dec = pointing.beside(target.ra_deg, target.dec_deg, dx, dy)
    mag_r = true.mags["R"] if recipe.companion_mag is None else recipe.companion_mag
    q, u = recipe.field_polarisation_rms * stream("companion", recipe.seed, target.name).standard_normal(2)
    return with_star(scene, ra, dec, mag_r, float(q), float(u))
