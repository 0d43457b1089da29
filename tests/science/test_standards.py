"""Calibrations from standard stars: what is put in comes out, with errors that hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from iop4cli.science.standards import Known, Standard, StandardMeasurement, fit_standards
from iop4cli.science.standards_model import predicted
from iop4cli.science.stokes import Calibration, StokesFit, to_sky

# q_inst, u_inst, zero angle, efficiency: none of them a round or small one.
TRUTH = np.array([0.0123, -0.0310, 37.0, 0.96])
LITERATURE = (
    (0.0521, 0.00029, 54.54, 0.16),
    (0.0515, 0.00098, 96.74, 0.54),
    (0.0453, 0.00025, 114.46, 0.16),
    (0.0489, 0.00029, 59.10, 0.17),
)
ZERO_SCATTER = 4e-4


def stars(n_polarised, n_zero):
    polarised = [Standard.of(f"P{i}", *LITERATURE[i]) for i in range(n_polarised)]
    return polarised + [Standard.zero(f"Z{i}", ZERO_SCATTER) for i in range(n_zero)]


def measured(standards, n_each, err, rng, truth=TRUTH, scatter=0.0, star_scatter=0.0):
    """Measurements of stars whose true polarisation is a draw of the literature's errors; errors vary threefold."""
    found = []
    for star in standards:
        light = rng.multivariate_normal([star.q, star.u], star.cov) + star_scatter * rng.normal(size=2)
        for number in range(n_each):
            own = err * rng.uniform(0.5, 1.5)
            q, u = predicted(truth, *light) + math.hypot(own, scatter) * rng.normal(size=2)
            found.append(StandardMeasurement(f"{star.name}-{number}", star.name, q, u, own, own))
    return found


def exact(standards, n_each=2):
    return [
        StandardMeasurement(f"{s.name}-{i}", s.name, *predicted(TRUTH, s.q, s.u), 1e-3, 1e-3)
        for s in standards
        for i in range(n_each)
    ]


def pulls(n_draws, seed, n_polarised, n_zero, n_each, **how):
    rng = np.random.default_rng(seed)
    standards = stars(n_polarised, n_zero)
    found = []
    for _ in range(n_draws):
        fit = fit_standards(measured(standards, n_each, 1e-3, rng, **how), standards)
        found.append((fit.values - TRUTH) / np.sqrt(np.diag(fit.cov)))
    return np.array(found)


@pytest.mark.parametrize("values", [TRUTH, [0.0, 0.0, -1.5, 1.0], [0.0579, 0.0583, -18.0, 0.9], [0.0, -0.05, 141.0, 1]])
def test_the_model_of_the_fit_is_what_to_sky_undoes(values):
    q, u = predicted(np.array(values), -0.041, 0.0233)
    fit = StokesFit(q, u, 0, 0, 0, 0, 0, 1, 0, None, 0, 4, "")
    sky = to_sky(fit, Calibration(values[0], 0, values[1], 0, values[2], 0, values[3]))
    assert (sky.q, sky.u) == pytest.approx((-0.041, 0.0233), abs=1e-14)


def test_standards_without_noise_give_all_four_numbers_to_rounding():
    standards = stars(3, 2)
    fit = fit_standards(exact(standards), standards)
    assert fit.values == pytest.approx(TRUTH, abs=1e-9)
    assert (fit.chi2, fit.scatter, fit.star_scatter, fit.held) == (pytest.approx(0, abs=1e-12), 0.0, 0.0, ())


@pytest.mark.parametrize("n", [200, pytest.param(600, marks=pytest.mark.night)])
def test_pulls_of_many_fits_are_those_of_honest_errors(n):
    found = pulls(n, 11, n_polarised=2, n_zero=1, n_each=2)
    # Three standard errors of a mean, a width and a coverage of so many draws.
    assert np.all(np.abs(found.mean(axis=0)) < 3 / math.sqrt(n))
    assert np.all(np.abs(found.std(axis=0) - 1) < 3 / math.sqrt(2 * n))
    assert np.all(np.abs((np.abs(found) < 1).mean(axis=0) - 0.6827) < 3 * math.sqrt(0.6827 * 0.3173 / n))


