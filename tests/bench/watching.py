"""How long it takes from the moment when a frame is complete to the rows of its photometry."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iop4cli.archive.store import Store
from tests.bench.processes import own_environment
from tests.bench.three_nights import raw_files

_LONGEST_S = 120.0
_BETWEEN_S = 3.0


@contextmanager
def watch(root: Path, *arguments: str) -> Iterator[None]:
    """A watch that has begun to look."""
    with subprocess.Popen(
        [sys.executable, "-m", "iop4cli", "watch", *arguments], env=own_environment(root),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert "watching" in process.stderr.readline()
        # What it loads meanwhile would have been there for hours.
        time.sleep(_BETWEEN_S)
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=_LONGEST_S)


def held_back(root: Path, n_frames: int) -> dict[Path, bytes]:
    """The last light frames of a night, taken out of raw/."""
    lights = [path for path in raw_files(root) if not path.name.startswith(("Bias", "Dark", "Flat"))]
    frames = {path: path.read_bytes() for path in lights[-n_frames:]}
    for path in frames:
        path.unlink()
    return frames


def latencies_s(root: Path, frames: dict[Path, bytes]) -> Iterator[float]:
    """Seconds from the last byte of a frame to the row of its photometry, for each in turn."""
    store = Store(root / "iop4.duckdb")
    for path, content in frames.items():
        with path.open("wb") as file:
            file.write(content)
        complete = time.perf_counter()
        name = str(path.relative_to(root / "raw"))
        _until_there(store, name, complete + _LONGEST_S)
        yield time.perf_counter() - complete
        time.sleep(_BETWEEN_S)


def _until_there(store: Store, name: str, latest: float) -> None:
    """Asked only when somebody has written: who reads keeps writers waiting."""
    stamp = None
    while time.perf_counter() < latest:
        now = store.stamp()
        if now != stamp:
            stamp = now
            if store.rows("select 1 from item where step = 'phot' and status = 'done' and name = ?", [name]):
                return
        time.sleep(0.005)
    raise SystemExit(f"watch has not measured {name}")
