"""The table of all cells, what lies beyond chance, and everything together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from .cells import FILTER, RETARDER, Cell
from .chain import COLUMNS
from .tally import PULLS, Finding, findings, pooled, statistics

BEYOND = 3.0
# Chance that of all statistics together, with honest errors, one lies beyond the limit.
_FALSE_ALARM = 0.01


def all_findings(outcomes: Mapping[Cell, np.ndarray]) -> list[Finding]:
    return [finding for cell in sorted(outcomes) for finding in findings(cell, outcomes[cell])]


def expected_beyond(n: int) -> float:
    """How many of n lie beyond three standard errors by chance."""
    return n * math.erfc(BEYOND / math.sqrt(2))


def largest_by_chance(n: int) -> float:
    """What none of n lies beyond but once in a hundred tables."""
    from scipy.stats import norm

    return float(norm.isf(_FALSE_ALARM / (2 * n)))


def cell_table(outcomes: Mapping[Cell, np.ndarray]) -> list[str]:
    """A line for each cell: mean, width, 68 % and 95 % coverage of each pull, and p's interval and limits."""
    lines = [
        "analyser  n clouds   S/N   p"
        + "".join(f" |{name:>6} mean width   68%   95%" for name in PULLS)
        + " | p in68  limits   wrong   lost"
    ]
    for cell in sorted(outcomes):
        rows = outcomes[cell]
        parts = []
        for column in range(len(PULLS)):
            pulls = rows[np.isfinite(rows[:, column]), column]
            if pulls.size < 20:
                parts.append(f" |{'':29}")
                continue
            mean, width, inside, inside_two = statistics(pulls)
            parts.append(f" | {mean:+9.3f} {width:5.3f} {inside:5.1%} {inside_two:5.1%}")
        measured = rows[np.isfinite(rows[:, 1])]
        p_inside, excluded, limited = (
            measured[:, COLUMNS.index(name)].mean() for name in ("p_inside", "p_excluded", "limited")
        )
        lost = len(rows) - len(measured)
        parts.append(f" | {p_inside:6.1%} {limited:7.0%} {excluded:7.1%} {lost:6d}")
        lines.append(str(cell) + "".join(parts))
    return lines


def verdict(outcomes: Mapping[Cell, np.ndarray]) -> list[str]:
    """What lies beyond chance, by statistic, and the pooled pulls of each analyser."""
    found = all_findings(outcomes)
    beyond = [one for one in found if abs(one.sigmas) > BEYOND]
    limit = largest_by_chance(len(found))
    lines = [
        "",
        f"{len(found)} statistics in {len(outcomes)} cells: {len(beyond)} lie beyond 3 of their standard errors,"
        f" {expected_beyond(len(found)):.1f} are expected by chance;",
        f"the largest is {max((abs(one.sigmas) for one in found), default=0.0):.1f},"
        f" beyond {limit:.1f} would be one in a hundred tables like this.",
        *(str(one) for one in sorted(beyond, key=lambda one: -abs(one.sigmas))),
        "",
        "pooled     quantity         n    mean  width   68 %   95 %",
    ]
    for analyser in (FILTER, RETARDER):
        for quantity in PULLS:
            n, mean, width, inside, inside_two = pooled(outcomes, quantity, analyser)
            lines.append(f"{analyser:10} {quantity:8} {n:9} {mean:+7.3f} {width:6.3f} {inside:6.1%} {inside_two:6.1%}")
    return lines


def failures(outcomes: Mapping[Cell, np.ndarray]) -> Sequence[str]:
    """What breaks the promise: beyond any chance in a cell, too many beyond three, or pooled pulls off."""
    found = all_findings(outcomes)
    limit = largest_by_chance(len(found))
    broken = [str(one) for one in found if abs(one.sigmas) > limit]
    n_beyond = sum(abs(one.sigmas) > BEYOND for one in found)
    # Cells share their frames, so that what is beyond comes in families: twice the error of independent ones.
    expected = expected_beyond(len(found))
    if n_beyond > expected + 6 * math.sqrt(expected) + 1:
        broken.append(f"{n_beyond} of {len(found)} statistics lie beyond 3 standard errors, {expected:.1f} expected")
    for analyser in (FILTER, RETARDER):
        for quantity in PULLS:
            n, mean, width, inside, _ = pooled(outcomes, quantity, analyser)
            # In tables of few groups four of their own errors are more than these limits.
            off = max(0.1, 4 / math.sqrt(n)), max(0.1, 4 / math.sqrt(2 * n)), max(0.05, 4 * math.sqrt(0.2166 / n))
            if abs(mean) > off[0] or abs(width - 1) > off[1] or abs(inside - 0.6827) > off[2]:
                broken.append(f"pooled {analyser} {quantity} of {n}: {mean:+.3f} {width:.3f} {inside:.1%}")
    return broken
