import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from retarder_methods import CAFOS, ROTATION, run, simulated_group

from iop4cli.science.plate_models import modulation
from iop4cli.science.plate_outliers import (
    FALSE_ALARM,
    FALSE_ALARM_UNDERSTATED_ERRORS,
    without_outliers,
)
from iop4cli.science.retarder import DEFAULT_METHOD, METHODS, fit_retarder
from iop4cli.science.stokes import Calibration, to_sky

Q, U, INTENSITY = 0.21, -0.17, 2e4
TWO_BEAMS = METHODS[:4]
ONE_BEAM = METHODS[4:]
SEQUENCES = {
    "CAFOS": CAFOS,
    "16": ROTATION,
    "8": ROTATION[:8],
    "16 of a plate not at zero": ROTATION + 3.7,
    "5 of 16": ROTATION[[0, 3, 6, 9, 15]],
    "3 of 4": CAFOS[1:],
    "16 twice": np.tile(ROTATION, 2),
}
# Those from which the ratio method can be formed, every exposure being in a set.
WITH_SETS = ("CAFOS", "16", "8", "16 twice")


def beams(plate_deg, *, q=Q, u=U, k=0.0, clouds=1.0):
    s = modulation(plate_deg) @ [q, u]
    return INTENSITY / 2 * (1 + k) * (1 + s) * clouds, INTENSITY / 2 * (1 - k) * (1 - s) * clouds


def fit_of(plate_deg, flux_o, flux_e, err=np.sqrt, **options):
    return fit_retarder(plate_deg, flux_o, err(flux_o), flux_e, err(flux_e), **options)


def no_errors(flux):
    return 0 * flux


@pytest.mark.parametrize(
    ("method", "angles"),
    [(method, angles) for method in METHODS for angles in SEQUENCES if method != "ratio" or angles in WITH_SETS],
)
@pytest.mark.parametrize("err", [np.sqrt, no_errors])
def test_noise_free_fluxes_give_the_truth(method, angles, err):
    plate_deg = SEQUENCES[angles]
    k = 0.0 if method == "difference" else 0.05
    # One beam knows nothing of clouds.
    clouds = 1.0 if method in ONE_BEAM else np.exp(0.3 * np.random.default_rng(1).normal(size=plate_deg.size))
    fit = fit_of(plate_deg, *beams(plate_deg, k=k, clouds=clouds), err, method=method)
    assert (fit.q, fit.u) == (pytest.approx(Q, abs=1e-9), pytest.approx(U, abs=1e-9))
    assert fit.used.all()
    assert np.abs(fit.residual).max() < 1e-9
    if method in ("ratio", "difference with k", "both beams"):
        assert fit.k == pytest.approx(k, abs=1e-9)
    else:
        assert fit.k is None
    assert fit.intensity == pytest.approx(
        INTENSITY * np.mean(clouds) * {"O only": 1 + k, "E only": 1 - k}.get(method, 1), rel=1e-9
    )


def test_the_ratio_method_is_that_of_the_textbook():
    o = np.array([900.0, 1100.0, 1300.0, 980.0])
    e = np.array([1010.0, 950.0, 700.0, 1200.0])
    fit = fit_of(ROTATION[:4], o, e, method="ratio")
    for found, (first, second) in ((fit.q, (0, 2)), (fit.u, (1, 3))):
        ratio = math.sqrt((o[first] / e[first]) / (o[second] / e[second]))
        assert found == pytest.approx((ratio - 1) / (ratio + 1), rel=1e-12)


def test_angles_are_taken_as_they_are():
    o, e = beams(CAFOS)
    as_they_are, as_they_should_be = fit_of(CAFOS, o, e), fit_of(ROTATION[:4], o, e)
    assert abs(as_they_are.q - Q) < 1e-9
    # 0.02 deg are 0.08 deg of 4 t: 0.0014 of the other parameter in two of four equations.
    assert abs(as_they_should_be.q - Q) > 1e-4


