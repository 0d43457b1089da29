"""Waiting for a call that does not listen to signals, so that Ctrl-C and SIGTERM end the program all the same."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

_Answer = TypeVar("_Answer")
# How long nothing may be heard before it is asked whether the other side is alive.
_SILENT_S = 10.0
# How long a call may go on when nobody wants its answer any more.
_LAST_S = 2.0


_left: list[threading.Event] = []


def is_left() -> bool:
    """Whether a call is still out: it would abort a program that comes to its end in the usual way."""
    return not all(done.is_set() for done in _left)


class Silence(Exception):
    """The other side is dead."""


def waited(call: Callable[[], _Answer], is_alive: Callable[[], bool]) -> _Answer:
    """What the call gives. It runs in a thread of its own, which is left behind if it must not be waited for."""
    answers: list[_Answer] = []
    troubles: list[BaseException] = []
    done = threading.Event()

    def called() -> None:
        try:
            answers.append(call())
        except BaseException as error:
            troubles.append(error)
        finally:
            done.set()

    threading.Thread(target=called, daemon=True).start()
    try:
        while not done.wait(_SILENT_S):
            if not is_alive() and not done.is_set():
                raise Silence
    except BaseException:
        if not done.wait(_LAST_S):
            _left.append(done)
        raise
    if troubles:
        raise troubles[0]
    return answers[0]
