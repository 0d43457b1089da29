"""The host galaxy's light is that of the table, and taking it off carries every error with it."""

import math

import numpy as np
import pytest

from iop4cli.archive.host_tables import read_host_table
from iop4cli.science.host import HostFlux, HostTable, NoHost, Stokes, flux_mjy, without_host
from iop4cli.share import share_dir

SHIPPED = read_host_table(share_dir() / "catalogs" / "host_galaxies.ecsv")
BL_LAC = HostTable.of(SHIPPED["bllacertae"].nodes)
STOKES = Stokes(0.06, -0.05, 0.002, 0.003, 2e-6)


# (radius, FWHM, mJy, its error) of table B.20 of Nilsson et al. (2007); R and p of the whole.
@pytest.mark.parametrize(
    ("radius", "fwhm", "host", "host_err", "mag", "p"),
    [(3.0, 2.0, 0.80, 0.03, 14.5, 0.08), (5.0, 4.0, 1.10, 0.03, 15.3, 0.11), (7.5, 3.0, 1.38, 0.03, 13.9, 0.02)],
)
def test_at_nodes_of_the_table_the_correction_is_hand_arithmetic(radius, fwhm, host, host_err, mag, p):
    found = BL_LAC.at(radius, fwhm)
    assert (found.flux_mjy, found.flux_err_mjy) == (host, host_err)
    left = without_host(mag, 0.01, found, Stokes(p, 0.0, 0.001, 0.001, 0.0))
    flux = 3.080e6 * 10 ** (-0.4 * mag)
    assert left.mag == pytest.approx(-2.5 * math.log10((flux - host) / 3.080e6), rel=1e-14)
    assert left.p == pytest.approx(p * flux / (flux - host), rel=1e-14)
    # For q = p, u = 0 the printed formulas of a quotient, F and H independent.
    flux_err = flux * 0.01 * math.log(10) / 2.5
    mag_err = 2.5 / math.log(10) * math.hypot(flux_err, host_err) / (flux - host)
    p_err = math.sqrt(
        (flux / (flux - host) * 0.001) ** 2
        + (p * host / (flux - host) ** 2 * flux_err) ** 2
        + (p * flux / (flux - host) ** 2 * host_err) ** 2
    )
    assert (left.mag_err, left.p_err) == pytest.approx((mag_err, p_err), rel=1e-12)


def test_between_nodes_the_flux_is_the_plane_through_them():
    corners = {(r, w): BL_LAC.at(r, w) for r in (5.0, 5.5) for w in (3.0, 4.0)}
    middle = BL_LAC.at(5.25, 3.5)
    assert middle.flux_mjy == pytest.approx(np.mean([c.flux_mjy for c in corners.values()]), rel=1e-14)
    assert middle.flux_err_mjy == pytest.approx(np.mean([c.flux_err_mjy for c in corners.values()]), rel=1e-14)
    edge = BL_LAC.at(5.1, 3.0)
    near, far = corners[5.0, 3.0], corners[5.5, 3.0]
    assert edge.flux_mjy == pytest.approx(0.8 * near.flux_mjy + 0.2 * far.flux_mjy, rel=1e-12)


@pytest.mark.parametrize(
    ("radius", "fwhm", "said"),
    [
        (0.99, 2.0, 'aperture radius 0.99" is outside the table, which has 1" to 10"'),
        (10.01, 2.0, "aperture radius"),
        (5.0, 0.9, 'FWHM 0.90" is outside the table, which has 1" to 8"'),
        (5.0, 8.1, "FWHM"),
        (math.nan, 3.0, "aperture radius"),
    ],
)
def test_outside_the_table_there_is_a_reason_and_no_value(radius, fwhm, said):
    with pytest.raises(NoHost, match=said):
        BL_LAC.at(radius, fwhm)


def test_the_corners_of_the_table_are_inside_it():
    for radius in (1.0, 10.0):
        for fwhm in (1.0, 8.0):
            assert BL_LAC.at(radius, fwhm).flux_mjy > 0


def test_a_cell_with_a_hole_is_not_guessed_but_its_whole_edges_serve():
    table = HostTable.of([(1, 1, 1.0, 0.1), (2, 1, 2.0, 0.1), (1, 2, 1.0, 0.1)])
    assert table.at(1.5, 1.0).flux_mjy == pytest.approx(1.5)
    with pytest.raises(NoHost, match='no node at radius 2" and FWHM 2"'):
        table.at(1.5, 1.5)


def draw_without_host(mag, mag_err, host, stokes, n, rng):
    """(mag, q, u) without the host of n draws of everything that was measured."""
    flux = 3.080e6 * 10 ** (-0.4 * rng.normal(mag, mag_err, n))
    left = flux - rng.normal(host.flux_mjy, host.flux_err_mjy, n)
    cov = [[stokes.q_err**2, stokes.qu_cov], [stokes.qu_cov, stokes.u_err**2]]
    q, u = rng.multivariate_normal([stokes.q, stokes.u], cov, n).T
    # Nobody measures what is left at more than 4.5 errors from the truth, and 1/left has no mean if they do.
    sure = np.abs(left - left.mean()) < 4.5 * left.std()
    assert sure.mean() > 0.9999
    flux, left, q, u = flux[sure], left[sure], q[sure], u[sure]
    return np.array([-2.5 * np.log10(left / 3.080e6), q * flux / left, u * flux / left])


