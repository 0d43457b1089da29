"""Signals that come while a store is open: a question ends at once, and the file is let go of before they are told.

Python's handlers raise wherever the program is. In the middle of a call into DuckDB (1.5) that leaves the file held by
this process though its connection is closed, and whoever then opens it otherwise waits for ever. So the handlers wait
until it is closed, and a question that is asked meanwhile is interrupted in DuckDB's own way.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

_Answer = TypeVar("_Answer")
_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# An interruption that comes before the question has begun is lost, so that it is said again.
_PATIENCE_S = 0.02


class Connected(Protocol):
    """A connection that another thread may tell to give up."""

    def interrupt(self) -> None: ...


class SignalsHeld:
    """What came meanwhile; `asked` is the connection that is to give up when something comes (None: let it end)."""

    def __init__(self) -> None:
        self.came: list[int] = []
        self.asked: Connected | None = None

    def __call__(self, number: int, _frame: object) -> None:
        self.came.append(number)
        if self.asked is not None:
            self.asked.interrupt()


@contextmanager
def signals_held() -> Iterator[SignalsHeld]:
    """Handlers of Python's are called when this ends; within another one, when that one ends.

    Signals that are ignored, or that just end the process, are left as they are. Only the main thread has handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield SignalsHeld()
        return
    handlers: list[tuple[int, Any]] = [(number, signal.getsignal(number)) for number in _NUMBERS]
    outer = next((handler for _, handler in handlers if isinstance(handler, SignalsHeld)), None)
    if outer is not None:
        yield outer
        return
    held = SignalsHeld()
    mine = [(number, handler) for number, handler in handlers if callable(handler)]
    try:
        for number, _ in mine:
            signal.signal(number, held)
        yield held
    finally:
        _restore(mine)
        for number, handler in mine:
            if number in held.came:
                handler(number, None)


def _restore(handlers: Sequence[tuple[int, Any]]) -> None:
    """Each of them, though one that is already there may be called, and raise."""
    if handlers:
        try:
            signal.signal(*handlers[0])
        finally:
            _restore(handlers[1:])


def interruptible(held: SignalsHeld, connection: Connected, call: Callable[[], _Answer]) -> _Answer:
    """What the call gives, which asks this connection while signals are held.

    DuckDB looks for signals between its steps, and a step of a large join may take minutes. So the call runs in a
    thread of its own, and the one that signals come to waits, and interrupts it.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    answers: list[_Answer] = []
    troubles: list[BaseException] = []
    ended = threading.Event()

    def called() -> None:
        try:
            answers.append(call())
        except BaseException as error:
            troubles.append(error)
        finally:
            ended.set()

    threading.Thread(target=called, daemon=True).start()
    while not ended.wait(_PATIENCE_S):
        if held.came:
            connection.interrupt()
    if troubles:
        raise troubles[0]
    return answers[0]
