"""`python -m tests.science.honest_errors`: are the errors of the results what they say?"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from .frames import INSTRUMENTS, MODES, WANTED, frame_table, kinds, run_nights
from .report import cell_table, failures, verdict
from .run import FULL, QUICK, simulated


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.science.honest_errors", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} groups in each cell instead of {FULL}")
    parser.add_argument("--groups", type=int, help="groups in each cell")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--frames", type=Path, metavar="FILE", help="whole nights instead; results are kept in FILE")
    parser.add_argument("--measurements", type=int, default=WANTED, help="of each instrument and mode, with --frames")
    parser.add_argument("--instruments", nargs="*", default=list(INSTRUMENTS), help="with --frames")
    parser.add_argument("--modes", nargs="*", default=list(MODES), help="with --frames")
    parser.add_argument("--nights", type=int, default=1000, help="at most so many of each, with --frames")
    given = parser.parse_args()
    if given.frames is not None:
        chosen = [kind for kind in kinds() if kind.instrument in given.instruments and kind.mode in given.modes]
        run_nights(given.frames, given.measurements, given.seed, chosen, given.nights)
        print("\n".join(frame_table(given.frames)))
        return 0
    started = time.monotonic()
    n_groups = given.groups or (QUICK if given.quick else FULL)
    outcomes = simulated(n_groups, given.jobs, given.seed)
    print("\n".join([*cell_table(outcomes), *verdict(outcomes)]))
    print(f"\n{n_groups} groups in each cell, seed {given.seed}, {(time.monotonic() - started) / 60:.1f} minutes")
    broken = failures(outcomes)
    for one in broken:
        print(f"beyond chance: {one}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
