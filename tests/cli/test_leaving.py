"""How the program leaves after a signal: with the promised code, whatever libraries do as Python is taken down."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from small_archives import SmallArchive

# A library that aborts the program at its end, and a verb that a signal meets at once.
_MAIN = """
import atexit, os, signal, sys
atexit.register(os.abort)
signal.signal(signal.SIGINT, signal.default_int_handler)
from iop4cli.archive.store import Store
def met(*_, **__):
    print("rows", flush=True)
    os.kill(os.getpid(), number)
Store.answer = Store.ask = met
number = int(sys.argv.pop())
sys.argv[1:] = ["sql", "select 1"]
from iop4cli.__main__ import main
main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_nothing_is_taken_down_after_a_signal(small_archive: SmallArchive, number: signal.Signals, code: int) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _MAIN, str(int(number))], cwd=small_archive.root, env=small_archive.environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == code, run.stderr
    assert run.stderr.endswith("; what was finished is recorded\n")
    assert run.stdout == "rows\n"
