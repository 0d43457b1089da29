"""Every method for the half-wave plate on simulated groups: bias, scatter, pulls, coverage.

`python tests/science/retarder_methods.py` prints the table (--trials 300: some 15 minutes; 30: rough, 2 minutes).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from iop4cli.science.ensemble import Transparency
from iop4cli.science.retarder import METHODS, fit_retarder

CAFOS = np.array([0.0, 22.48, 44.98, 67.48])
ROTATION = 22.5 * np.arange(16)
ANGLES_DEG = {
    "4": CAFOS,
    "8": ROTATION[:8],
    "16": ROTATION,
    "3 of 4": CAFOS[:3],
    "13 of 16": np.delete(ROTATION, [2, 3, 9]),
}
SNRS = (30.0, 100.0, 300.0, 1000.0)
DEGREES = (0.0, 0.05, 0.3)
# What an ensemble of field stars leaves in one exposure; only the methods of one beam need it.
TRANSPARENCY_ERR = 0.003


@dataclass(frozen=True)
class Simulated:
    """Fluxes and errors of both beams as measured, the transparency, and the least possible error of q and u."""

    angles_deg: np.ndarray
    fluxes: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    transparency: Transparency
    q: float
    u: float
    ideal_err: tuple[float, float]


def simulated_group(
    angles_deg: np.ndarray, rng: np.random.Generator, *, snr: float, p: float, k: float, cloud_rms: float
) -> Simulated:
    """One group; `snr` is that of O + E in a clear exposure, noise half of the source and half of the sky.

    The direction is random. Errors come from the measured fluxes, as in real life.
    """
    turn = rng.uniform(0, 2 * math.pi)
    q, u = p * math.cos(turn), p * math.sin(turn)
    spread = math.sqrt(math.log1p(cloud_rms**2))
    clouds = np.exp(spread * rng.normal(size=angles_deg.size) - spread**2 / 2)
    angle = 4 * np.radians(angles_deg)
    columns = np.column_stack([np.cos(angle), np.sin(angle)])
    s = columns @ [q, u]
    level = snr**2 / 2
    true = [level * (1 + k) * (1 + s) * clouds, level * (1 - k) * (1 - s) * clouds]
    measured = [rng.normal(flux, np.sqrt((flux + level) / 2)) for flux in true]
    errors = [np.sqrt(np.maximum(flux + level, 0.5 * level) / 2) for flux in measured]
    variance = _variance_of_difference(true, [(flux + level) / 2 for flux in true])
    per_s = (1 - k**2) / (1 + k * s) ** 2
    design = per_s[:, None] * columns
    ideal = np.sqrt(np.diag(np.linalg.inv(design.T @ (design / variance[:, None]))))
    n = angles_deg.size
    known = Transparency(
        clouds * (1 + TRANSPARENCY_ERR * rng.normal(size=n)),
        np.diag(np.square(TRANSPARENCY_ERR * clouds)),
        20,
        np.ones(20, bool),
        0.0,
        0.0,
    )
    fluxes = (measured[0], errors[0], measured[1], errors[1])
    return Simulated(angles_deg, fluxes, known, q, u, (float(ideal[0]), float(ideal[1])))


def _variance_of_difference(flux: Sequence[np.ndarray], variance: Sequence[np.ndarray]) -> np.ndarray:
    o, e = flux
    return 4 * (e**2 * variance[0] + o**2 * variance[1]) / (o + e) ** 4


@dataclass(frozen=True)
class Tally:
    """Of many groups: errors along the true direction and across it, ideal errors, pulls of q and u; counts."""

    along: np.ndarray
    ideal: np.ndarray
    pulls: np.ndarray
    n_rejected: int
    n_failed: int


def run(method: str, groups: Sequence[Simulated], *, reject: bool = True) -> Tally:
    along, ideal, pulls = [], [], []
    n_rejected = n_failed = 0
    for group in groups:
        transparency = group.transparency if method.endswith("only") else None
        try:
            fit = fit_retarder(group.angles_deg, *group.fluxes, method=method, reject=reject, transparency=transparency)
        except ValueError:
            n_failed += 1
            continue
        p = math.hypot(group.q, group.u)
        direction = np.array([group.q, group.u]) / p if p else np.array([1.0, 0.0])
        along.append(direction @ [fit.q - group.q, fit.u - group.u])
        ideal.append(math.hypot(*group.ideal_err) / math.sqrt(2))
        pulls.append([(fit.q - group.q) / fit.q_err, (fit.u - group.u) / fit.u_err])
        # The ratio method also leaves out what makes no complete set.
        n_rejected += int((~fit.used).sum()) if method != "ratio" else 0
    return Tally(np.array(along), np.array(ideal), np.array(pulls), n_rejected, n_failed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=300, help="groups for each S/N and degree")
    parser.add_argument("--angles", nargs="*", default=list(ANGLES_DEG), help="which sets of angles")
    options = parser.parse_args()
    print(f"S/N {SNRS}, p {DEGREES}, any direction; {options.trials} groups each")
    print("bias: mean error of p in ideal sigmas, of all and at the lowest S/N alone; scatter: rms error over the")
    print("ideal one; width: rms pull of q and u; cover: pulls below 1; lost: exposures rejected in 1000 groups")
    print("angles    k     clouds method              bias  lowest  scatter width  cover   lost  failed")
    for angles in options.angles:
        for k in (0.0, 0.05):
            for cloud_rms in (0.0, 0.1, 0.3):
                rng = np.random.default_rng(20240301)
                cells = [
                    [
                        simulated_group(ANGLES_DEG[angles], rng, snr=snr, p=p, k=k, cloud_rms=cloud_rms)
                        for _ in range(options.trials)
                    ]
                    for snr in SNRS
                    for p in DEGREES
                ]
                for method in METHODS:
                    if angles == "3 of 4" and method == "ratio":
                        continue
                    print(
                        f"{angles:9s} {k:.2f}  {cloud_rms:4.0%}   {method:18s} {_row([run(method, c) for c in cells])}",
                        flush=True,
                    )


def _row(tallies: Sequence[Tally]) -> str:
    """Of the cells in order of S/N, `DEGREES` of each."""
    errors = np.concatenate([tally.along / tally.ideal for tally in tallies])
    lowest = np.concatenate([tally.along / tally.ideal for tally in tallies[: len(DEGREES)]])
    pulls = np.concatenate([tally.pulls for tally in tallies])
    lost = 1000 * sum(tally.n_rejected for tally in tallies) / errors.size
    return (
        f"{errors.mean():+6.2f} {lowest.mean():+6.2f} {np.sqrt(np.mean(errors**2)):8.2f}"
        f" {np.sqrt(np.mean(pulls**2)):6.2f} {np.mean(np.abs(pulls) < 1):6.1%} {lost:6.1f}"
        f" {sum(tally.n_failed for tally in tallies):5d}"
    )


if __name__ == "__main__":
    main()
