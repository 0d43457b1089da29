"""Results of a reduction beside the truth of the simulated night: pulls and what they add up to."""

from __future__ import annotations

import csv
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Copies of an exposure have its time; other exposures of one source are further apart.
_SAME_TIME_DAYS = 0.5 / 86400.0
# A group's time is the mean of the exposures that were used: one that was left out moves it by half an exposure.
_SAME_GROUP_EXPOSURES = 2.0
# Below this ratio of the true p to its error the angle's error is no longer a Gaussian's. It must be the true one:
# to choose by the measured one would pick the fluctuations.
CHI_SNR = 3.0
QUANTITIES = ("mag", "q", "u", "chi_deg")


@dataclass(frozen=True)
class Compared:
    """One result beside its truth; `pulls` holds (measured - true) / error by quantity."""

    result: Mapping[str, Any]
    truth: Mapping[str, Any]
    pulls: Mapping[str, float]


@dataclass(frozen=True)
class PullSummary:
    """Of one quantity: number of pulls, their mean and width, the share within one error, and the largest."""

    quantity: str
    n: int
    mean: float
    width: float
    coverage68: float
    largest: float


def read_truth(path: Path) -> list[dict[str, Any]]:
    """The rows of truth.csv with numbers as numbers; empty is None."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [{name: _value(name, text) for name, text in row.items()} for row in csv.DictReader(stream)]


def _value(name: str, text: str) -> Any:
    if name == "is_target":
        return text == "true"
    if name in {"mjd_utc", "exptime_s", "mag", "q", "u", "p", "chi_deg"}:
        return float(text) if text else None
    return text


def compare(results: Iterable[Mapping[str, Any]], truth: Sequence[Mapping[str, Any]]) -> list[Compared]:
    """Each result that has a truth, of the same source, instrument, mode, band and time."""
    by_key: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in truth:
        by_key.setdefault(_key(row), []).append(row)
    compared = []
    for result in results:
        of_group = _SAME_GROUP_EXPOSURES * result["exptime_s"] / 86400.0 if result["mode"] == "pol" else 0.0
        candidates = by_key.get(_key(result), [])
        off_days = [abs(row["mjd_utc"] - result["mjd_utc"]) for row in candidates]
        if off_days and min(off_days) < max(of_group, _SAME_TIME_DAYS):
            nearest = candidates[off_days.index(min(off_days))]
            compared.append(Compared(result, nearest, _pulls(result, nearest)))
    return compared


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["source"], row["instrument"], row["mode"], row["band"]


def _pulls(result: Mapping[str, Any], truth: Mapping[str, Any]) -> dict[str, float]:
    """Errors of q, u and chi are statistical and systematic together where the simulation drew both."""
    pulls = {}
    for name, error_name in (("mag", "mag_err"), ("q", "q_err"), ("u", "u_err")):
        measured, true, error = result[name], truth[name], result[error_name]
        if measured is not None and true is not None and error:
            pulls[name] = (measured - true) / error
    known = result["p"] is not None and truth["p"] is not None and result["p_err"]
    significant = known and truth["p"] / result["p_err"] > CHI_SNR
    if significant and truth["chi_deg"] is not None and result["chi_err_deg"]:
        off = math.remainder(result["chi_deg"] - truth["chi_deg"], 180.0)
        pulls["chi_deg"] = off / result["chi_err_deg"]
    if significant:
        pulls["p"] = (result["p_debiased"] - truth["p"]) / result["p_err"]
    return pulls


def summarise(compared: Sequence[Compared], quantities: Sequence[str] = QUANTITIES) -> list[PullSummary]:
    """Mean, width and coverage of the pulls of each quantity that was measured."""
    summaries = []
    for quantity in quantities:
        pulls = [one.pulls[quantity] for one in compared if quantity in one.pulls]
        if len(pulls) >= 2:
            inside = sum(abs(pull) <= 1.0 for pull in pulls) / len(pulls)
            largest = max(pulls, key=abs)
            summaries.append(
                PullSummary(quantity, len(pulls), statistics.fmean(pulls), statistics.stdev(pulls), inside, largest)
            )
    return summaries
