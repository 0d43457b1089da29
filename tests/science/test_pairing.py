"""Two images of every star: the displacement between them and which belong together."""

import numpy as np
import pytest

from iop4cli.science.pairing import Displacement, find_displacement, pair

DIPOL = {"known": (209.0, -13.0), "spread": (12.0, 16.0)}
CAFOS = {"known": (35.72, 0.20), "spread": (1.34, 1.02)}
SUBFRAME, FULL, CAFOS_SHAPE = (896, 1120), (2822, 4144), (800, 800)
NOISE_PX = 0.3


def both_beams(rng, shape, displacement, n_stars, *, missing=0.0, extra=0.0, noise_px=NOISE_PX):
    """Shuffled (x, y, flux, star, beam); star < 0 where there is none. Polarisation up to 30 % for star 0."""
    height, width = shape
    x, y = rng.uniform(0, width, n_stars), rng.uniform(0, height, n_stars)
    flux = 10 ** rng.uniform(3.0, 5.5, n_stars)
    p = rng.uniform(0, 0.04, n_stars)
    p[0] = rng.uniform(0, 0.3)
    q = p * np.cos(rng.uniform(0, 2 * np.pi, n_stars))
    xs, ys = np.r_[x, x + displacement[0]], np.r_[y, y + displacement[1]]
    fluxes = np.r_[flux * (1 + q), flux * (1 - q) * 1.04] * np.exp(0.05 * rng.standard_normal(2 * n_stars))
    star, beam = np.tile(np.arange(n_stars), 2), np.repeat([0, 1], n_stars)
    seen = (xs > 3) & (xs < width - 3) & (ys > 3) & (ys < height - 3) & (rng.random(2 * n_stars) >= missing)
    n_extra = rng.binomial(2 * n_stars, extra)
    xs = np.r_[xs[seen] + noise_px * rng.standard_normal(seen.sum()), rng.uniform(0, width, n_extra)]
    ys = np.r_[ys[seen] + noise_px * rng.standard_normal(seen.sum()), rng.uniform(0, height, n_extra)]
    fluxes = np.r_[fluxes[seen], 10 ** rng.uniform(3.0, 4.0, n_extra)]
    star, beam = np.r_[star[seen], np.full(n_extra, -1)], np.r_[beam[seen], np.full(n_extra, 2)]
    order = rng.permutation(len(xs))
    return xs[order], ys[order], fluxes[order], star[order], beam[order]


def true_pairs(star, beam):
    first = {s: k for k, s in enumerate(star) if beam[k] == 0}
    second = {s: k for k, s in enumerate(star) if beam[k] == 1}
    return {(first[s], second[s]) for s in first if s in second}


def one_draw(rng, hints):
    offset = np.clip(rng.standard_normal(2), -3, 3)
    return np.array(hints["known"]) + offset * np.array(hints["spread"])


def test_one_pair_is_enough_where_the_displacement_is_known_and_never_without():
    x, y, flux = np.array([300.0, 515.0]), np.array([400.0, 380.0]), np.array([1000.0, 1300.0])
    found = find_displacement(x, y, flux, shape=SUBFRAME, **DIPOL)
    assert (found.dx_px, found.dy_px, found.n_pairs) == (215.0, -20.0, 1)
    assert 0.1 < found.dx_err_px < 2.0
    assert find_displacement(x, y, flux, shape=SUBFRAME) is None


def test_without_a_known_displacement_three_stars_tell_it():
    x, y = np.array([100.0, 420.0, 700.0]), np.array([150.0, 800.0, 390.0])
    flux = np.array([1000.0, 1300.0, 900.0])
    found = find_displacement(np.r_[x, x + 209], np.r_[y, y - 13], np.r_[flux, flux], shape=SUBFRAME)
    assert (found.dx_px, found.dy_px, found.n_pairs) == (pytest.approx(209), pytest.approx(-13), 3)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("shape", "hints"), [(SUBFRAME, DIPOL), (FULL, DIPOL), (CAFOS_SHAPE, CAFOS)])
def test_the_displacement_is_right_and_its_error_honest(shape, hints, known):
    rng = np.random.default_rng(7)
    pulls, n_found, n_fields = [], 0, 60
    for _ in range(n_fields):
        truth = one_draw(rng, hints)
        n_stars = int(rng.choice([12, 25, 60]))
        x, y, flux, _, _ = both_beams(rng, shape, truth, n_stars, missing=0.15, extra=0.15)
        found = find_displacement(x, y, flux, shape=shape, **(hints if known else {}))
        if found is None:
            continue
        n_found += 1
        pulls += [(found.dx_px - truth[0]) / found.dx_err_px, (found.dy_px - truth[1]) / found.dy_err_px]
    assert n_found > 0.9 * n_fields
    # 120 pulls: the standard error of their width is 0.065, of their mean 0.09; one wrong answer is a hundred.
    assert 0.8 < np.std(pulls) < 1.25
    assert abs(np.mean(pulls)) < 0.3


