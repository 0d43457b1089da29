"""The target among the few stars of a subframe: never another star."""

import numpy as np
import pytest

from iop4cli.science.placing import Around, outstanding, place

SUBFRAME = (896, 1120)
MIDDLE = (SUBFRAME[1] / 2, SUBFRAME[0] / 2)
TOLERANCE_PX = 6.0
FULL_PX = 2000.0
TURN_ERR_RAD = np.radians(11.5)


class Sky:
    """A target at 0 with stars around it (offsets in pixels of an unturned frame), brighter and fainter than it."""

    def __init__(self, rng):
        self.rng = rng
        n_field = rng.poisson(np.exp(rng.uniform(np.log(0.5), np.log(80))))
        self.z = np.append(0, rng.uniform(-FULL_PX, FULL_PX, n_field) + 1j * rng.uniform(-FULL_PX, FULL_PX, n_field))
        # Counts grow as 10^(0.28 R) from 10.5 to 18.5.
        span = 10 ** (-0.28 * 8)
        self.mag = 18.5 + np.log10(span + rng.random(n_field + 1) * (1 - span)) / 0.28
        self.mag[0] = rng.uniform(12, 17)
        keep = np.abs(self.z) > 90  # 12 arcsec: those who chose the targets saw to that
        keep[0] = True
        self.z, self.mag = self.z[keep], self.mag[keep]

    def seen(self, limit_mag, flaws, turn=1.0, origin=0j, box=None, lost=False):
        """(positions, fluxes, which star: -1 for false ones) of what a frame shows: 1 is the flux of `limit_mag`.

        Of all stars but the target, which is exposed for, a share is missing, and so many false ones are there.
        """
        rng = self.rng
        flux = 10 ** (0.4 * (limit_mag - self.mag)) * rng.uniform(0.7, 1.3, len(self.z)) ** (self.mag == self.mag[0])
        flux = flux * np.exp(rng.standard_normal(len(flux)) * np.hypot(0.02, 0.2 / np.sqrt(flux)))
        z = origin + turn * self.z + 0.7 * (rng.standard_normal(len(flux)) + 1j * rng.standard_normal(len(flux)))
        which = np.arange(len(z))
        kept = (flux > 1) & (rng.random(len(z)) >= flaws)
        kept[0] = flux[0] > 1 and not lost
        if box is not None:
            kept &= (z.real > 5) & (z.real < box[1] - 5) & (z.imag > 5) & (z.imag < box[0] - 5)
        z, flux, which = z[kept], flux[kept], which[kept]
        if box is not None and rng.random() < flaws:
            z = np.append(z, rng.uniform(0, box[1]) + 1j * rng.uniform(0, box[0]))
            flux, which = np.append(flux, 10 ** rng.uniform(0, 1)), np.append(which, -1)
        return z, flux, which


def drawn(rng, flaws, *, by_catalogue, lost=False):
    """The answer for one subframe: True (right), False (wrong) or None (not placed)."""
    sky = Sky(rng)
    # Nobody measures the polarisation of a target with less than some ten times the noise that limits detection.
    full_mag, sub_mag = rng.uniform(16.5, 18.5), max(rng.uniform(15.5, 18.5), sky.mag[0] + 2.0)
    turn = np.exp(1j * rng.uniform(-0.1, 0.1)) if by_catalogue else 1.0
    origin = complex(*MIDDLE) + 60 * (rng.standard_normal() + 1j * rng.standard_normal())
    z, flux, which = sky.seen(sub_mag, flaws, turn, origin, SUBFRAME, lost)
    expected = None
    if by_catalogue:
        listed = 1 + rng.permutation(len(sky.z) - 1)[: rng.integers(0, 5)]
        listed = listed[(sky.mag[listed] < 16.5) & (np.abs(sky.z[listed]) < 2000)]
        around = Around(sky.z[listed].real, sky.z[listed].imag, np.full(len(listed), np.nan), TURN_ERR_RAD)
    else:
        known, known_flux, known_which = sky.seen(full_mag, flaws)
        if 0 not in known_which:
            return None
        own = int(np.nonzero(known_which == 0)[0][0])
        rest = known_which != 0
        expected = known_flux[own] * 10 ** (0.4 * (sub_mag - full_mag)) * np.exp(0.1 * rng.standard_normal())
        offset = known[rest] - known[own]
        around = Around(offset.real, offset.imag, known_flux[rest] / known_flux[own], 0.0, 1 / known_flux[own])
    found = place(
        z.real, z.imag, flux, around, shape=SUBFRAME, middle_px=MIDDLE, tolerance_px=TOLERANCE_PX, limit_flux=2.5,
        expected_flux=expected,
    )  # fmt: skip
    if found is None or (by_catalogue and not found.n_matched and len(z) > 1):
        return None
    return bool(which[found.target] == 0)


