"""The only writer of stderr: notices, progress, errors, and the exit codes."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from iop4cli.errors import Iop4Error
from iop4cli.full_disk import disk_full, is_full
from iop4cli.shell import output
from iop4cli.shell.output import clean

_OUTPUT_FULL = "no space left where the output goes: free some space and run again"
EXIT_INTERRUPTED, EXIT_TERMINATED, EXIT_HUNG_UP = BY_SIGNALS = 130, 143, 129

_verbosity = 0


class Terminated(BaseException):
    """SIGTERM: ends like Ctrl-C, so that what is finished is recorded."""


class HungUp(Terminated):
    """SIGHUP: the terminal is gone, or the line to it."""


def set_verbosity(level: int) -> None:
    """-1 quiet (errors only), 0 usual, 1 and more talkative."""
    global _verbosity
    _verbosity = level


def notice(text: str) -> None:
    """Something a person may want to know."""
    if _verbosity >= 0:
        _write(text)


def detail(text: str) -> None:
    """Something for those who asked with -v."""
    if _verbosity >= 1:
        _write(text)


def warn(text: str) -> None:
    _write(_coloured("warning: ", "33") + text)


def alert(text: str) -> None:
    """Something a person asked to be told of."""
    _write(_coloured("alert: ", "35") + text)


def error(text: str) -> None:
    _write(_coloured("error: ", "31") + text)


def _coloured(text: str, code: str) -> str:
    wanted = sys.stderr.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return f"\x1b[1;{code}m{text}\x1b[0m" if wanted else text


def _write(text: str) -> None:
    kept = "\n".join(part if part.startswith("\x1b[1;") else clean(part) for part in text.split("\n"))
    try:
        sys.stderr.write(kept + "\n")
        sys.stderr.flush()
    except OSError as problem:
        if not output.is_nobody_there(problem):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


class Progress:
    """A bar on stderr when that is a terminal, nothing otherwise."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        return self

    def begin(self, title: str, total: int) -> None:
        """Start the bar of one piece of work."""
        self.end()
        if total == 0 or _verbosity < 0 or not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("{task.description:<12}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task(title, total=total)

    def step(self) -> None:
        if self._bar is not None:
            self._bar.advance(self._task)

    def end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __exit__(self, *_: object) -> None:
        self.end()


def _terminate(number: int, _frame: FrameType | None) -> None:
    raise HungUp if number == signal.SIGHUP else Terminated


def _listen() -> None:
    """Signals end a command in order; what was started to ignore one (nohup) goes on ignoring it.

    At the very end they just end the process, which has nothing left to keep.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _terminate)
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    atexit.register(_listen_no_more)


def _listen_no_more() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def _signals_as_they_came() -> Iterator[None]:
    """A signal that met somebody who made another error of it (a library of C that was being imported).

    What our own code or the system says of the work that followed the signal is told as it is.
    """
    try:
        yield
    except (Iop4Error, OSError):
        raise
    except Exception as problem:
        behind: BaseException | None = problem
        while behind is not None and not isinstance(behind, (KeyboardInterrupt, HungUp, Terminated)):
            behind = behind.__cause__ or behind.__context__
        if behind is None:
            raise
        raise type(behind)() from None


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn what a command raises into a message and the promised exit code."""
    _listen()
    try:
        with _signals_as_they_came():
            yield
    except Iop4Error as problem:
        error(str(problem))
        sys.exit(problem.exit_code)
    except KeyboardInterrupt:
        error("interrupted; what was finished is recorded")
        sys.exit(EXIT_INTERRUPTED)
    except HungUp:
        error("hung up; what was finished is recorded")
        sys.exit(EXIT_HUNG_UP)
    except Terminated:
        error("terminated; what was finished is recorded")
        sys.exit(EXIT_TERMINATED)
    except BrokenPipeError:
        output.let_go()
        sys.exit(0)
    except UnicodeError as problem:
        error(f"text that is not in UTF-8, on the command line or in what was read: {problem}")
        sys.exit(2)
    except OSError as problem:
        if is_full(problem):
            where = disk_full(Path(problem.filename)) if problem.filename else _OUTPUT_FULL
            error(str(where))
            sys.exit(1)
        error(f"{problem.strerror or problem}: {problem.filename or ''}".rstrip(": "))
        sys.exit(1)


def usage_problem(problem: Exception) -> int:
    """Show what the command line has wrong and return its exit code; anything else goes on as it is."""
    from typer.exceptions import Abort, TyperException
    from typer.rich_utils import rich_format_error

    if isinstance(problem, Abort):
        raise KeyboardInterrupt
    if not isinstance(problem, TyperException):
        raise problem
    rich_format_error(problem)  # type: ignore[arg-type]
    return int(getattr(problem, "exit_code", 2))
