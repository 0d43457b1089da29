"""In a real terminal: it opens, filters, flags and takes back while other commands read, and leaves it as it was."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import PATIENCE_S, Terminal

from tests.cli.small_archives import NIGHT, SmallArchive

pytestmark = [
    pytest.mark.night,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


@pytest.fixture
def terminal(archive: SmallArchive, tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(archive, tmp_path)
    yield made
    made.close()


def start(terminal: Terminal, folder: Path) -> None:
    program = f"{shlex.quote(sys.executable)} -m iop4cli tui"
    terminal.until("$")
    terminal.keys(f"clear; stty -a > {folder}/before; {program}; echo code=$?=; stty -a > {folder}/after", "Enter")
    terminal.until("1/1 nights")


def left_as_it_was(terminal: Terminal, folder: Path, code: int) -> None:
    """The shell is back with the exit code, on its own screen, with the settings of before."""
    terminal.until(f"code={code}=")
    deadline = time.monotonic() + PATIENCE_S
    while not (folder / "after").is_file() or not (folder / "after").stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (folder / "after").read_text() == (folder / "before").read_text()
    flags = terminal.tmux("display-message", "-p", "-t", "t", "#{alternate_on} #{mouse_any_flag} #{cursor_flag}")
    assert flags.split() == ["0", "0", "1"]


def test_flagging_while_other_commands_read(terminal: Terminal, archive: SmallArchive, tmp_path: Path) -> None:
    def flags() -> str:
        return archive.process("sql", "select reason from flag", "--format", "csv").stdout

    start(terminal, tmp_path)
    assert NIGHT in terminal.seen
    terminal.keys("3")
    terminal.until("1/8 results")
    terminal.keys("/", "mode=pol 2200", "Enter")
    terminal.until("1/1 results")
    terminal.keys("f", "satellite", "Enter")
    terminal.until(" !2200+420")
    assert flags() == "reason\nsatellite\n"
    terminal.keys("u")
    terminal.until("  2200+420")
    assert flags() == "reason\n"
    terminal.keys("q")
    left_as_it_was(terminal, tmp_path, 0)


@pytest.mark.parametrize(("signal", "code"), [("TERM", 143), ("HUP", 129), ("INT", 130)])
def test_a_signal_leaves_the_terminal_as_it_was(terminal: Terminal, tmp_path: Path, signal: str, code: int) -> None:
    start(terminal, tmp_path)
    subprocess.run(["kill", f"-{signal}", str(terminal.pid_of("iop4cli tui"))], check=True)
    left_as_it_was(terminal, tmp_path, code)


def test_it_ends_when_the_terminal_is_gone(terminal: Terminal, tmp_path: Path) -> None:
    start(terminal, tmp_path)
    process = terminal.pid_of("iop4cli tui")
    terminal.close()
    deadline = time.monotonic() + PATIENCE_S
    while _is_there(process):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_there(process: int) -> bool:
    return subprocess.run(["ps", "-p", str(process)], capture_output=True, check=False).returncode == 0
