"""Subframes found on a full frame of the same camera: never on the wrong place."""

import numpy as np
import pytest

from iop4cli.science.motions import Allowed
from iop4cli.science.quads import identify

FULL, SUBFRAME = (2822, 4144), (896, 1120)
MIDDLE = complex(SUBFRAME[1] / 2, SUBFRAME[0] / 2)
TOLERANCE_PX = 2.0
SMALL_TURNS = Allowed(max_rotation_deg=6.0)


class Field:
    """Stars on the pixels of the full frame; a frame shows them moved, in two beams, with flaws."""

    def __init__(self, rng, n_stars, flaws):
        self.rng, self.flaws = rng, flaws
        self.z = rng.uniform(0, FULL[1], n_stars) + 1j * rng.uniform(0, FULL[0], n_stars)
        self.mag = 12 + np.log10(rng.uniform(1, 10 ** (0.3 * 5.5), n_stars)) / 0.3
        self.p, self.chi = rng.uniform(0, 0.05, n_stars), rng.uniform(0, 2 * np.pi, n_stars)
        self.displacement = 209 + 12 * rng.standard_normal() + 1j * (-13 + 16 * rng.standard_normal())
        self.noise_px = rng.uniform(0.2, 0.5)

    def seen(self, shape, turn=1 + 0j, origin=0j, limit_mag=17.5, offset_mag=0.0, beams=(0, 1)):
        """(positions, fluxes) of a frame whose pixel z is turn * z + origin on the full frame."""
        rng, n = self.rng, len(self.z)
        q = self.p * np.cos(self.chi - rng.uniform(0, 2 * np.pi))
        first = np.conj(turn) * (self.z - origin)
        z = np.concatenate([first, first + np.conj(turn) * self.displacement])
        flux = 10 ** (-0.4 * np.tile(self.mag, 2)) * np.concatenate([1 + q, (1 - q) * 1.03])
        faintest = 10 ** (-0.4 * limit_mag) / 2
        flux = flux * np.exp(rng.standard_normal(2 * n) * np.hypot(0.01, 0.15 * np.sqrt(faintest / flux)))
        seen = (z.real > 3) & (z.real < shape[1] - 3) & (z.imag > 3) & (z.imag < shape[0] - 3)
        seen &= (flux > faintest) & (rng.random(2 * n) >= self.flaws)
        seen &= np.isin(np.repeat([0, 1], n), beams)
        n_false = rng.binomial(seen.sum(), self.flaws)
        false = rng.uniform(0, shape[1], n_false) + 1j * rng.uniform(0, shape[0], n_false)
        z, flux = np.r_[z[seen], false], np.r_[flux[seen], faintest * 10 ** (0.4 * rng.exponential(1, n_false))]
        z = z + self.noise_px * (rng.standard_normal(len(z)) + 1j * rng.standard_normal(len(z)))
        return z, flux * 10 ** (0.4 * offset_mag)

    def subframe(self, max_turn_deg=3.0, beams=(0, 1)):
        """A subframe around a random, strongly polarised star: (positions, fluxes, true place of its middle)."""
        rng = self.rng
        target = rng.integers(len(self.z))
        self.p[target] = rng.uniform(0, 0.3)
        turn = np.exp(1j * np.radians(rng.uniform(-max_turn_deg, max_turn_deg) + 180 * (rng.random() < 0.3)))
        place = self.z[target] + self.displacement / 2 + 60 * (rng.standard_normal() + 1j * rng.standard_normal())
        z, flux = self.seen(
            SUBFRAME, turn, place - turn * MIDDLE, 17.5 + rng.uniform(-1, 0.5), rng.uniform(-2, 2), beams
        )
        return z, flux, place


def identified(sub, reference, displacement, allowed=SMALL_TURNS):
    way = None if displacement is None else (displacement.real, displacement.imag)
    return identify(
        sub[0].real, sub[0].imag, sub[1], reference[0].real, reference[0].imag, reference[1],
        tolerance_px=TOLERANCE_PX, displacement=way, allowed=allowed,
    )  # fmt: skip


def off_px(identification, place):
    x, y = identification.to_reference(np.array([MIDDLE.real]), np.array([MIDDLE.imag]))
    return abs(complex(x[0], y[0]) - place)


def tally(rng, n_trials, flaws, *, allowed=SMALL_TURNS, max_turn_deg=3.0, beams=(0, 1), stranger=False):
    """(identified, wrong, subframes of six images and more) over fields of 3 to 300 stars."""
    n_right = n_wrong = n_rich = n_right_rich = 0
    for _ in range(n_trials):
        field = Field(rng, int(rng.choice([3, 5, 8, 15, 30, 60, 120, 300])), flaws)
        reference = field.seen(FULL)
        other = Field(rng, int(rng.choice([5, 15, 50, 300])), flaws) if stranger else field
        *sub, place = other.subframe(max_turn_deg, beams)
        found = identified(sub, reference, field.displacement, allowed)
        right = found is not None and not stranger and off_px(found, place) < 15
        n_wrong += found is not None and not right
        n_right += right
        n_rich += len(sub[0]) >= 10
        n_right_rich += right and len(sub[0]) >= 10
    return n_right, n_wrong, n_rich, n_right_rich


@pytest.mark.parametrize("flaws", [0.03, 0.1, 0.2])
def test_identifications_are_right_and_most_subframes_of_five_stars_are_identified(flaws):
    _, n_wrong, n_rich, n_right_rich = tally(np.random.default_rng(int(1000 * flaws)), 60, flaws)
    assert n_wrong == 0
    # With a fifth of the images missing and as many false, 4 of 10 images at random have no counterpart.
    assert n_right_rich > {0.03: 0.9, 0.1: 0.8, 0.2: 0.5}[flaws] * n_rich


