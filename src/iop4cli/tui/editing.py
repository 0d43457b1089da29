"""An entry of the catalogue in the editor of a person, who gets the terminal for so long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from textual.app import SuspendNotSupported

from iop4cli.shell import messages
from iop4cli.tui.desk import shell_command

if TYPE_CHECKING:
    from iop4cli.tui.app import Iop4App
    from iop4cli.tui.screens.base import ArchiveScreen

_ENDS = (signal.SIGTERM, signal.SIGHUP)


def edit_source(screen: ArchiveScreen, name: str) -> None:
    """`iop4 catalog edit NAME` in the terminal; the screens read anew when it is done."""
    words = ["catalog", "edit", name]
    app = cast("Iop4App", screen.app)
    try:
        with app.suspend():
            _run([*words, "--archive", str(screen.desk.layout.root)])
    except SuspendNotSupported:
        reason = "an editor needs a terminal, and there is none behind a browser; in a terminal of this machine:"
        screen.refuse("edit", f"{reason} {shell_command([*words, *screen.place()])}")
        return
    app.look()


def _run(words: Sequence[str]) -> None:
    """Run a command to its end; when it has failed, what it said stays until Enter."""
    process: subprocess.Popen[bytes] | None = None
    ended: list[int] = []

    def end(number: int, _frame: Any) -> None:
        ended.append(number)
        if process is not None:
            process.terminate()

    with _signals_to(end):
        process = subprocess.Popen([sys.executable, "-m", "iop4cli", *words])
        failed = process.wait() != 0
        if failed and not ended and sys.stdin.isatty():
            messages.notice("Enter goes back to the screens")
            sys.stdin.readline()
    for number in ended:
        os.kill(os.getpid(), number)


@contextmanager
def _signals_to(end: Callable[[int, Any], None]) -> Iterator[None]:
    """Ctrl-C is for the editor alone, and what would end this program ends the editor first.

    The event loop stands still meanwhile, and must not take these signals as its own afterwards.
    """
    pipe = signal.set_wakeup_fd(-1)
    before = {number: signal.signal(number, end) for number in _ENDS}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(pipe)
