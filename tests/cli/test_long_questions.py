"""A question in SQL ends when a signal comes, even in the middle of a step that takes minutes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from small_archives import SmallArchive

_MINUTES = "select count(*) from range(400000) a, range(40000) b where (a.range * b.range) % 7 = 3"


@pytest.mark.night
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_a_long_question(small_archive: SmallArchive, number: signal.Signals, code: int) -> None:
    handler = signal.getsignal(number)
    if handler is signal.SIG_IGN:
        pytest.skip("this process was started to ignore it, and so are its children")
    with subprocess.Popen(
        [sys.executable, "-m", "iop4cli", "sql", _MINUTES], cwd=small_archive.root, env=small_archive.environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 60.0
        # It is at it once it has the store open, which others then cannot write to.
        while small_archive.process("sql", "--write", "select 1", "--lock-timeout", "0").returncode != 75:
            assert time.monotonic() < deadline
        process.send_signal(number)
        start = time.monotonic()
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(60) == code
    assert time.monotonic() - start < 10.0
    assert said.endswith("; what was finished is recorded\n")
    assert "Traceback" not in said