def tally(seed, n_draws, flaws, by_catalogue, lost=False):
    """(right, wrong) of so many subframes."""
    answers = [
        drawn(np.random.default_rng([seed, k]), flaws, by_catalogue=by_catalogue, lost=lost) for k in range(n_draws)
    ]
    return answers.count(True), answers.count(False)


@pytest.mark.parametrize("flaws", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("by_catalogue", [False, True], ids=["in a solved frame", "by the catalogue"])
def test_the_target_is_never_another_star(flaws, by_catalogue):
    n_right, n_wrong = tally(1, 150, flaws, by_catalogue)
    assert n_wrong == 0
    # A tenth of all images missing leaves hardly any subframe without a contradiction.
    assert n_right > (50 if flaws < 0.1 else 30)


@pytest.mark.night
@pytest.mark.parametrize("by_catalogue", [False, True], ids=["in a solved frame", "by the catalogue"])
def test_of_thousands_of_targets_none_is_another_star(by_catalogue):
    n_draws = 2000 if by_catalogue else 20_000
    answers = [tally(seed, n_draws, flaws, by_catalogue) for seed, flaws in ((11, 0.0), (12, 0.02))]
    assert [n_wrong for _, n_wrong in answers] == [0, 0]


@pytest.mark.night
@pytest.mark.parametrize("by_catalogue", [False, True], ids=["in a solved frame", "by the catalogue"])
def test_a_frame_that_lost_its_target_is_hardly_ever_taken_for_another_stars(by_catalogue):
    n_draws = 2000
    n_right, n_wrong = tally(13, n_draws, 0.02, by_catalogue, lost=True)
    assert n_right == 0
    # A subframe whose target is hidden by a defect or a cloud, and in its middle a star that nothing contradicts.
    assert n_wrong < 0.02 * n_draws


def nothing_around():
    return Around(np.empty(0), np.empty(0), np.empty(0), 0.0)


def placed(x, y, flux, around, **more):
    return place(
        np.array(x, float), np.array(y, float), np.array(flux, float), around, shape=SUBFRAME, middle_px=MIDDLE,
        tolerance_px=TOLERANCE_PX, limit_flux=1.0, **more,
    )  # fmt: skip


def test_two_stars_near_the_middle_that_nothing_tells_apart_are_not_placed():
    assert placed([500, 640], [450, 460], [100, 90], nothing_around()) is None
    assert placed([500, 1000], [450, 460], [100, 90], nothing_around()).target == 0


def test_a_known_neighbour_tells_which_of_two_stars_is_the_target():
    around = Around(np.array([-140.0]), np.array([-10.0]), np.array([1.1]), 0.0, 0.01)
    found = placed([500, 640], [450, 460], [100, 90], around)
    assert (found.target, found.matched.tolist()) == (1, [0])


def test_a_star_that_the_solved_frame_has_not_speaks_against_the_place():
    around = Around(np.array([900.0]), np.array([0.0]), np.array([0.5]), 0.0, 0.01)
    assert placed([560], [450], [100], around).target == 0
    assert placed([560, 1000], [450, 100], [100, 50], around) is None
    # One fainter than what the solved frame shows does not.
    assert placed([560, 1000], [450, 100], [100, 1.5], around).target == 0


def test_a_target_without_neighbours_is_as_bright_as_expected():
    around = Around(np.array([900.0]), np.array([0.0]), np.array([0.5]), 0.0, 0.01)
    assert placed([560], [450], [100], around, expected_flux=60.0).target == 0
    assert placed([560], [450], [100], around, expected_flux=20.0) is None
    assert placed([560], [450], [0.9], nothing_around()) is None


def test_a_standard_outshines_all_others_and_is_near_the_middle():
    def star(x, y, flux):
        return outstanding(np.array(x, float), np.array(y, float), np.array(flux), shape=SUBFRAME, middle_px=MIDDLE)

    assert star([600, 200], [400, 500], [1e6, 1e5]) == 0
    assert star([600, 200], [400, 500], [1e6, 3e5]) is None
    assert star([200, 600], [400, 500], [1e6, 1e5]) is None
    assert star([], [], []) is None