def test_two_pairs_and_more_are_never_wrong_in_a_sparse_field_with_missing_and_false_images():
    rng = np.random.default_rng(3)
    n_found = 0
    for _ in range(300):
        truth = one_draw(rng, DIPOL)
        x, y, flux, _, _ = both_beams(rng, SUBFRAME, truth, int(rng.integers(1, 8)), missing=0.15, extra=0.15)
        found = find_displacement(x, y, flux, shape=SUBFRAME, **DIPOL) if len(x) else None
        if found is not None and found.n_pairs >= 2:
            n_found += 1
            assert np.hypot(found.dx_px - truth[0], found.dy_px - truth[1]) < 3.0
    assert n_found > 60


def test_images_strewn_at_random_have_no_displacement():
    rng = np.random.default_rng(4)
    for n in np.tile([6, 15, 40, 150], 15):
        x, y, flux = rng.uniform(0, 1120, n), rng.uniform(0, 896, n), 10 ** rng.uniform(3, 5, n)
        for hints in ({}, DIPOL):
            found = find_displacement(x, y, flux, shape=SUBFRAME, **hints)
            assert found is None or found.n_pairs == 1


def test_a_peak_in_both_coordinates_apart_does_not_make_a_displacement():
    # Six ways share dx = 60, six others dy = -90: two histograms would say (60, -90), which is no way at all.
    steps = np.array([[60, 25 * k] for k in range(-3, 3)] + [[100 + 30 * k, -90] for k in range(6)])
    true_way = np.array([209.0, -13.0])
    ways = np.vstack([steps, np.tile(true_way, (5, 1))])
    start = np.column_stack([np.linspace(10, 700, len(ways)), 300 + 170 * np.sin(np.arange(len(ways)) * 2.3)])
    flux = 1000.0 * 3.0 ** np.arange(len(ways))  # only the two images of a star are alike
    x, y = np.r_[start[:, 0], (start + ways)[:, 0]], np.r_[start[:, 1], (start + ways)[:, 1]]
    found = find_displacement(x, y, np.r_[flux, flux], shape=SUBFRAME)
    assert (found.dx_px, found.dy_px) == (pytest.approx(209), pytest.approx(-13))


def test_a_lattice_of_equal_stars_is_ambiguous():
    x, y = (grid.ravel().astype(float) for grid in np.meshgrid(np.arange(6) * 100.0, np.arange(6) * 100.0))
    assert find_displacement(x, y, np.full(36, 1000.0), shape=SUBFRAME) is None


def test_a_frame_turned_by_half_a_turn_has_the_opposite_displacement():
    rng = np.random.default_rng(8)
    x, y, flux, _, _ = both_beams(rng, SUBFRAME, (211.0, -10.0), 15)
    turned_x, turned_y = SUBFRAME[1] - 1 - x, SUBFRAME[0] - 1 - y
    upright = find_displacement(x, y, flux, shape=SUBFRAME, **DIPOL)
    turned = find_displacement(turned_x, turned_y, flux, shape=SUBFRAME, known=(-209, 13), spread=(12, 16))
    assert (turned.dx_px, turned.dy_px) == (pytest.approx(-upright.dx_px), pytest.approx(-upright.dy_px))
    one, other = pair(x, y, flux, upright, shape=SUBFRAME), pair(turned_x, turned_y, flux, turned, shape=SUBFRAME)
    assert np.array_equal(one.ordinary, other.ordinary)
    assert np.array_equal(one.extraordinary, other.extraordinary)
    # Positions do not tell the sign: whoever gives the wrong one gets the beams exchanged.
    wrong_sign = find_displacement(turned_x, turned_y, flux, shape=SUBFRAME, **DIPOL)
    exchanged = pair(turned_x, turned_y, flux, wrong_sign, shape=SUBFRAME)
    assert set(exchanged.ordinary) == set(one.extraordinary)


