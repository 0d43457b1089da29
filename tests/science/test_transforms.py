"""Photometric systems: the sets of relations agree with each other and with the Sun, and their errors hold."""

import math

import numpy as np
import pytest

from iop4cli.science.transforms import (
    FROM_SDSS,
    JESTER_2005,
    JORDI_2006,
    LIMIT_RC_IC,
    LUPTON_2005,
    TONRY_2012,
    TONRY_2012_SDSS,
    ps1_through_sdss,
    transform,
)

NO_ERROR = dict.fromkeys("griz", 0.0)


def locus(r_minus_i):
    """SDSS magnitudes of main-sequence stars at r = 15: g - r by r - i of Juric et al. (2008, ApJ 673, 864, eq. 4)."""
    ri = np.asarray(r_minus_i, float)
    gr = 1.39 * (1 - np.exp(-4.9 * ri**3 - 2.45 * ri**2 - 1.68 * ri - 0.050))
    return {"g": 15 + gr, "r": np.full(ri.shape, 15.0), "i": 15 - ri}


def ps1_of(sdss):
    """PS1 magnitudes whose SDSS magnitudes by Tonry's relations are these."""
    ps1 = {"g": sdss["r"] + (sdss["g"] - sdss["r"]) / 1.15, "r": sdss["r"].copy(), "i": sdss["i"].copy()}
    for _ in range(60):
        found = transform(TONRY_2012_SDSS[:3], ps1, NO_ERROR)
        for column, band in enumerate("gri"):
            ps1[band] = ps1[band] + sdss[band] - found.mag[:, column]
    return ps1


STARS = locus(np.linspace(0.0, 0.55, 45))
# A star of class A, bluer than the main sequence of that formula.
BLUE = {"g": [14.9], "r": [15.0], "i": [15.1]}


@pytest.mark.parametrize("name", ["jester2005", "jordi2006"])
@pytest.mark.parametrize("band", "BVRI")
def test_sets_of_sdss_relations_agree_over_the_main_sequence_to_their_scatter(name, band):
    stars = {name: np.append(STARS[name], BLUE[name]) for name in "gri"}
    mag, err = transform(FROM_SDSS[name], stars, NO_ERROR).of(band)
    other, other_err = transform(LUPTON_2005, stars, NO_ERROR).of(band)
    sigmas = (mag - other) / np.hypot(err, other_err)
    assert np.isfinite(sigmas).all()
    assert np.abs(sigmas).max() < 3
    assert np.sqrt(np.mean(sigmas**2)) < 2


@pytest.mark.parametrize("band", "BVRI")
def test_ps1_directly_and_by_way_of_sdss_agree_to_their_scatter(band):
    ps1 = ps1_of({name: np.append(STARS[name], BLUE[name]) for name in "gri"})
    direct, direct_err = transform(TONRY_2012, ps1, NO_ERROR).of(band)
    by_way, by_way_err = ps1_through_sdss(LUPTON_2005, ps1, NO_ERROR).of(band)
    sigmas = (direct - by_way) / np.hypot(direct_err, by_way_err)
    assert np.isfinite(sigmas).all()
    assert np.abs(sigmas).max() < 3


# The linear fits that Tonry et al. (2012) print beside the quadratic ones: constant, slope, scatter.
LINEAR = {
    "B": (0.213, 0.587, 0.034), "V": (0.006, 0.474, 0.012), "R": (-0.138, -0.131, 0.015), "I": (-0.367, -0.149, 0.016),
    "g": (0.014, 0.162, 0.009), "r": (-0.001, 0.011, 0.004), "i": (-0.004, 0.020, 0.005), "z": (0.013, -0.050, 0.010),
}  # fmt: skip


@pytest.mark.parametrize("relation", [*TONRY_2012, *TONRY_2012_SDSS], ids=lambda relation: relation.band)
def test_where_tonrys_relations_hold_the_linear_and_the_quadratic_fit_agree(relation):
    [(first, second, low, high)] = relation.valid
    assert (first, second) == ("g", "r")
    assert (low, high) == (-0.4, 1.2)
    colour = np.linspace(low, high, 200)
    mags = {"g": 15 + colour, "r": np.full(200, 15.0), "i": np.full(200, 14.8), "z": np.full(200, 14.7)}
    mag, _ = transform([relation], mags, NO_ERROR).of(relation.band)
    constant, slope, scatter = LINEAR[relation.band]
    assert np.abs(mag - (mags[relation.base] + constant + slope * colour)).max() <= max(scatter, relation.scatter)


@pytest.mark.parametrize("name", FROM_SDSS)
def test_the_sun_has_its_colours(name):
    """M_V 4.82, B - V 0.65, V - R 0.36, R - I 0.32; in SDSS g 5.12, g - r 0.44, r - i 0.11, all +- 0.02 (SDSS)."""
    sun = {"g": 5.12, "r": 4.68, "i": 4.57}
    found = transform(FROM_SDSS[name], sun, dict.fromkeys("gri", 0.02))
    expected = {"B": 5.47, "V": 4.82, "R": 4.46, "I": 4.14}
    for band, mag in expected.items():
        value, error = found.of(band)
        assert abs(value[0] - mag) < 2.5 * math.hypot(error[0], 0.02)


def test_the_suns_colours_in_the_system_of_ps1():
    """V - g, V - r, V - i of the Sun by synthetic photometry: -0.217, 0.183, 0.293 (Tonry et al. 2012)."""
    ps1 = {"g": 5.037, "r": 4.637, "i": 4.527}
    mag, err = transform(TONRY_2012, ps1, NO_ERROR).of("V")
    assert mag[0] == pytest.approx(4.82, abs=err[0])


