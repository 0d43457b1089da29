"""Ticks of small plots."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from iop4cli.tui.widgets.ticks import FewTicks


@given(st.floats(-1e5, 1e5), st.floats(1e-4, 1e4), st.integers(3, 8))
def test_ticks_are_few_within_the_limits_and_labelled_apart(low: float, width: float, n_ticks: int) -> None:
    ticks, labels = FewTicks(n_ticks).get_ticks_and_labels(low, low + width)
    assert 2 <= len(ticks) <= n_ticks + 1
    # A multiple of an interval may be off by the last bit of the largest.
    assert low - 1e-8 * width <= ticks[0] + 1e-9 and ticks[-1] - 1e-9 <= low + width * (1 + 1e-8)
    assert len(set(labels)) == len(labels)
    assert all(abs(float(label) - tick) < width / 20 for label, tick in zip(labels, ticks, strict=True))


def test_labels_tell_the_halves_apart() -> None:
    assert FewTicks(2).get_ticks_and_labels(-0.6, 0.6)[1] == ["-0.5", "0.0", "0.5"]


def test_magnitudes_are_plotted_upside_down() -> None:
    assert FewTicks(4, upside_down=True).get_ticks_and_labels(-14.2, -13.85)[1] == ["14.2", "14.1", "14.0", "13.9"]
