"""Questions that end at once when a signal comes, however long DuckDB is at one step of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol, TypeVar

_Answer = TypeVar("_Answer")


class Connected(Protocol):
    """A connection that another thread may tell to give up."""

    def interrupt(self) -> None: ...


def interruptible(connection: Connected, call: Callable[[], _Answer]) -> _Answer:
    """What the call gives, which asks this connection.

    DuckDB looks for signals between its steps, and a step of a large join may take minutes. So the call runs in a
    thread of its own, and the one that signals come to waits, and interrupts it.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    answers: list[_Answer] = []
    troubles: list[BaseException] = []

    def called() -> None:
        try:
            answers.append(call())
        except BaseException as error:
            troubles.append(error)

    thread = threading.Thread(target=called, daemon=True)
    thread.start()
    try:
        thread.join()
    except BaseException:
        connection.interrupt()
        thread.join()
        raise
    if troubles:
        raise troubles[0]
    return answers[0]
