"""How long to expose: signal, noise, and the time that a wanted error takes."""

from __future__ import annotations

import math
from dataclasses import dataclass

# Share of a star's light in its brightest pixel: a Gaussian of FWHM w pixels that is centred on one. Real profiles
# have wings and are less peaked (a Moffat one of beta 3.5: 0.70), so the limit by saturation is on the safe side.
_PEAK_OF_GAUSSIAN = 4.0 * math.log(2.0) / math.pi


@dataclass(frozen=True)
class Conditions:
    """What was measured with an instrument in a band.

    `zero_point_mag` gives one electron a second in the aperture, all images of the star together; `share` of that
    is in one image of one exposure, of which there are `n_images` (two beams), each with its own sky: behind a
    polarising filter 0.5 and 1, behind a plate with two beams 0.5 and 2, without an analyser 1 and 1. Sky and read
    noise are electrons of a pixel, lengths pixels; `annulus_px`: radii where the sky's level is taken.
    `transparency_err` is the relative error of the transparency of an exposure of 1 s, where that is measured on field
    stars: their photon noise, which falls with the root of the time.
    """

    zero_point_mag: float
    sky_e_per_s: float
    read_noise_e: float
    radius_px: float
    annulus_px: tuple[float, float]
    fwhm_px: float
    saturation_e: float
    share: float = 1.0
    n_images: int = 1
    transparency_err: float = 0.0

    @property
    def noisy_pixels(self) -> float:
        """Pixels whose noise counts: n (1 + n / n_annulus) for each image, the second part for the sky's level."""
        n_aperture = math.pi * self.radius_px**2
        n_annulus = math.pi * (self.annulus_px[1] ** 2 - self.annulus_px[0] ** 2)
        return self.n_images * n_aperture * (1.0 + n_aperture / n_annulus)

    def signal_e_per_s(self, mag: float) -> float:
        """Electrons a second of the star in one exposure, all its images."""
        return float(self.n_images * self.share * 10.0 ** (-0.4 * (mag - self.zero_point_mag)))


def snr(conditions: Conditions, mag: float, exptime_s: float, n_exposures: int = 1) -> float:
    """Signal-to-noise of the flux: S t / sqrt(S t + n_pix (sky t + r^2)), times the root of the number of exposures.

    Photons of star, sky and (if given) of the field stars, and the read noise, nothing else: no scintillation, flat
    fields, or errors of calibrators.
    Wrong for stars near saturation and in crowded fields.
    """
    signal = conditions.signal_e_per_s(mag) * exptime_s
    noise = conditions.noisy_pixels * (conditions.sky_e_per_s * exptime_s + conditions.read_noise_e**2)
    noise += (signal * conditions.transparency_err) ** 2 / exptime_s
    return math.sqrt(n_exposures) * signal / math.sqrt(signal + noise)


def p_error(conditions: Conditions, mag: float, exptime_s: float, n_exposures: int) -> float:
    """Error of q, and of u, a fraction, from exposures at angles spread evenly: sqrt(2 / n) / snr of one.

    A fit of f = I/2 (1 + q cos 2t + u sin 2t) to n filters, or of F = (O - E)/(O + E) to n plates with O + E as the
    signal, has just these. That of p is the same where p is several times larger, and p is biased below (debias).
    Holds for p << 1 and a perfect analyser.
    """
    return math.sqrt(2.0 / n_exposures) / snr(conditions, mag, exptime_s)


def exptime_for(conditions: Conditions, mag: float, snr_of_one: float) -> float:
    """Seconds of one exposure for a signal-to-noise k^(1/2).

    The positive root of S^2 t^2 = k ((S + n sky + S^2 T^2) t + n r^2), T the transparency's error.
    """
    signal, k = conditions.signal_e_per_s(mag), snr_of_one**2
    linear = k * (signal + conditions.noisy_pixels * conditions.sky_e_per_s)
    linear += k * (signal * conditions.transparency_err) ** 2
    constant = k * conditions.noisy_pixels * conditions.read_noise_e**2
    return (linear + math.sqrt(linear**2 + 4.0 * signal**2 * constant)) / (2.0 * signal**2)


def saturation_s(conditions: Conditions, mag: float, fill: float = 0.8) -> float:
    """Seconds in which the brightest pixel fills to a share of saturation."""
    light = conditions.signal_e_per_s(mag) / conditions.n_images
    peak_e_per_s = light * min(1.0, _PEAK_OF_GAUSSIAN / conditions.fwhm_px**2) + conditions.sky_e_per_s
    return fill * conditions.saturation_e / peak_e_per_s


@dataclass(frozen=True)
class Plan:
    """`n_exposures` of `exptime_s` each, and what they give; `limit` says what made them several."""

    exptime_s: float
    n_exposures: int
    snr: float
    limit: str


def plan(
    conditions: Conditions, mag: float, total_snr: float, *, longest_s: float, at_once: int = 1, most: int = 10000
) -> Plan | None:
    """The fewest exposures, in sets of `at_once`, that together reach a signal-to-noise; None if `most` do not.

    One exposure is no longer than `longest_s`, nor than saturation allows.
    """
    full_s = saturation_s(conditions, mag)
    limit_s = min(longest_s, full_s)
    limit = "" if limit_s <= 0 else ("saturation" if full_s < longest_s else "longest exposure")
    needed_sets = (total_snr / snr(conditions, mag, limit_s, at_once)) ** 2
    sets = max(1, math.ceil(needed_sets - 1e-9))
    if sets * at_once > most:
        return None
    n_exposures = sets * at_once
    exptime_s = exptime_for(conditions, mag, total_snr / math.sqrt(n_exposures))
    return Plan(exptime_s, n_exposures, snr(conditions, mag, exptime_s, n_exposures), limit if sets > 1 else "")
