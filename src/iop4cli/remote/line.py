"""A connection that is made when it is needed and made again when it broke, with pauses that spare the server."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from iop4cli.remote.archives import RemoteArchive
from iop4cli.remote.credentials import Credentials
from iop4cli.remote.server import Broken, Server
from iop4cli.remote.transfer import Stopped

T = TypeVar("T")
_LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True)
class Limits:
    """How patient to be: `retries` after a failed try that brought nothing, the first after about `pause_s`."""

    retries: int = 5
    pause_s: float = 1.0
    timeout_s: float = 60.0

    def pause_after(self, failures: int) -> float:
        """Twice as long each time, with jitter, so that many clients do not come back in step."""
        return min(_LONGEST_PAUSE_S, self.pause_s * 2.0 ** (failures - 1)) * random.uniform(0.5, 1.5)


class LoginGate:
    """Lets logins through one at a time, `pause_s` apart, whichever thread asks."""

    def __init__(self, pause_s: float, stop: threading.Event) -> None:
        self._pause_s, self._stop = pause_s, stop
        self._lock = threading.Lock()
        self._next_s = 0.0

    def wait(self) -> None:
        with self._lock:
            if self._stop.wait(max(0.0, self._next_s - time.monotonic())):
                raise Stopped
            self._next_s = time.monotonic() + self._pause_s


class Line:
    """One connection at most; not for two threads at once."""

    def __init__(self, connect: Callable[[], Server], limits: Limits, gate: LoginGate, stop: threading.Event) -> None:
        self._connect, self._limits = connect, limits
        self._gate, self._stop = gate, stop
        self._server: Server | None = None

    def server(self) -> Server:
        if self._server is None:
            self._gate.wait()
            self._server = self._connect()
        return self._server

    def drop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def tried(self, action: Callable[[Server], T], progress: Callable[[], int] = lambda: 0) -> T:
        """The action's result; after Broken tried again, as often as the limits say since it last got on."""
        failures, best = 0, progress()
        while True:
            try:
                return action(self.server())
            except Broken as error:
                self.drop()
                if progress() > best:
                    failures, best = 0, progress()
                failures += 1
                if failures > self._limits.retries:
                    raise Broken(f"{error} (tried {failures} times)") from None
                if self._stop.wait(self._limits.pause_after(failures)):
                    raise Stopped from None


def connected(archive: RemoteArchive, credentials: Credentials, timeout_s: float) -> Server:
    """A connection of the archive's protocol, logged in."""
    if archive.protocol == "ftp":
        from iop4cli.remote.ftp import FtpServer

        return FtpServer(archive, credentials, timeout_s)
    if archive.protocol == "sftp":
        from iop4cli.remote.sftp import SftpServer

        return SftpServer(archive, credentials, timeout_s)
    from iop4cli.remote.http import HttpServer

    return HttpServer(archive, credentials, timeout_s)
