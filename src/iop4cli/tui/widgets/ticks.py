"""Ticks for small plots."""

from __future__ import annotations

from collections.abc import Sequence

from textual_plot import NumericAxisFormatter


class FewTicks(NumericAxisFormatter):
    """About as many as asked for; `upside_down` for magnitudes, which are plotted negative."""

    def __init__(self, n_ticks: int, *, upside_down: bool = False) -> None:
        self.n_ticks, self.upside_down = n_ticks, upside_down

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        ticks = super().get_ticks(min_, max_, self.n_ticks)
        return ticks[:: 1 + (len(ticks) - 1) // self.n_ticks]

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        labels = [_without_minus_zero(label) for label in super().get_labels_for_ticks(ticks)]
        if not self.upside_down:
            return labels
        return [label[1:] if label.startswith("-") else _without_minus_zero(f"-{label}") for label in labels]


def _without_minus_zero(label: str) -> str:
    return label.removeprefix("-") if not label.strip("-0.") else label