@pytest.mark.parametrize("n", [25, pytest.param(100, marks=pytest.mark.night)])
@pytest.mark.parametrize("kind", ["scatter", "star_scatter"])
def test_a_scatter_beyond_the_errors_is_found_and_the_errors_hold(kind, n):
    found = pulls(n, 12, n_polarised=3, n_zero=2, n_each=3, **{kind: 5e-3})
    # Errors by Student's factor hold 68 %, though their pulls have the wide wings of few degrees of freedom.
    coverage = (np.abs(found) < 1).mean()
    assert abs(coverage - 0.6827) < 3 * math.sqrt(0.6827 * 0.3173 / (n * 2))
    rng = np.random.default_rng(13)
    standards = stars(4, 4)
    fit = fit_standards(measured(standards, 8, 1e-3, rng, **{kind: 5e-3}), standards)
    # A scatter of k degrees of freedom is known to 1 / sqrt(2 k): 112 and 12 of them.
    assert getattr(fit, kind) == pytest.approx(5e-3, rel=3 / math.sqrt(2 * (112 if kind == "scatter" else 12)))
    other = {"scatter": "star_scatter", "star_scatter": "scatter"}[kind]
    assert getattr(fit, other) < 1.5e-3
    assert fit.chi2 > 3 * fit.dof


def test_repeating_one_star_does_not_average_out_its_literature():
    standards = stars(1, 1)
    fit = fit_standards(measured(standards, 400, 1e-3, np.random.default_rng(14)), standards)
    assert math.sqrt(fit.cov[2, 2]) > LITERATURE[0][3]
    # The instrument shows of a star's own polarisation what its efficiency leaves.
    assert math.sqrt(fit.cov[0, 0]) > 0.96 * ZERO_SCATTER


def test_one_bad_measurement_is_left_out_and_named():
    standards = stars(3, 2)
    good = measured(standards, 5, 1e-3, np.random.default_rng(15))
    bad = StandardMeasurement("bad", "P1", good[6].q + 0.03, good[6].u, 1e-3, 1e-3)
    fit, without = fit_standards([*good, bad], standards), fit_standards(good, standards)
    (left_out,) = [one for one in fit.residuals if not one.used]
    assert left_out.name == "bad"
    assert "contradicts the others of P1" in left_out.reason
    assert left_out.q == pytest.approx(0.03, abs=6e-3)
    assert fit.values == pytest.approx(without.values, abs=1e-12)


def test_a_star_that_varies_is_left_out_as_a_whole():
    standards = stars(4, 2)
    rows = measured(standards, 3, 1e-3, np.random.default_rng(16))
    rows = [
        StandardMeasurement(r.name, r.star, r.q + 0.02, r.u, r.q_err, r.u_err) if r.star == "P2" else r for r in rows
    ]
    fit = fit_standards(rows, standards)
    assert {one.star for one in fit.residuals if not one.used} == {"P2"}
    assert np.all(np.abs(fit.values - TRUTH) < 4 * np.sqrt(np.diag(fit.cov)))


def test_what_the_stars_do_not_tell_is_kept_with_its_error():
    known = Known((0.0, 0.0, 36.0, 1.0), (1e-3, 1e-3, 1.5, 0.02))
    fit = fit_standards(exact(stars(0, 2)), stars(0, 2), known)
    assert fit.held == ("zero_angle_deg", "efficiency")
    assert fit.values[:2] == pytest.approx(TRUTH[:2], abs=1e-9)
    assert (fit.values[2], fit.values[3]) == pytest.approx((36.0, 1.0))
    assert np.sqrt(np.diag(fit.cov))[2:] == pytest.approx([1.5, 0.02])
    one = fit_standards(exact(stars(1, 0)), stars(1, 0), Known((*TRUTH[:2], 0, 1), (1e-3, 1e-3, 1, 1)))
    assert one.held == ("q_inst", "u_inst")
    assert one.values == pytest.approx(TRUTH, abs=1e-9)
    # An error of 0.1 % across a polarisation of 5 % turns it by 0.6 deg.
    assert math.sqrt(one.cov[2, 2]) > math.degrees(1e-3 / (0.96 * 0.0521)) / 2


