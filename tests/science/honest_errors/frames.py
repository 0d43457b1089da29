"""Whole simulated nights, with clouds and cosmic rays, from raw frames to results: what their errors are worth.

A night takes some half a minute; its results are appended to a file, and what the file has is not done again. The
errors of the table are those of nights, as results of one night are not independent.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .approximations import allowed_of_frames, nominal_of
from .chain import CHI_SNR, COLUMNS
from .report import BEYOND
from .tally import PULLS, statistics

INSTRUMENTS = ("AndorT90", "RoperT90", "AndorT150", "CAFOS", "DIPOL")
MODES = ("phot", "pol")
WANTED = 300
_SEEDS_APART = 10_000


@dataclass(frozen=True)
class Kind:
    """An instrument in one of its modes."""

    instrument: str
    mode: str

    @property
    def quantities(self) -> tuple[str, ...]:
        return ("mag",) if self.mode == "phot" else PULLS


def kinds() -> list[Kind]:
    return [Kind(instrument, mode) for mode in MODES for instrument in INSTRUMENTS]


def run_nights(path: Path, wanted: int, first_seed: int, chosen: list[Kind], most_nights: int) -> None:
    """One night of each kind in turn until each has as many measurements as wanted."""
    from tests.night.pulls import one_night

    for number in range(most_nights):
        for kind in chosen:
            # The truth behind a catalogue's errors hangs on the seed: each kind has seeds of its own.
            seed = first_seed + number + _SEEDS_APART * kinds().index(kind)
            nights = [night for night in read_nights(path) if Kind(night["instrument"], night["mode"]) == kind]
            if sum(len(night["rows"]) for night in nights) >= wanted or seed in {night["seed"] for night in nights}:
                continue
            night = one_night(kind.instrument, kind.mode, seed)
            said = {
                "instrument": kind.instrument,
                "mode": kind.mode,
                "seed": seed,
                "n_lights": night.n_lights,
                "n_solved": night.n_solved,
                "troubles": night.troubles,
                "rows": [_row(one.result, one.truth, one.pulls) for one in night.compared],
            }
            with path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(said) + "\n")


def _row(result: Mapping[str, Any], truth: Mapping[str, Any], pulls: Mapping[str, float]) -> dict[str, Any]:
    """What the table needs of one result; no number where there is none."""
    row = {name: pulls.get(name) for name in ("mag", "q", "u")} | {"chi": pulls.get("chi_deg")}
    row |= {"source": result["source"], "quality": result["quality_text"], "is_target": truth["is_target"]}
    row |= {"chi2_red": result["chi2_red"], "dof": result["dof"]}
    p, p_err = truth["p"], result["p_err"]
    if p is None or not p_err:
        return row
    if p <= CHI_SNR * p_err:
        row["chi"] = None
    limit = result["p_upper95"]
    row["p_inside"] = float(result["p_lo68"] <= p <= result["p_hi68"])
    row["p_excluded"] = float(limit is not None and p > limit)
    row["limited"] = float(limit is not None)
    return row


def read_nights(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        with path.open(encoding="utf-8") as stream:
            yield from (json.loads(line) for line in stream)


def outcomes_by_kind(path: Path) -> dict[Kind, np.ndarray]:
    """Number of the night and `COLUMNS` in rows, by kind; NaN where there is no number."""
    rows: dict[Kind, list[list[float]]] = {}
    for number, night in enumerate(read_nights(path)):
        of_kind = rows.setdefault(Kind(night["instrument"], night["mode"]), [])
        of_kind += [[number, *(_number(row.get(name)) for name in COLUMNS)] for row in night["rows"]]
    return {kind: np.array(values).reshape(-1, 1 + len(COLUMNS)) for kind, values in rows.items()}


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


@dataclass(frozen=True)
class Statistics:
    """Of one quantity: number of results, each statistic with its error, share within two errors, and beyond four."""

    quantity: str
    n: int
    values: dict[str, tuple[float, float]]
    inside_two: float = math.nan
    n_far: int = 0
    told: str = ""

    def __str__(self) -> str:
        if self.told:
            return f"{self.quantity:8}{self.n:6}   {self.told}"
        mean, width, inside = (self.values[name] for name in ("mean", "width", "68 %"))
        return (
            f"{self.quantity:8}{self.n:6} {mean[0]:+7.3f} {mean[1]:5.3f} {width[0]:9.3f} {width[1]:5.3f}"
            f" {inside[0]:8.1%} {inside[1]:5.1%} {self.inside_two:7.1%} {self.n_far:6d}"
        )


def frame_table(path: Path) -> list[str]:
    """Of each instrument and mode, and of all together; then what lies beyond three errors, and why."""
    nights = list(read_nights(path))
    lines = [
        f"{'instrument':11}{'mode':6}{'nights':>7}{'frames':>7}{'solved':>7}  quantity     n    mean +- "
        "        width +-        68 % +-       95 % beyond 4"
    ]
    everything = outcomes_by_kind(path)
    beyond: list[str] = []
    for kind in kinds():
        if kind not in everything:
            continue
        of_kind = [night for night in nights if Kind(night["instrument"], night["mode"]) == kind]
        head = (
            f"{kind.instrument:11}{kind.mode:6}{len(of_kind):7}{sum(night['n_lights'] for night in of_kind):7}"
            f"{sum(night['n_solved'] for night in of_kind):7}"
        )
        for one in _statistics(everything[kind], kind.quantities):
            lines.append(f"{head}  {one}")
            head = " " * len(head)
            beyond += _beyond(kind, one)
    for mode in MODES:
        rows = [values for kind, values in everything.items() if kind.mode == mode]
        if rows:
            head = f"{'all':11}{mode:6}{'':21}"
            for one in _statistics(np.concatenate(rows), Kind("", mode).quantities):
                lines.append(f"{head}  {one}")
                head = " " * len(head)
    return [*lines, "", *(beyond or ["every statistic lies within 3 of its standard errors"])]


def _beyond(kind: Kind, found: Statistics) -> Iterator[str]:
    """Statistics further than three errors from their nominal value, and which approximation says so."""
    for statistic, (value, error) in found.values.items():
        nominal = nominal_of(statistic)
        sigmas = (value - nominal) / error if error else math.nan
        if not abs(sigmas) > BEYOND:
            continue
        low, high, named = allowed_of_frames(kind.instrument, kind.mode, found.quantity, statistic)
        explained = named and low - BEYOND * error <= value <= high + BEYOND * error
        why = f"{named} allows {low:g} to {high:g}" if explained else "nothing explains it"
        yield (
            f"{kind.instrument} {kind.mode} {found.quantity} {statistic}: {value:.3f} +- {error:.3f} is"
            f" {sigmas:+.1f} of its errors from {nominal:.3g}: {why}"
        )


def _statistics(rows: np.ndarray, quantities: tuple[str, ...]) -> Iterator[Statistics]:
    night, columns = rows[:, 0], dict(zip(COLUMNS, rows[:, 1:].T, strict=True))
    for quantity in quantities:
        known = np.isfinite(columns[quantity])
        if known.sum() < 2:
            continue
        pulls = columns[quantity][known]
        mean, width, inside, inside_two = statistics(pulls)
        errors = [
            _error_by_night(night[known], values)
            for values in (pulls, (pulls - mean) ** 2 / (2 * width), np.abs(pulls) <= 1.0)
        ]
        said = dict(zip(("mean", "width", "68 %"), zip((mean, width, inside), errors, strict=True), strict=True))
        yield Statistics(quantity, pulls.size, said, inside_two, int(np.sum(np.abs(pulls) > 4)))
    known = np.isfinite(columns["p_inside"])
    if "q" in quantities and known.any():
        inside, excluded, limited = (columns[name][known].mean() for name in ("p_inside", "p_excluded", "limited"))
        error = _error_by_night(night[known], columns["p_inside"][known])
        told = (
            f"in its 68 % interval {inside:.1%} +- {error:.1%}; with a limit {limited:.0%},"
            f" wrongly excluded {excluded:.1%}"
        )
        yield Statistics("p", int(known.sum()), {"68 %": (inside, error)}, told=told)


def _error_by_night(night: np.ndarray, values: np.ndarray) -> float:
    """Standard error of a mean over nights as wholes: the stars of a frame share its zero point and its clouds."""
    deviation = values - values.mean()
    sums = np.array([deviation[night == one].sum() for one in np.unique(night)])
    if sums.size < 2:
        return math.nan
    return float(np.sqrt(np.sum(sums**2) * sums.size / (sums.size - 1)) / values.size)
