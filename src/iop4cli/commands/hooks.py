"""Commands of people that are run for each new result: the row as JSON on their stdin, the main values as variables."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from iop4cli.shell import messages, output

_TIMEOUT_S = 60.0
_FAREWELL_S = 10.0
_SHOWN_CHARACTERS = 300
# Values never become part of the command's text: a source's name must not be able to command a shell.
_VARIABLES = ("id", "source", "instrument", "band", "mode", "mag", "mag_err", "p", "p_err", "chi_deg", "mjd_utc")


class Hook:
    """Runs one shell command after the other in the background; what fails is told, and nothing waits for it."""

    def __init__(self, option: str, command: str) -> None:
        self.option, self.command = option, command
        self._pool = ThreadPoolExecutor(1)
        self._running: list[Future[str]] = []

    def call(self, row: Mapping[str, Any]) -> None:
        self._running.append(self._pool.submit(self._run, dict(row)))

    def tell(self) -> None:
        """Say which calls that have ended went wrong."""
        ended = [call for call in self._running if call.done()]
        self._running = [call for call in self._running if call not in ended]
        for call in ended:
            if call.result():
                messages.warn(f"{self.option} {self.command!r}: {call.result()}")

    def close(self) -> None:
        """Let calls that run end, for a while; those not begun are not."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for call in self._running:
            if not call.cancelled():
                try:
                    call.result(_FAREWELL_S)
                except TimeoutError:
                    messages.warn(f"{self.option} {self.command!r}: still running; left to itself")
        self._running = [call for call in self._running if call.done() and not call.cancelled()]
        self.tell()

    def _run(self, row: Mapping[str, Any]) -> str:
        """What went wrong, empty if nothing did."""
        text = json.dumps({name: output.plain(value) for name, value in row.items()}, ensure_ascii=False) + "\n"
        said = {f"IOP4_RESULT_{name.upper()}": "" if row.get(name) is None else str(row[name]) for name in _VARIABLES}
        said["IOP4_RESULT_ALERTS"] = "; ".join(row.get("alerts") or ())
        # In a session of its own: Ctrl-C at the terminal ends the watch, not a mail that is being sent.
        process = subprocess.Popen(
            self.command, shell=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **said}, start_new_session=True,
        )  # fmt: skip
        try:
            printed, _ = process.communicate(text.encode(), _TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.communicate()
            return f"ended after {_TIMEOUT_S:g} s, for {row['id']}"
        if process.returncode == 0:
            return ""
        words = output.clean(" ".join(printed.decode(errors="replace").split()))[:_SHOWN_CHARACTERS]
        return f"exit code {process.returncode} for {row['id']}" + (f": {words}" if words else "")