@pytest.mark.parametrize(
    ("n_polarised", "n_zero", "missing"), [(0, 2, "no polarised standard"), (1, 0, "no unpolarised standard")]
)
def test_without_an_earlier_calibration_what_is_missing_is_said(n_polarised, n_zero, missing):
    standards = stars(n_polarised, n_zero)
    with pytest.raises(ValueError, match=missing):
        fit_standards(exact(standards), standards)


def test_polarised_stars_that_differ_tell_all_by_themselves():
    fit = fit_standards(exact(stars(3, 0)), stars(3, 0))
    assert fit.held == ()
    assert fit.values == pytest.approx(TRUTH, abs=1e-9)


def one_beam(standards, n_each, rng, transparency_rms=0.05):
    """Groups of four filters under changing transparency; relative values as the ensemble leaves them."""
    found = []
    for star in standards:
        light = rng.multivariate_normal([star.q, star.u], star.cov)
        field = 5e-4 * rng.normal(size=2)
        for number in range(n_each):
            changed = transparency_rms * rng.normal(size=2) / math.sqrt(2)
            true = predicted(TRUTH, *light)
            q, u = true + changed
            relative = true - TRUTH[:2] - field + 1e-3 * rng.normal(size=2)
            found.append(
                StandardMeasurement(
                    f"{star.name}-{number}", star.name, q, u, 1.1e-3, 1.1e-3, 0.0, tuple(relative), 5e-4
                )
            )
    return found


@pytest.mark.parametrize("n", [60, pytest.param(200, marks=pytest.mark.night)])
def test_one_beam_is_not_calibrated_with_what_was_assumed_of_it(n):
    rng = np.random.default_rng(17)
    standards = stars(3, 2)
    found = []
    for _ in range(n):
        fit = fit_standards(one_beam(standards, 2, rng), standards)
        found.append((fit.values - TRUTH) / np.sqrt(np.diag(fit.cov)))
        # Ten groups have 18 degrees of freedom about their mean.
        assert fit.raw_scatter == pytest.approx(0.05 / math.sqrt(2), rel=4 / math.sqrt(2 * 18))
    found = np.array(found)
    assert np.all(np.abs(found.mean(axis=0)) < 3.5 / math.sqrt(n))
    assert np.all(np.abs((np.abs(found) < 1).mean(axis=0) - 0.6827) < 3.5 * math.sqrt(0.6827 * 0.3173 / n))


def test_two_raw_values_cannot_tell_the_transparency():
    standards = stars(1, 1)
    rows = one_beam(standards, 1, np.random.default_rng(18))
    known = Known((0.05, 0.06, 0.0, 1.0), (0.003, 0.002, 1.0, 0.0))
    fit = fit_standards(rows, standards, known)
    assert fit.held == ("q_inst", "u_inst")
    assert tuple(fit.values[:2]) == (0.05, 0.06)
    with pytest.raises(ValueError, match="need 3 measurements"):
        fit_standards(rows, standards)


def test_a_correlated_calibration_shares_its_error_as_a_draw_of_it_would():
    rng = np.random.default_rng(19)
    root = np.diag([3e-3, 2e-3, 2.0, 0.02]) @ np.linalg.cholesky(
        [[1, 0.3, -0.6, 0.1], [0.3, 1, 0.2, -0.6], [-0.6, 0.2, 1, 0.0], [0.1, -0.6, 0.0, 1]]
    )
    cov = tuple(map(tuple, root @ root.T))
    fit = StokesFit(0.11, 0.03, 5e-4, 5e-4, 0, 5e-4, 5e-4, 1, 0, None, 0, 4, "")
    sky = to_sky(fit, Calibration(0.01, 3e-3, -0.02, 2e-3, 25.0, 2.0, 0.95, 0.02, cov=cov))
    draws = (root @ rng.normal(size=(4, 4000))).T
    drawn = [to_sky(fit, Calibration(0.01 + a, 0, -0.02 + b, 0, 25 + c, 0, 0.95 + d)) for a, b, c, d in draws]
    for name in ("q", "u", "p", "chi"):
        suffix = "_deg" if name == "chi" else ""
        spread = np.std([getattr(one, name + suffix) for one in drawn])
        # 4000 draws measure a width to 1.1 %; p and chi are linear in the errors to some 2 %.
        assert spread == pytest.approx(getattr(sky, f"{name}_sys{suffix}"), rel=0.06), name
