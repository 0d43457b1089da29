"""What a command costs as a whole: wall and CPU seconds, and the most memory that all its processes had together."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_EVERY_S = 0.03


@dataclass(frozen=True)
class Cost:
    """Of one command with its workers; `peak_mb` shares out what processes have in common (PSS)."""

    wall_s: float
    cpu_s: float
    peak_mb: float

    def __str__(self) -> str:
        return f"{self.wall_s:8.2f} s wall {self.cpu_s:8.2f} s CPU {self.peak_mb:7.0f} MB"


def cost_of(command: Sequence[str], environment: Mapping[str, str], codes: Sequence[int] = (0,)) -> Cost:
    """Run it to its end; another exit code than `codes` ends the benchmark."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen(
        command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        watch = _Watch(process.pid)
        watch.start()
        _, said = process.communicate()
        wall_s = time.perf_counter() - start
        watch.ended.set()
        watch.join()
    if process.returncode not in codes:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}\n{said[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall_s, cpu_s, watch.peak_kb / 1024)


class _Watch(threading.Thread):
    """Looks at a process and all that it started, again and again."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.process = process
        self.ended = threading.Event()
        self.peak_kb = 0

    def run(self) -> None:
        while not self.ended.wait(_EVERY_S):
            self.peak_kb = max(self.peak_kb, sum(map(_pss_kb, _family(self.process))))


def _family(process: int) -> list[int]:
    found = [process]
    for one in found:
        # It, or one of its threads, may end at any moment of this.
        tasks = list[Path]()
        with contextlib.suppress(OSError):
            tasks += Path(f"/proc/{one}/task").iterdir()
        for task in tasks:
            with contextlib.suppress(OSError):
                found += map(int, (task / "children").read_text().split())
    return found


def _pss_kb(process: int) -> int:
    try:
        with Path(f"/proc/{process}/smaps_rollup").open(encoding="ascii") as lines:
            return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    except OSError:
        return 0


def own_environment(archive: Path) -> dict[str, str]:
    """That of commands on an archive, with the index of the shipped fields.

    Modules are compiled once and kept, as pip does when it installs them, also where a developer has said otherwise.
    """
    from iop4cli.share import share_dir

    given = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**given, "IOP4_ARCHIVE": str(archive), "IOP4_INDEX_PATH": str(share_dir() / "demo" / "index")}