@pytest.mark.parametrize(
    ("mag", "mag_err", "host"),
    [(14.5, 0.03, HostFlux(1.0, 0.05)), (15.6, 0.01, HostFlux(0.9, 0.02)), (16.0, 0.02, HostFlux(0.8, 0.01))],
    ids=["host small", "host half", "host most"],
)
def test_the_covariance_of_magnitude_q_and_u_is_that_of_simulated_draws(mag, mag_err, host):
    n = 400_000
    left = without_host(mag, mag_err, host, STOKES)
    drawn = draw_without_host(mag, mag_err, host, STOKES, n, np.random.default_rng(7))
    expected = np.array(
        [
            [left.mag_err**2, left.mag_q_cov, left.mag_u_cov],
            [left.mag_q_cov, left.q_err**2, left.qu_cov],
            [left.mag_u_cov, left.qu_cov, left.u_err**2],
        ]
    )
    sigma = np.sqrt(np.diag(expected))
    found = np.cov(drawn)
    relative = left.mag_err * math.log(10) / 2.5
    # Draws measure a correlation to 1/sqrt(n); what is linear is wrong by some relative errors squared.
    assert np.abs((found - expected) / np.outer(sigma, sigma)).max() < 5 / math.sqrt(n) + 8 * relative**2
    assert np.abs((drawn.mean(axis=1) - [left.mag, left.q, left.u]) / sigma).max() < 5 / math.sqrt(n) + 1.2 * relative
    # p goes along (q, u), so its error and its covariance with the magnitude are those in this direction.
    p = np.hypot(drawn[1], drawn[2])
    assert np.std(p) == pytest.approx(left.p_err, rel=0.01 + 8 * relative**2)
    assert np.cov(drawn[0], p)[0, 1] / (left.mag_err * left.p_err) == pytest.approx(
        left.mag_p_cov / (left.mag_err * left.p_err), abs=0.01 + 8 * relative**2
    )


def test_a_flux_too_large_makes_the_rest_too_bright_and_too_little_polarised():
    """Fainter by chance and more polarised go together: the correlation is positive, and near one if F decides."""
    left = without_host(15.6, 0.03, HostFlux(0.9, 0.001), Stokes(0.1, 0.0, 1e-5, 1e-5, 0.0))
    assert left.mag_p_cov / (left.mag_err * left.p_err) == pytest.approx(1.0, abs=0.01)


def test_without_the_correlation_the_error_would_be_wrong():
    """q and u are corrected by one factor: a common error moves p and leaves the angle where it is."""
    left = without_host(15.6, 0.03, HostFlux(0.9, 0.05), Stokes(0.06, 0.08, 1e-6, 1e-6, 0.0))
    assert left.qu_cov / (left.q_err * left.u_err) == pytest.approx(1.0, abs=1e-3)
    assert left.p_err == pytest.approx(math.hypot(left.q_err, left.u_err), rel=1e-3)


def test_the_debiased_degree_is_that_of_the_whole_times_the_factor():
    from iop4cli.science.debias import polarisation

    stokes = Stokes(0.004, 0.003, 0.003, 0.002, 1e-6)
    whole = polarisation(stokes.q, stokes.u, stokes.q_err, stokes.u_err, stokes.qu_cov)
    left = without_host(15.0, 0.02, HostFlux(1.0, 0.05), stokes)
    factor = flux_mjy(15.0) / (flux_mjy(15.0) - 1.0)
    assert left.p_debiased == pytest.approx(factor * whole.p_debiased, rel=1e-12)


def test_no_host_changes_nothing():
    left = without_host(15.0, 0.02, HostFlux(0.0, 0.0), STOKES)
    assert (left.mag, left.mag_err, left.q, left.u) == (15.0, 0.02, STOKES.q, STOKES.u)
    assert (left.q_err, left.u_err, left.qu_cov) == pytest.approx((0.002, 0.003, 2e-6), rel=1e-14)
    assert (left.mag_q_cov, left.mag_u_cov) == (0.0, 0.0)


def test_photometry_alone_has_no_polarisation_to_correct():
    left = without_host(15.0, 0.02, HostFlux(1.0, 0.05))
    assert left.mag > 15.0
    assert (left.q, left.u, left.p, left.p_err, left.mag_p_cov) == (None,) * 5


@pytest.mark.parametrize("mag", [16.22, 16.3, 17.5])
def test_a_host_as_bright_as_the_whole_leaves_nothing_to_divide_by(mag):
    with pytest.raises(NoHost, match="less than 5 errors above zero"):
        without_host(mag, 0.01, HostFlux(1.0, 0.02), STOKES)


def test_at_the_faintest_allowed_the_bias_is_what_the_docstring_says():
    host, rng = HostFlux(1.0, 0.05), np.random.default_rng(8)
    # Five errors left: F = 1.25 mJy and next to no error of its own.
    mag = -2.5 * math.log10(1.2502 / 3.080e6)
    left = without_host(mag, 1e-4, host, STOKES)
    drawn = draw_without_host(mag, 1e-4, host, STOKES, 400_000, rng)
    assert np.hypot(*drawn[1:]).mean() / left.p == pytest.approx(1.04, abs=0.01)
    assert drawn[0].mean() - left.mag == pytest.approx(0.022, abs=0.003)


def test_every_published_table_is_there_and_grows_with_the_radius_on_the_whole():
    assert len(SHIPPED) == 20
    assert sum(len(entry.nodes) for entry in SHIPPED.values()) == 2814
    for entry in SHIPPED.values():
        table = HostTable.of(entry.nodes)
        # All are whole grids, and the widest aperture holds more than the narrowest.
        assert len(entry.nodes) == len(table.radii_arcsec) * len(table.fwhms_arcsec)
        for fwhm in table.fwhms_arcsec:
            ends = [table.at(radius, fwhm).flux_mjy for radius in (table.radii_arcsec[0], table.radii_arcsec[-1])]
            assert ends[0] <= ends[1]
