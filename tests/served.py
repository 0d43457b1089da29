"""A store's server as a process of its own, for tests."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from iop4cli.archive.quack import Address
from iop4cli.archive.served_at import token_file_of
from iop4cli.archive.server_door import ServerDoor
from iop4cli.archive.store import Store
from tests.night.archives import environment


@dataclass
class Server:
    """`iop4 serve` on an archive, always at the same port."""

    root: Path
    port: int = field(default_factory=lambda: _quiet_port())
    process: subprocess.Popen[str] | None = None

    def start(self, *options: str) -> Server:
        """Returns when it accepts clients."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "iop4cli", "serve", "--port", str(self.port), "--archive", str(self.root), *options],
            env=environment(self.root), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == self.address, self.process.communicate()[1]
        return self

    @property
    def address(self) -> str:
        return f"quack:localhost:{self.port}"

    @property
    def path(self) -> Path:
        return self.root / "iop4.duckdb"

    @property
    def token(self) -> str:
        return token_file_of(self.path).read_text().strip()

    def store(self, lock_timeout_s: float = 60.0) -> Store:
        """As a client has it."""
        return Store(self.path, lock_timeout_s, ServerDoor(Address.parsed(self.address), self.token, lock_timeout_s))

    def signal(self, number: int) -> int:
        """Send a signal and wait for the end; the exit code."""
        assert self.process is not None
        os.kill(self.process.pid, number)
        self.process.communicate(timeout=60)
        return self.process.returncode

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGTERM)


def _quiet_port() -> int:
    """A free port that no outgoing connection is given: a client that tries again would else meet itself there."""
    while True:
        port = random.randrange(15_000, 30_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def served(root: Path) -> Iterator[Server]:
    server = Server(root).start()
    try:
        yield server
    finally:
        server.end()
