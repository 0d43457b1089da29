"""Groups of exposures as the detector gives them: targets, calibrators and field stars through the same clouds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .cells import FILTER, Setting, angles_deg, cells_of
from .optics import Array, Instrument, starlight

ZERO_POINT = 25.0
# Of one aperture and exposure: 78 pixels with 13 electrons of sky and a read noise of 3.6 electrons each.
SKY_E, READ_NOISE_E = 1000.0, 31.6
N_FIELD_STARS, N_CALIBRATORS = 8, 4
STAR_SNR_RANGE = (40.0, 1000.0)
CATALOG_MAG_ERR_RANGE = (0.01, 0.03)
# One component of the field stars' own polarisation.
STAR_SCATTER = 0.003
GAIN_IMBALANCE = 0.03


@dataclass(frozen=True)
class KnownInstrument:
    """What the calibration says; the filter's instrumental polarisation is known with an error, drawn by group."""

    q_inst: float
    q_inst_err: float
    u_inst: float
    u_inst_err: float
    zero_angle_deg: float
    efficiency: float


KNOWN = {
    True: KnownInstrument(0.0579, 0.0030, 0.0583, 0.0023, -18.0, 0.96),
    False: KnownInstrument(0.0004, 0.0, -0.0455, 0.0, 41.0, 0.98),
}


@dataclass(frozen=True)
class Star:
    """Images of one star, shape (n_images, n_exposures): one image behind a filter, O and E behind a plate."""

    flux: Array
    error: Array


@dataclass(frozen=True)
class Group:
    """One group: targets in the order of `cells_of` with their true magnitude, q and u (each shape (n_targets,)).

    The frames, and so the calibrators' images, are common to all targets; what the catalogue says of the calibrators
    (n_targets, n_calibrators) is another for each.
    """

    angles_deg: Array
    targets: list[Star]
    mags: Array
    q: Array
    u: Array
    calibrators: list[Star]
    catalog_mags: Array
    catalog_mag_errs: Array
    field: list[Star]


def clear_flux(snr: Array | float, n_images: int) -> Array:
    """Electrons that n images must have together for a signal to noise, with sky and read noise under each."""
    noise = n_images * (SKY_E + READ_NOISE_E**2)
    squared = np.square(snr)
    return (squared + np.sqrt(squared**2 + 4 * squared * noise)) / 2


def draw_groups(setting: Setting, n: int, rng: np.random.Generator) -> list[Group]:
    """Groups, half of them (if there is a choice) with angles evenly spread."""
    return [group for evenly in (False, True) for group in _draw(setting, evenly, (n + (not evenly)) // 2, rng)]


def _draw(setting: Setting, evenly: bool, n: int, rng: np.random.Generator) -> list[Group]:
    cells = cells_of(setting)
    is_filter, n_targets, n_images = setting.analyser == FILTER, len(cells), 1 if setting.analyser == FILTER else 2
    angles = angles_deg(setting, evenly)
    n_others = N_FIELD_STARS + N_CALIBRATORS
    snr = np.exp(rng.uniform(*np.log(STAR_SNR_RANGE), (n, n_others)))
    snr = np.concatenate([np.tile([cell.snr for cell in cells], (n, 1)), snr], axis=1)
    # Half of the light passes a polariser; a plate and two beams lose none.
    intensity = (2.0 if is_filter else 1.0) * clear_flux(snr, n_images)
    q, u = STAR_SCATTER * rng.normal(size=(2, *snr.shape))
    double_chi = rng.uniform(0, 2 * np.pi, (n, n_targets))
    q[:, :n_targets] = [cell.p for cell in cells] * np.cos(double_chi)
    u[:, :n_targets] = [cell.p for cell in cells] * np.sin(double_chi)
    light = starlight(intensity, np.hypot(q, u), np.degrees(np.arctan2(u, q)) / 2)
    instrument = _instrument(is_filter, n, rng)
    images = [instrument.behind_polariser(light, angles)] if is_filter else instrument.behind_plate(light, angles)
    spread = np.sqrt(np.log1p(setting.clouds_rms**2))
    clouds = np.exp(spread * rng.normal(size=(n, 1, 1, angles.size)) - spread**2 / 2)
    flux, error = _detected(np.stack(list(images), axis=2) * clouds, rng)
    mags = ZERO_POINT - 2.5 * np.log10(intensity)
    catalog_errs = rng.uniform(*CATALOG_MAG_ERR_RANGE, (n, n_targets, N_CALIBRATORS))
    catalog = mags[:, None, n_targets : n_targets + N_CALIBRATORS]
    catalog = catalog + catalog_errs * rng.normal(size=catalog_errs.shape)
    groups = []
    for i in range(n):
        stars = [Star(flux[i, j], error[i, j]) for j in range(flux.shape[1])]
        groups.append(
            Group(
                angles,
                stars[:n_targets],
                mags[i, :n_targets],
                q[i, :n_targets],
                u[i, :n_targets],
                stars[n_targets : n_targets + N_CALIBRATORS],
                catalog[i],
                catalog_errs[i],
                stars[n_targets + N_CALIBRATORS :],
            )
        )
    return groups


def _instrument(is_filter: bool, n: int, rng: np.random.Generator) -> Instrument:
    """As the calibration says to its errors; what the polarisers lose is lost of its polarisation too."""
    known = KNOWN[is_filter]
    return Instrument(
        known.zero_angle_deg,
        (known.q_inst + known.q_inst_err * rng.normal(size=(n, 1))) / known.efficiency,
        (known.u_inst + known.u_inst_err * rng.normal(size=(n, 1))) / known.efficiency,
        known.efficiency,
        0.0 if is_filter else GAIN_IMBALANCE,
    )


def _detected(light: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Photons and read noise, less the sky; the error as it is estimated from what was measured."""
    measured = rng.poisson(light + SKY_E) + READ_NOISE_E * rng.normal(size=light.shape) - SKY_E
    return measured, np.sqrt(np.maximum(measured, 0.0) + SKY_E + READ_NOISE_E**2)
