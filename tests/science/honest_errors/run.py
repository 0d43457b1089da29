"""Runs all settings in pieces, in one process or in several."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from .cells import Cell, Setting, all_settings, cells_of
from .chain import outcomes
from .draw import draw_groups

FULL, QUICK = 2000, 40
_PIECE = 100


def piece(setting: Setting, number: int, n: int, seed: int) -> np.ndarray:
    """Outcomes (n, n_targets, n_columns) of one piece, the same in whatever process and order."""
    rng = np.random.default_rng([seed, all_settings().index(setting), number])
    return outcomes(setting, draw_groups(setting, n, rng))


def simulated(n_groups: int, jobs: int, seed: int, settings: list[Setting] | None = None) -> dict[Cell, np.ndarray]:
    """Rows of outcomes by cell."""
    tasks = [
        (setting, number, min(_PIECE, n_groups - first), seed)
        for number, first in enumerate(range(0, n_groups, _PIECE))
        for setting in settings or all_settings()
    ]
    if jobs == 1:
        done = [piece(*task) for task in tasks]
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            done = list(pool.map(piece, *zip(*tasks, strict=True)))
    by_cell: dict[Cell, list[np.ndarray]] = {}
    for (setting, *_), rows in zip(tasks, done, strict=True):
        for target, cell in enumerate(cells_of(setting)):
            by_cell.setdefault(cell, []).append(rows[:, target])
    return {cell: np.concatenate(pieces) for cell, pieces in by_cell.items()}