def test_subframes_of_other_fields_are_not_identified():
    rng = np.random.default_rng(1)
    assert tally(rng, 80, 0.1, stranger=True)[:2] == (0, 0)
    assert tally(rng, 40, 0.1, stranger=True, allowed=Allowed(mirror=True), max_turn_deg=180.0)[:2] == (0, 0)


def test_a_subframe_that_shows_one_beam_only_is_not_taken_for_the_other_beam():
    for beam in (0, 1):
        assert tally(np.random.default_rng(2 + beam), 60, 0.1, beams=(beam,))[1] == 0


def test_any_rotation_is_found_where_any_is_allowed():
    n_right, n_wrong, *_ = tally(np.random.default_rng(5), 60, 0.05, allowed=Allowed(), max_turn_deg=180.0)
    assert n_wrong == 0
    assert n_right > 15


@pytest.mark.night
def test_of_thousands_of_identifications_none_is_wrong():
    rng = np.random.default_rng(6)
    assert [tally(rng, 5000, flaws)[1] for flaws in (0.02, 0.1, 0.15, 0.2)] == [0, 0, 0, 0]
    assert tally(rng, 5000, 0.1, stranger=True)[:2] == (0, 0)
    assert tally(rng, 3000, 0.15, beams=(0,))[1] == 0


def pattern(rng, n_stars, displacement=209 - 13j):
    z = rng.uniform(0, 900, n_stars) + 1j * rng.uniform(0, 850, n_stars)
    flux = 10 ** rng.uniform(3, 5, n_stars)
    return np.r_[z, z + displacement], np.r_[flux, flux]


@pytest.mark.parametrize("n_stars", [1, 2])
def test_one_or_two_stars_are_too_few(n_stars):
    rng = np.random.default_rng(n_stars)
    sub = pattern(rng, n_stars)
    far = pattern(rng, 20)
    reference = np.r_[sub[0] + 900 + 700j, 2 * far[0]], np.r_[sub[1], far[1]]
    assert identified(sub, reference, 209 - 13j) is None


def test_the_motion_is_that_of_the_images():
    rng = np.random.default_rng(9)
    z, flux = pattern(rng, 5)
    for turn_deg in (0.0, 2.5, -2.5, 180.0, 177.0):
        turn = np.exp(1j * np.radians(turn_deg))
        found = identified((z, flux), (turn * z + 1200 + 800j, 3 * flux), turn * (209 - 13j))
        assert np.allclose(found.matrix, [[turn.real, -turn.imag], [turn.imag, turn.real]], atol=1e-9)
        assert np.allclose(found.shift_px, (1200, 800), atol=1e-6)
        assert (found.n_matched, found.mirrored) == (10, False)
        assert abs((found.rotation_deg - turn_deg + 180) % 360 - 180) < 1e-6
        assert np.array_equal(found.matched[:, 0], found.matched[:, 1])
        assert found.rms_px < 1e-6


def test_a_reflection_is_found_only_where_it_is_asked_for():
    rng = np.random.default_rng(10)
    z, flux = pattern(rng, 5)
    mirrored = np.conj(z) + 500 + 2000j
    way = np.conj(209 - 13j)
    assert identified((z, flux), (mirrored, flux), way) is None
    found = identified((z, flux), (mirrored, flux), way, Allowed(6.0, mirror=True))
    assert found.mirrored
    assert np.allclose(found.to_reference(z.real, z.imag), (mirrored.real, mirrored.imag))


def test_the_way_from_ordinary_to_extraordinary_is_not_a_shift():
    """All ordinary images of the reference are lost: half of the subframe fits, displaced by the beams' distance."""
    rng = np.random.default_rng(11)
    z, flux = pattern(rng, 6)
    only_extraordinary = z[6:] + 700, flux[6:]
    assert identified((z, flux), only_extraordinary, 209 - 13j) is None


def test_a_pattern_that_is_there_twice_is_ambiguous():
    rng = np.random.default_rng(12)
    z, flux = pattern(rng, 5)
    assert identified((z, flux), (np.r_[z, z + 1500 + 900j], np.r_[flux, flux]), 209 - 13j) is None


def test_beams_that_do_not_turn_with_the_sky_are_no_rigid_pattern():
    rng = np.random.default_rng(15)
    turn = np.exp(1j * np.radians(3.0))
    z, flux = pattern(rng, 8)
    reference = np.r_[turn * z[:8], turn * z[:8] + 209 - 13j] + 900
    assert identified((z, flux), (reference, flux), 209 - 13j) is None


def test_lists_of_one_image_a_star_serve_where_the_beams_do_not_turn_with_the_sky():
    """The analyser may stay fixed on the chip while the sky turns: only one beam then moves as a rigid whole."""
    rng = np.random.default_rng(13)
    turn = np.exp(1j * np.radians(3.0))
    z, flux = pattern(rng, 8)
    stars, brightness = z[:8], flux[:8]
    noise = 0.3 * (rng.standard_normal(8) + 1j * rng.standard_normal(8))
    found = identified((stars, brightness), (turn * stars + noise + 900, brightness), None)
    assert found.n_matched == 8
    assert found.rotation_deg == pytest.approx(3.0, abs=0.2)


def test_images_without_a_flux_or_a_place_are_ignored():
    rng = np.random.default_rng(14)
    z, flux = pattern(rng, 5)
    spoiled = np.r_[z, 3 + 4j, np.nan], np.r_[flux, -1.0, 5.0]
    assert identified(spoiled, (z + 300, flux), 209 - 13j).n_matched == 10
    assert identified((z[:0], flux[:0]), (z, flux), 209 - 13j) is None