@pytest.mark.parametrize(
    ("shape", "hints", "n_stars"),
    [(SUBFRAME, DIPOL, 3), (SUBFRAME, DIPOL, 30), (FULL, DIPOL, 300), (CAFOS_SHAPE, CAFOS, 300)],
)
def test_nearly_all_pairs_are_found_and_hardly_any_is_wrong(shape, hints, n_stars):
    rng = np.random.default_rng(n_stars)
    n_true = n_right = n_wrong = 0
    for _ in range(3 if n_stars == 300 else 40):
        truth = one_draw(rng, hints)
        x, y, flux, star, beam = both_beams(rng, shape, truth, n_stars, missing=0.1, extra=0.1)
        displacement = Displacement(*truth, 0.1, 0.1, n_stars)
        pairing = pair(x, y, flux, displacement, shape=shape)
        found = set(zip(pairing.ordinary.tolist(), pairing.extraordinary.tolist(), strict=True))
        expected = true_pairs(star, beam)
        n_true += len(expected)
        n_right += len(found & expected)
        n_wrong += len(found - expected)
        used = np.concatenate([pairing.ordinary, pairing.extraordinary])
        assert len(set(used)) == len(used)
    assert n_right > 0.97 * n_true
    # A false image falls within 2 px of where a partner should be in n * 12.6 px / area: at 300 stars on
    # 800 x 800 px in 1 % of the cases, and may replace a partner that is missing.
    assert n_wrong <= 0.005 * n_true


def test_a_strongly_polarised_star_is_paired_and_a_star_three_times_as_bright_is_not_its_partner():
    displacement = Displacement(209.0, -13.0, 0.2, 0.2, 5)
    x, y = np.array([100.0, 309.0, 500.0, 709.0]), np.array([500.0, 487.0, 300.0, 287.0])
    pairing = pair(x, y, np.array([1.35, 0.65, 3.0, 1.0]), displacement, shape=SUBFRAME)
    assert (pairing.ordinary.tolist(), pairing.extraordinary.tolist()) == ([0], [1])
    assert pairing.unmatched.tolist() == [2, 3]


def test_a_chain_of_three_is_decided_by_brightness_or_not_at_all():
    displacement = Displacement(36.0, 0.0, 0.1, 0.1, 5)
    x, y = np.array([100.0, 136.0, 172.0]), np.full(3, 400.0)
    first_star = pair(x, y, np.array([1.0, 1.05, 0.5]), displacement, shape=CAFOS_SHAPE)
    assert (first_star.ordinary.tolist(), first_star.extraordinary.tolist()) == ([0], [1])
    assert first_star.unmatched.tolist() == [2]
    equal = pair(x, y, np.array([1.0, 1.0, 1.0]), displacement, shape=CAFOS_SHAPE)
    assert len(equal.ordinary) == 0
    assert equal.ambiguous.tolist() == [0, 1, 2]
    assert first_star.blended.tolist() == equal.blended.tolist() == [1]


def test_a_chain_of_four_is_two_stars():
    displacement = Displacement(36.0, 0.0, 0.1, 0.1, 5)
    x, y = np.array([172.0, 100.0, 208.0, 136.0]), np.full(4, 400.0)
    pairing = pair(x, y, np.array([1.2, 1.0, 1.2, 1.0]), displacement, shape=CAFOS_SHAPE)
    assert set(zip(pairing.ordinary.tolist(), pairing.extraordinary.tolist(), strict=True)) == {(1, 3), (0, 2)}


def test_an_image_whose_partner_is_off_the_edge_is_told_by_the_geometry():
    displacement = Displacement(209.0, -13.0, 0.2, 0.2, 5)
    # A pair, an O near the right edge, an E near the left edge, one in the middle whose partner is missing.
    x, y = np.array([200.0, 409.0, 1000.0, 80.0, 560.0]), np.array([500.0, 487.0, 300.0, 100.0, 700.0])
    pairing = pair(x, y, np.array([1.0, 1.0, 3.0, 3.0, 3.0]), displacement, shape=SUBFRAME)
    assert pairing.lone_ordinary.tolist() == [2]
    assert pairing.lone_extraordinary.tolist() == [3]
    assert pairing.unmatched.tolist() == [4]


def test_the_displacement_of_a_pairing_is_measured_again_from_its_pairs():
    displacement = Displacement(209.5, -13.5, 0.7, 0.7, 1)
    x, y = np.array([200.0, 409.0, 500.0, 709.0]), np.array([500.0, 487.0, 300.0, 287.0])
    measured = pair(x, y, np.ones(4), displacement, shape=SUBFRAME).displacement
    assert (measured.dx_px, measured.dy_px, measured.n_pairs) == (209.0, -13.0, 2)


@pytest.mark.parametrize("n", [0, 1])
def test_no_image_or_one_makes_no_pair(n):
    x = np.full(n, 500.0)
    assert find_displacement(x, x, x, shape=SUBFRAME, **DIPOL) is None
    pairing = pair(x, x, x, Displacement(209.0, -13.0, 1.0, 1.0, 1), shape=SUBFRAME)
    assert len(pairing.ordinary) == 0
    assert len(pairing.unmatched) == n
