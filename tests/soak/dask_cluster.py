"""A Dask cluster as an operator starts one: a scheduler and workers, programs of their own on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LONGEST_S = 120.0


@dataclass(frozen=True)
class Cluster:
    """`file` is the scheduler file that clients and workers find it by."""

    folder: Path
    file: Path
    environment: dict[str, str]
    started: list[subprocess.Popen[bytes]]

    def add_worker(self, *command_before: str) -> subprocess.Popen[bytes]:
        """A worker without a nanny: when it is killed, nobody starts another."""
        return self._start(
            *command_before, sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(self.file),
            "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self.folder),
        )  # fmt: skip

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
            )
        self.started.append(process)
        return process


@contextmanager
def cluster(folder: Path, n_workers: int, **variables: str) -> Iterator[Cluster]:
    """A scheduler and some workers; all are ended at the end."""
    folder.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IOP4_")}
    made = Cluster(folder, folder / "scheduler.json", kept | variables, [])
    try:
        made._start(
            sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
            "--no-dashboard", "--no-show", "--scheduler-file", str(made.file),
        )  # fmt: skip
        until = time.monotonic() + LONGEST_S
        while not made.file.exists() and time.monotonic() < until:
            time.sleep(0.1)
        for _ in range(n_workers):
            made.add_worker()
        yield made
    finally:
        for process in made.started:
            process.kill()
            process.wait()
