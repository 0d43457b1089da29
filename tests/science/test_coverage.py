"""The errors of results are what they say: the quick table of `make science` as a test."""

import numpy as np
import pytest
from honest_errors.cells import FILTER, RETARDER, SNRS, Cell, Setting, all_settings, angles_deg, cells_of
from honest_errors.chain import COLUMNS
from honest_errors.report import BEYOND, expected_beyond, failures, largest_by_chance, verdict
from honest_errors.run import QUICK, piece, simulated
from honest_errors.tally import findings


@pytest.fixture(scope="module")
def quick():
    """A sixth of the settings, each analyser once, with clouds and without; the whole table is for the night."""
    return simulated(QUICK, jobs=1, seed=11, settings=[Setting(FILTER, 4, 0.3), Setting(RETARDER, 8, 0.0)])


def test_pulls_and_coverage_are_those_of_honest_errors(quick):
    assert len(quick) == 2 * len(SNRS) * 4
    assert not failures(quick)


@pytest.mark.night
def test_pulls_and_coverage_of_every_cell_are_those_of_honest_errors(capsys):
    whole = simulated(QUICK, jobs=1, seed=11)
    with capsys.disabled():
        print("\n".join(verdict(whole)))
    assert len(whole) == 192
    assert not failures(whole)


def test_no_group_is_lost(quick):
    # At S/N 10 too: the fit of a plate needs the sum of both beams at 3 sigma, which is 7 sigma away.
    lost = sum(int(np.isnan(rows[:, COLUMNS.index("q")]).sum()) for rows in quick.values())
    assert lost <= 1e-4 * len(quick) * QUICK


@pytest.mark.parametrize("spoiled", ["q", "mag"])
@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_errors_off_by_a_quarter_are_found(quick, spoiled, factor):
    column = COLUMNS.index(spoiled)
    wrong = {cell: rows.copy() for cell, rows in quick.items()}
    for rows in wrong.values():
        rows[:, column] *= factor
    assert failures(wrong)


def test_a_shift_in_one_cell_is_found(quick):
    wrong = {cell: rows.copy() for cell, rows in quick.items()}
    next(iter(wrong.values()))[:, COLUMNS.index("u")] += 1.0
    assert any("u        mean" in line for line in failures(wrong))


def test_of_honest_gaussian_pulls_as_many_lie_beyond_three_as_expected():
    rng = np.random.default_rng(3)
    found = []
    for cell in [cell for setting in all_settings() for cell in cells_of(setting)] * 3:
        rows = np.full((500, len(COLUMNS)), np.nan)
        rows[:, :5] = rng.normal(size=(500, 5))
        rows[:, 5], rows[:, 6] = rng.random(500) < 0.682689, rng.random(500) < 0.05
        plain = Cell(Setting(cell.setting.analyser, 8, 0.0), 100.0, cell.p)
        found += [one for one in findings(plain, rows) if one.quantity in ("q", "u")]
    n_beyond = sum(abs(one.sigmas) > BEYOND for one in found)
    # 4608 statistics, of which 12.4 +- 3.5 are expected.
    assert abs(n_beyond - expected_beyond(len(found))) < 4 * expected_beyond(len(found)) ** 0.5
    assert max(abs(one.sigmas) for one in found) < largest_by_chance(len(found))


def test_a_piece_does_not_depend_on_where_it_is_made():
    setting = Setting(RETARDER, 4, 0.3)
    np.testing.assert_array_equal(piece(setting, 3, 2, 5), piece(setting, 3, 2, 5))
    apart = simulated(2, jobs=2, seed=5, settings=[setting])
    together = simulated(2, jobs=1, seed=5, settings=[setting])
    for cell in cells_of(setting):
        np.testing.assert_array_equal(apart[cell], together[cell])


def test_the_cells_are_those_that_were_asked_for():
    cells = [cell for setting in all_settings() for cell in cells_of(setting)]
    assert len(set(cells)) == 4 * 4 * 3 * 2 * 2
    assert {cell.snr for cell in cells} == set(SNRS) == {10, 30, 100, 1000}
    assert {cell.p for cell in cells} == {0, 0.01, 0.1, 0.3}
    for setting in all_settings():
        for evenly in (False, True):
            assert angles_deg(setting, evenly).size == setting.n_angles
    assert angles_deg(Setting(FILTER, 8, 0.0), False).tolist() == [-45, 0, 45, 90] * 2
    assert np.diff(angles_deg(Setting(FILTER, 16, 0.0), True)).tolist() == [22.5] * 15


@pytest.mark.parametrize("analyser", [FILTER, RETARDER])
def test_the_signal_to_noise_is_that_of_a_clear_exposure(analyser):
    from honest_errors.draw import draw_groups

    setting = Setting(analyser, 4, 0.0)
    groups = draw_groups(setting, 200, np.random.default_rng(1))
    for number, cell in enumerate(cells_of(setting)):
        # With polarisation each group has its own; the filter's is known to 0.3 %, which at S/N 1000 is all.
        if cell.p == 0 and (cell.snr < 1000 or analyser == RETARDER):
            totals = np.array([group.targets[number].flux.sum(axis=0) for group in groups])
            # 200 groups of 4 exposures measure a scatter to 2.5 %.
            assert np.mean(totals.mean(axis=0) / totals.std(axis=0)) == pytest.approx(cell.snr, rel=0.1)
