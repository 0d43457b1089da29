"""`python -m tests.soak`: try every fault, and print what was lost. Exit code 1 if anything was."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests import soak
from tests.soak.faults import Fault, Tried

_NO_FAULTS = {"__main__", "faults"}


def faults() -> list[Fault]:
    """Those of every module of this folder that has FAULTS, by name."""
    found: list[Fault] = []
    for module in pkgutil.iter_modules(soak.__path__):
        if module.name not in _NO_FAULTS:
            found += getattr(importlib.import_module(f"tests.soak.{module.name}"), "FAULTS", ())
    return sorted(found, key=lambda fault: fault.name)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the few tries of every day's tests")
    parser.add_argument("--only", action="append", metavar="TEXT", help="faults whose name holds this; repeatable")
    chosen = parser.parse_args(arguments)
    # A script that starts this in its background has it leave Ctrl-C alone, and then all that it starts would.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    n_lost = 0
    print(f"{'fault':<58} {'tried':>6} {'lost':>5} {'s':>6}  told")
    for fault in faults():
        if chosen.only and not any(text in fault.name for text in chosen.only):
            continue
        tried, seconds = _try(fault, fault.quick if chosen.quick else fault.whole)
        n_lost += len(tried.lost)
        print(f"{fault.name:<58} {tried.times:>6} {len(tried.lost):>5} {seconds:>6.0f}  {tried.told}", flush=True)
        for line in tried.lost:
            print(f"    {line}", flush=True)
    return 1 if n_lost else 0


def _try(fault: Fault, times: int) -> tuple[Tried, float]:
    folder = Path(tempfile.mkdtemp(prefix="iop4-soak-"))
    start = time.perf_counter()
    try:
        return fault.attempt(folder, times), time.perf_counter() - start
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
