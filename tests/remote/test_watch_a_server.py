"""`iop4 watch --from`: frames of a server's night come as they appear there."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nights import EPOCH, FOLDER, Here, fits_bytes, make_night
from servers import House

pytestmark = pytest.mark.night
LONGEST_S = 90.0


@pytest.fixture
def here(house: House, tmp_path: Path) -> Here:
    return Here.made(tmp_path / "archive", house, settings="retries = 0")


@pytest.fixture
def said(here: Here) -> Iterator[list[str]]:
    """What a watch of the night on the server says; it is ended with the test."""
    process = subprocess.Popen(
        [sys.executable, "-m", "iop4cli", "watch", EPOCH, "--from", "loop", "--every", "1", "--poll", "0.1"],
        cwd=here.root, env=here.environment(), text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    lines: list[str] = []

    def read() -> None:
        assert process.stderr is not None
        with process.stderr as stream:
            lines.extend(iter(stream.readline, ""))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    yield lines
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130, "".join(lines)
    reader.join(30)
    assert "Traceback" not in "".join(lines)


def wait_for(what: Callable[[], bool], lines: list[str]) -> None:
    deadline = time.monotonic() + LONGEST_S
    while not what():
        assert time.monotonic() < deadline, "".join(lines)
        time.sleep(0.05)


def test_frames_come_as_they_appear(house: House, served: Path, here: Here, said: list[str]) -> None:
    """One night's folder that is not there yet, then a frame, then one that grows while it is looked at."""
    wait_for(lambda: any("watching" in line for line in said), said)
    first = make_night(served, {"BLLac-0001R0.fit": 5000})
    wait_for(lambda: here.night() == first, said)
    content = fits_bytes(200_000, seed=9)
    with (served / FOLDER / "BLLac-0002R0.fit").open("wb") as stream:
        for start in range(0, len(content), 50_000):
            stream.write(content[start : start + 50_000])
            stream.flush()
            time.sleep(1.3)
    wait_for(lambda: here.night() == {**first, "BLLac-0002R0.fit": content}, said)
    # Noise is no instrument's frame: the steps have seen it, and said so.
    wait_for(lambda: sum("classify" in line for line in said) == 2, said)


def test_a_server_that_is_down_for_a_while_is_asked_again(
    house: House, served: Path, here: Here, said: list[str]
) -> None:
    """Said once, not every second."""
    first = make_night(served, {"BLLac-0001R0.fit": 5000})
    wait_for(lambda: here.night() == first, said)
    hidden = served.with_name("away")
    served.rename(hidden)
    time.sleep(3.0)
    hidden.rename(served)
    more = make_night(served, {"BLLac-0001R0.fit": 5000, "BLLac-0002R0.fit": 700})
    wait_for(lambda: here.night() == more, said)
    assert len(said) < 12, said
