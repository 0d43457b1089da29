"""Pairs out of chains: an image may be one star's second image or another star's first, never both."""

from __future__ import annotations

import numpy as np

# Log-likelihood of a pair over two images that have nothing to do with each other; the exact value matters
# only for whether two bad pairs beat a good one.
_PAIR_GAIN = 10.0
# Standard deviations: position in tolerances, log flux ratio of stars of any polarisation.
_OFF_SIGMA = 0.4
_LOG_RATIO_SIGMA = 0.35
# A choice that is not e**2 times as likely as the next best is no choice.
_CLEAR_GAIN = 2.0


def best_pairs(
    first: np.ndarray, second: np.ndarray, off_tolerances: np.ndarray, log_ratio: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(chosen, doubtful): indices into the candidate pairs (k,), which lead from image `first` to `second`.

    Each image is in at most one chosen pair, and the sum of the pairs' log-likelihoods is the largest there is.
    Doubtful are pairs of the best set that another set does nearly as well without, and their alternatives.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if len(first) == 0:
        return np.empty(0, int), np.empty(0, int)
    gain = _PAIR_GAIN - (off_tolerances / _OFF_SIGMA) ** 2 / 2 - (log_ratio / _LOG_RATIO_SIGMA) ** 2 / 2
    n_images = int(max(first.max(), second.max())) + 1
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(n_images, n_images))
    label = connected_components(graph, directed=False)[1][first]
    order = np.argsort(label, kind="stable")
    chosen: list[int] = []
    doubtful: list[int] = []
    for chain in np.split(order, np.nonzero(np.diff(label[order]))[0] + 1):
        kept = [0] if len(chain) == 1 else _heaviest(first[chain], second[chain], gain[chain])
        total = gain[chain][kept].sum()
        for position in kept:
            others = np.delete(np.arange(len(chain)), position)
            without = others[_heaviest(first[chain][others], second[chain][others], gain[chain][others])]
            clear = total - gain[chain][without].sum() > _CLEAR_GAIN
            if clear:
                chosen.append(int(chain[position]))
                continue
            images = (first[chain[position]], second[chain[position]])
            touched = np.isin(first[chain], images) | np.isin(second[chain], images)
            doubtful.extend(chain[touched].tolist())
    doubtful = sorted(set(doubtful) - set(chosen))
    return np.array(sorted(chosen), int), np.array(doubtful, int)


def _heaviest(first: np.ndarray, second: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """The heaviest set of pairs that share no image: an assignment between even and odd links of the chain."""
    from scipy.optimize import linear_sum_assignment

    if len(first) == 0:
        return np.empty(0, int)
    odd = _odd_images(first, second)
    rows, row = np.unique([int(b if a in odd else a) for a, b in zip(first, second, strict=True)], return_inverse=True)
    columns, column = np.unique(
        [int(a if a in odd else b) for a, b in zip(first, second, strict=True)], return_inverse=True
    )
    weight = np.zeros((len(rows), len(columns)))
    weight[row, column] = np.maximum(gain, 0.0)
    which = np.full(weight.shape, -1)
    which[row, column] = np.arange(len(first))
    found = which[linear_sum_assignment(weight, maximize=True)]
    found = found[found >= 0]
    return found[gain[found] > 0]


def _odd_images(first: np.ndarray, second: np.ndarray) -> set[int]:
    """Images an odd number of displacements away from an arbitrary one of their chain."""
    level: dict[int, int] = {}
    for root in first:
        if int(root) in level:
            continue
        level[int(root)] = 0
        waiting = [int(root)]
        while waiting:
            image = waiting.pop()
            linked = [(int(b), 1) for b in second[first == image]] + [(int(a), -1) for a in first[second == image]]
            for other, step in linked:
                if other not in level:
                    level[other] = level[image] + step
                    waiting.append(other)
    return {image for image, steps in level.items() if steps % 2}