@pytest.mark.parametrize("method", METHODS)
def test_the_sign_follows_the_beam_and_the_plate(method):
    plate_deg, rng = ROTATION, np.random.default_rng(4)
    o, e = (rng.normal(flux, np.sqrt(flux)) for flux in beams(plate_deg))
    one = fit_of(plate_deg, o, e, method=method)
    swapped = fit_of(plate_deg, e, o, method={"O only": "E only", "E only": "O only"}.get(method, method), reject=True)
    turned = fit_of(plate_deg + 45, o, e, method=method)
    for other in (swapped, turned):
        assert (other.q, other.u) == (pytest.approx(-one.q, abs=1e-9), pytest.approx(-one.u, abs=1e-9))
        assert (other.q_err, other.qu_cov) == (pytest.approx(one.q_err), pytest.approx(one.qu_cov, abs=1e-12))


@given(
    st.floats(-0.6, 0.6), st.floats(-0.6, 0.6), st.floats(-0.3, 0.3), st.floats(1e-3, 1e7), st.sampled_from(TWO_BEAMS)
)  # fmt: skip
def test_no_scale_of_the_fluxes_matters(q, u, k, scale, method):
    o, e = beams(CAFOS, q=q, u=u, k=0.0 if method == "difference" else k)
    fit = fit_retarder(CAFOS, scale * o, scale * np.sqrt(o), scale * e, scale * np.sqrt(e), method=method)
    assert (fit.q, fit.u) == (pytest.approx(q, abs=1e-9), pytest.approx(u, abs=1e-9))
    assert fit.intensity / scale == pytest.approx(INTENSITY, rel=1e-9)


def test_a_missing_beam_is_a_missing_exposure_except_for_the_other_beam():
    o, e = beams(CAFOS)
    e[2] = np.nan
    fit = fit_of(CAFOS, o, e)
    assert fit.used.tolist() == [True, True, False, True]
    assert np.isnan(fit.difference[2]) and np.isnan(fit.residual[2])
    assert (fit.n_angles, fit.dof) == (3, 0)
    assert fit_of(CAFOS, o, e, method="O only").used.all()
    assert fit_of(CAFOS, o, e, method="E only").n_angles == 3


def test_an_exposure_without_light_is_a_missing_one():
    clouds = np.ones(16)
    clouds[5] = 0.0
    o, e = beams(ROTATION, clouds=clouds)
    o[5], e[5] = 3.0, -2.0
    fit = fit_of(ROTATION, o, e, lambda flux: np.sqrt(np.abs(flux) + 30))
    assert np.flatnonzero(~fit.used).tolist() == [5]
    assert abs(fit.q - Q) < 1e-9


