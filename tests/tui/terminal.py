"""A real terminal: what a person types there, and what is on it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from tests.cli.small_archives import SmallArchive

PATIENCE_S = 30.0


class Terminal:
    """A terminal with a shell in the archive, on a tmux server of its own."""

    def __init__(self, archive: SmallArchive, folder: Path, size: tuple[int, int] = (80, 24)) -> None:
        self.server = ["tmux", "-f", os.devnull, "-S", str(folder / "tmux")]
        environment = archive.environment(PATH=os.environ["PATH"])
        subprocess.run(
            [*self.server, "new-session", "-d", "-s", "t", "-x", str(size[0]), "-y", str(size[1]),
             "-c", str(archive.root), "env PS1='$ ' bash --norc --noprofile"],
            env=environment, check=True, timeout=20,
        )  # fmt: skip

    def tmux(self, *words: str) -> str:
        return subprocess.run([*self.server, *words], capture_output=True, text=True, timeout=20, check=True).stdout

    def keys(self, *keys: str) -> None:
        self.tmux("send-keys", "-t", "t", *keys)

    @property
    def seen(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", "t")

    def until(self, wanted: str, every_s: float = 0.05) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while wanted not in self.seen:
            assert time.monotonic() < deadline, f"waited in vain for {wanted!r}:\n{self.seen}"
            time.sleep(every_s)

    def pid_of(self, wanted: str) -> int:
        """The process in the shell whose command has this word."""
        shell = self.tmux("display-message", "-p", "-t", "t", "#{pane_pid}").strip()
        listed = subprocess.run(["ps", "--ppid", shell, "-o", "pid=,args="], capture_output=True, text=True, check=True)
        return next(int(line.split()[0]) for line in listed.stdout.splitlines() if wanted in line)

    def close(self) -> None:
        subprocess.run([*self.server, "kill-server"], capture_output=True, timeout=20, check=False)
