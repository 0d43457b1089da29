"""Ticks for small plots."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10

from textual_plot import NumericAxisFormatter


class FewTicks(NumericAxisFormatter):
    """About as many as asked for; `upside_down` for magnitudes, which are plotted negative."""

    def __init__(self, n_ticks: int, *, upside_down: bool = False) -> None:
        self.n_ticks, self.upside_down = n_ticks, upside_down

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        """At multiples of 1, 2 or 5 times a power of ten: no more than asked for unless there would be one only."""
        interval = _nice_at_least((max_ - min_) / (2 * self.n_ticks + 2))
        ticks = _multiples(interval, min_, max_)
        while len(ticks) > self.n_ticks:
            interval = _nice_at_least(1.5 * interval)
            wider = _multiples(interval, min_, max_)
            if len(wider) < 2:
                break
            ticks = wider
        return ticks

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        # The spacing of large numbers may miss a power of ten by their last bit.
        decimals = max(0, -floor(log10(ticks[1] - ticks[0]) + 1e-3)) if len(ticks) > 1 else 0
        labels = [_without_minus_zero(f"{tick:.{decimals}f}") for tick in ticks]
        if not self.upside_down:
            return labels
        return [label[1:] if label.startswith("-") else _without_minus_zero(f"-{label}") for label in labels]


def _multiples(interval: float, first: float, last: float) -> list[float]:
    return [number * interval for number in range(ceil(first / interval - 1e-9), floor(last / interval + 1e-9) + 1)]


def _nice_at_least(interval: float) -> float:
    power = 10.0 ** floor(log10(interval))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= interval * (1 - 1e-9))


def _without_minus_zero(label: str) -> str:
    return label.removeprefix("-") if not label.strip("-0.") else label
