"""A few simulated nights of each instrument and mode: all solved, none wrongly, errors that hold."""

import pytest

from tests.night.pulls import SINGLE, one_night, table

pytestmark = pytest.mark.night


@pytest.mark.parametrize("mode", ["phot", "pol"])
@pytest.mark.parametrize("instrument", SINGLE)
def test_a_night_is_solved_and_its_pulls_are_those_of_honest_errors(instrument, mode, capsys):
    nights = [one_night(instrument, mode, seed) for seed in (201, 202)]
    with capsys.disabled():
        print("\n" + "\n".join(table(nights)))
    assert [night.troubles for night in nights] == [[], []]
    assert sum(night.n_solved for night in nights) == sum(night.n_lights for night in nights)
    assert sum(night.n_wrong for night in nights) == 0
    pulls = {name: [c.pulls[name] for n in nights for c in n.compared if name in c.pulls] for name in ("mag", "q", "u")}
    for name, values in pulls.items():
        if mode == "phot" and name != "mag":
            continue
        assert len(values) >= 8
        # Magnitudes of a field share its calibrators: two nights of two fields are four independent draws, and a
        # mean of four unit Gaussians stays within 2 but for one case in 16,000.
        assert abs(sum(values) / len(values)) < 2.0
        # With honest errors one pull in 16,000 is beyond 4; there are some hundred here.
        assert max(map(abs, values)) < 5.0