@pytest.mark.parametrize(
    ("plate_deg", "change", "options", "reason"),
    [
        ([0, 22.5, 90], lambda o, e: (o, e), {}, "three distinct plate angles modulo 90, measured are 2: 0, 22.5"),
        (CAFOS, lambda o, e: (o, e * np.nan), {}, "measured are 0: none"),
        (CAFOS, lambda o, e: (o, e * 0.01), {}, "the extraordinary beam has next to no flux"),
        (CAFOS, lambda o, e: (o * 0.01, e), {}, "the ordinary beam has next to no flux"),
        (CAFOS[:3], lambda o, e: (o, e), {"method": "ratio"}, "needs the plate angles 0, 22.5, 45 and 67.5"),
        (CAFOS, lambda o, e: (o, e), {"method": "both"}, "no method 'both'; there are ratio, difference"),
        (CAFOS, lambda o, e: (o[:3], e), {}, "disagree"),
        (CAFOS, lambda o, e: (o, e), {"transparency": "any"}, "needs no transparency"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_refused_with_the_reason(plate_deg, change, options, reason):
    o, e = change(*beams(np.array(plate_deg)))
    with pytest.raises(ValueError, match=reason):
        fit_of(plate_deg, o, e, **options)


def groups_of(angles, n, seed, **conditions):
    rng = np.random.default_rng(seed)
    return [simulated_group(angles, rng, **conditions) for _ in range(n)]


@pytest.mark.parametrize("angles", ["CAFOS", pytest.param("8", marks=pytest.mark.night), "16"])
def test_clouds_do_not_move_the_polarisation(angles):
    plate_deg = SEQUENCES[angles]
    groups = groups_of(plate_deg, 400, 5, snr=100.0, p=0.1, k=0.05, cloud_rms=0.3)
    tally = run(DEFAULT_METHOD, groups)
    errors = tally.along / tally.ideal
    # 400 groups measure the mean to 0.05 sigma; 0.1 sigma is what is allowed.
    assert abs(errors.mean()) < 0.1 + 2 * 0.05
    # Without noise clouds move nothing at all, see above; they only make some exposures worse.
    assert np.sqrt(np.mean(errors**2)) < 1.15


@pytest.mark.parametrize("angles", ["CAFOS", "8", "16", "5 of 16"])
@pytest.mark.parametrize("snr", [30.0, 300.0])
def test_errors_of_the_default_are_honest(angles, snr):
    tally = run(DEFAULT_METHOD, groups_of(SEQUENCES[angles], 300, 6, snr=snr, p=0.2, k=0.03, cloud_rms=0.1))
    assert tally.n_failed == 0
    # 600 pulls measure the width to 0.03 and the coverage to 1.9 %.
    assert np.sqrt(np.mean(tally.pulls**2)) == pytest.approx(1, abs=0.1)
    assert np.mean(np.abs(tally.pulls) < 1) == pytest.approx(0.6827, abs=0.065)


@pytest.mark.parametrize("method", ONE_BEAM)
def test_one_beam_alone_needs_the_transparency_and_is_right_with_it(method):
    groups = groups_of(CAFOS, 300, 7, snr=100.0, p=0.1, k=0.05, cloud_rms=0.1)
    pulls = run(method, groups).pulls
    assert np.sqrt(np.mean(pulls**2)) == pytest.approx(1, abs=0.12)
    o, o_err, e, e_err = groups[0].fluxes
    without = fit_retarder(CAFOS, o, o_err, e, e_err, method=method)
    assert abs(without.q - groups[0].q) > 3 * without.q_err_photon


def test_the_imbalance_and_its_error_are_measured():
    rng = np.random.default_rng(8)
    pulls = []
    for group in [simulated_group(CAFOS, rng, snr=50.0, p=0.2, k=0.05, cloud_rms=0.2) for _ in range(300)]:
        fit = fit_retarder(CAFOS, *group.fluxes)
        pulls.append((fit.k - 0.05) / fit.k_err)
    # 300 pulls measure the mean to 0.06 and the width to 0.04.
    assert abs(np.mean(pulls)) < 0.2
    assert np.std(pulls) == pytest.approx(1, abs=0.14)


@pytest.mark.parametrize("method", ["difference with k", "both beams"])
def test_missing_angles_make_q_and_u_correlated_and_the_covariance_says_so(method):
    plate_deg, rng = ROTATION[[0, 1, 2, 4, 8]], np.random.default_rng(9)
    o, e = beams(plate_deg, k=0.04)
    fits = []
    for _ in range(1000):
        noisy = [rng.normal(flux, np.sqrt(flux)) for flux in (o, e)]
        fits.append(fit_of(plate_deg, *noisy, method=method, reject=False))
    found = np.cov([fit.q for fit in fits], [fit.u for fit in fits])
    expected = fit_of(plate_deg, o, e, method=method)
    # 1000 draws measure a variance to 4.5 %.
    assert found[0, 0] == pytest.approx(expected.q_err**2, rel=0.18)
    assert found[1, 1] == pytest.approx(expected.u_err**2, rel=0.18)
    assert abs(expected.qu_cov) > 0.1 * expected.q_err * expected.u_err
    assert found[0, 1] == pytest.approx(expected.qu_cov, abs=0.15 * expected.q_err * expected.u_err)


def test_scatter_beyond_the_photons_enlarges_the_errors():
    rng = np.random.default_rng(10)
    o, e = beams(ROTATION)
    pulls, photon_pulls = [], []
    for _ in range(250):
        noisy = [rng.normal(flux, 2 * np.sqrt(flux)) for flux in (o, e)]
        fit = fit_of(ROTATION, *noisy)
        pulls.append((fit.q - Q) / fit.q_err)
        photon_pulls.append((fit.q - Q) / fit.q_err_photon)
    # 250 pulls measure a width to 0.045; errors from 13 degrees of freedom widen it to 1.09.
    assert np.std(pulls) == pytest.approx(1.09, abs=0.16)
    assert np.std(photon_pulls) == pytest.approx(2, abs=0.3)


def cosmic_ray(flux, exposure, sigmas):
    hit = flux.copy()
    hit[exposure] += sigmas * math.sqrt(flux[exposure])
    return hit


@pytest.mark.parametrize(("n_exposures", "sigmas"), [(16, 25.0), (8, 40.0)])
def test_an_exposure_that_contradicts_the_others_is_left_out(n_exposures, sigmas):
    plate_deg, rng = ROTATION[:n_exposures], np.random.default_rng(11)
    pulls, n_good_lost = [], 0
    for trial in range(100):
        o, e = (rng.normal(flux, np.sqrt(flux)) for flux in beams(plate_deg, k=0.05))
        fit = fit_of(plate_deg, o, cosmic_ray(e, trial % n_exposures, sigmas))
        assert not fit.used[trial % n_exposures]
        assert fit_of(plate_deg, o, cosmic_ray(e, trial % n_exposures, sigmas), reject=False).used.all()
        n_good_lost += int((~fit.used).sum()) - 1
        pulls.append([(fit.q - Q) / fit.q_err, (fit.u - U) / fit.u_err])
    assert n_good_lost <= 1
    # 200 pulls measure the width to 0.05.
    assert np.sqrt(np.mean(np.square(pulls))) == pytest.approx(1, abs=0.2)


def test_four_angles_cannot_say_which_one_is_wrong():
    o, e = beams(CAFOS)
    fit = fit_of(CAFOS, o, cosmic_ray(e, 1, 50.0))
    assert fit.used.all()
    assert fit.q_err > 5 * fit.q_err_photon


def false_alarm_rate(plate_deg, true_over_quoted, n_groups, seed):
    rng = np.random.default_rng(seed)
    design = np.column_stack([np.ones_like(plate_deg), modulation(plate_deg)])
    n_hurt = 0
    for _ in range(n_groups):
        scatter = true_over_quoted * rng.normal(size=plate_deg.size)

        def fit(keep, scatter=scatter):
            return scatter - design @ np.linalg.lstsq(design[keep], scatter[keep], rcond=None)[0], design

        n_hurt += not without_outliers(fit, np.eye(plate_deg.size), plate_deg).all()
    return n_hurt / n_groups


@pytest.mark.parametrize("n_exposures", [8, 16])
@pytest.mark.parametrize(("true_over_quoted", "allowed"), [(1.0, FALSE_ALARM), (3.0, FALSE_ALARM_UNDERSTATED_ERRORS)])
def test_good_exposures_are_kept(n_exposures, true_over_quoted, allowed):
    n_groups = 1500
    rate = false_alarm_rate(ROTATION[:n_exposures], true_over_quoted, n_groups, 12)
    # 3 sigma of the binomial above the stated rate.
    assert rate < allowed + 3 * math.sqrt(allowed / n_groups)


@given(st.integers(4, 24), st.integers(0, 2**32 - 1))
def test_a_quarter_at_most_is_left_out_and_three_angles_remain(n_exposures, seed):
    rng = np.random.default_rng(seed)
    plate_deg = 22.5 * np.sort(rng.choice(24, n_exposures, replace=False))
    o, e = beams(plate_deg, q=0.05, u=0.02)
    o, e = (flux * (1 + 0.05 * np.clip(rng.standard_cauchy(n_exposures), -8, 8)) for flux in (o, e))
    try:
        fit = fit_of(plate_deg, o, e)
    except ValueError as error:
        assert "three distinct" in str(error)
        return
    assert (~fit.used).sum() <= n_exposures / 4
    assert fit.n_angles >= 3


def test_the_sky_takes_the_fit_as_it_is():
    sky = to_sky(fit_of(CAFOS, *beams(CAFOS)), Calibration(0, 0, 0, 0, 30.0, 0))
    assert sky.p == pytest.approx(math.hypot(Q, U))
    assert sky.chi_deg == pytest.approx((math.degrees(math.atan2(U, Q)) / 2 + 30) % 180)
