"""Files that are being written belong to somebody as long as their writer lives."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from iop4cli.unfinished import abandoned_in, is_abandoned, unfinished_beside


def left_by(process: int, folder: Path) -> Path:
    """The name under which another process of this host would write."""
    path = folder / unfinished_beside(folder / "x.fits").name.replace(f".{os.getpid()}.", f".{process}.")
    path.write_bytes(b"half")
    return path


def test_what_lives_writes_and_what_is_dead_left(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        left = left_by(child.pid, tmp_path)
        assert not is_abandoned(left)
    assert list(abandoned_in(tmp_path)) == [left]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only /proc tells a zombie")
def test_a_killed_process_that_nobody_waited_for_writes_no_more(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    left = left_by(child.pid, tmp_path)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_abandoned(left)
    child.communicate()