@pytest.mark.parametrize(
    ("relations", "band", "expected"),
    [
        (LUPTON_2005, "B", 15.6 + 0.3130 * 0.6 + 0.2271),
        (LUPTON_2005, "I", 15.0 - 1.2444 * 0.2 - 0.3820),
        (JESTER_2005, "R", 15.6 - 0.59 * 0.6 - 0.01 - 1.09 * 0.2 - 0.22),
        (JESTER_2005, "I", 15.6 - 0.59 * 0.6 - 0.01 - 1.09 * 0.2 - 0.22 - 0.2 - 0.21),
        (JORDI_2006, "I", 15.6 - 0.565 * 0.6 - 0.016 - 0.675 * 0.8 - 0.364),
        (JORDI_2006, "R", 15.6 - 0.565 * 0.6 - 0.016 - 0.675 * 0.8 - 0.364 + 0.930 * 0.2 + 0.259),
        (TONRY_2012, "R", 15.0 - 0.137 - 0.108 * 0.6 - 0.029 * 0.36),
    ],
)
def test_one_star_by_hand(relations, band, expected):
    mag, _ = transform(relations, {"g": 15.6, "r": 15.0, "i": 14.8}, NO_ERROR).of(band)
    assert mag[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("relations", [TONRY_2012, LUPTON_2005, JESTER_2005, JORDI_2006])
def test_errors_and_their_correlations_are_those_of_simulated_magnitudes(relations):
    rng, n = np.random.default_rng(5), 200_000
    errs = {"g": 0.03, "r": 0.02, "i": 0.04}
    star = {"g": 15.6, "r": 15.0, "i": 14.8}
    drawn = transform(relations, {band: rng.normal(star[band], errs[band], n) for band in star}, NO_ERROR)
    one = transform(relations, star, errs)
    expected = one.cov[0] - transform(relations, star, NO_ERROR).cov[0]
    sigma = np.sqrt(np.diag(expected))
    # Correlations are measured to 1/sqrt(n).
    assert np.abs((np.cov(drawn.mag.T) - expected) / np.outer(sigma, sigma)).max() < 6 / math.sqrt(n)
    assert (np.sqrt(np.diag(one.cov[0])) == one.mag_err[0]).all()
    assert (one.mag_err[0] > sigma).all()


def test_by_way_of_sdss_the_errors_of_both_steps_and_their_correlation_count():
    rng, n = np.random.default_rng(6), 200_000
    star, errs = {"g": 15.6, "r": 15.0, "i": 14.8}, {"g": 0.03, "r": 0.02, "i": 0.04}
    between = {band: rng.normal(star[band], errs[band], n) for band in star}
    sdss = transform(TONRY_2012_SDSS[:3], between, NO_ERROR)
    scatter = {relation.band: relation.scatter for relation in TONRY_2012_SDSS}
    noisy = {band: sdss.of(band)[0] + rng.normal(0, scatter[band], n) for band in "gri"}
    drawn = transform(LUPTON_2005, noisy, NO_ERROR).mag + rng.normal(0, [r.scatter for r in LUPTON_2005], (n, 4))
    one = ps1_through_sdss(LUPTON_2005, star, errs)
    assert drawn.std(axis=0) == pytest.approx(one.mag_err[0], rel=6 / math.sqrt(2 * n))


def test_outside_the_range_there_is_no_magnitude_but_a_reason():
    found = transform(LUPTON_2005, {"g": [15.6, 17.0], "r": [15.0, 15.0], "i": [14.8, 13.9]}, NO_ERROR)
    assert np.isfinite(found.mag[0]).all() and not np.isfinite(found.mag[1]).any()
    assert not np.isfinite(found.mag_err[1]).any()
    assert found.reason[0].tolist() == [""] * 4
    assert found.reason[1, 0] == "g-r 2.00 is outside -0.1 to 1.35"
    assert found.reason[1, 2] == "r-i 1.10 is outside -0.1 to 0.6"


def test_jesters_limit_is_the_published_one():
    [red] = {limit for relation in JESTER_2005 for limit in relation.valid if limit[:2] == ("r", "i")}
    assert 1.00 * red[3] + 0.21 == pytest.approx(LIMIT_RC_IC)


def test_a_band_that_is_missing_spoils_only_what_needs_it():
    mags = {"g": [15.6, 15.6], "r": [15.0, 15.0], "i": [math.nan, 14.8]}
    found = transform(LUPTON_2005, mags, {"g": 0.01, "r": 0.01, "i": [0.01, math.nan]})
    for star in (0, 1):
        assert found.reason[star].tolist() == ["", "", *["no magnitude with an error in i"] * 2]
        assert np.isfinite(found.mag[star, :2]).all() and np.isfinite(found.mag_err[star, :2]).all()
        assert np.isnan(found.mag[star, 2:]).all()


def test_without_a_band_altogether_the_reason_says_so():
    found = transform(TONRY_2012, {"g": [15.6], "r": [15.0]}, NO_ERROR)
    assert found.reason[0].tolist() == ["", "", "", "no magnitude in i"]


def test_a_reason_of_the_first_step_is_told_by_the_second():
    found = ps1_through_sdss(LUPTON_2005, {"g": [16.5], "r": [15.0], "i": [14.6]}, NO_ERROR)
    assert set(found.reason[0]) == {"g-r 1.50 is outside -0.4 to 1.2"}
