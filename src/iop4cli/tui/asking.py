"""Work in threads: a screen asks, a thread answers by a message. No thread touches a widget."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.message import Message
from textual.worker import get_current_worker

from iop4cli.errors import Iop4Error

if TYPE_CHECKING:
    from textual.widget import Widget


class Answered(Message, bubble=False):
    """What was asked for as `kind` is there."""

    def __init__(self, kind: str, answer: Any, tag: Any) -> None:
        super().__init__()
        self.kind, self.answer, self.tag = kind, answer, tag


class Refused(Message, bubble=False):
    """What was asked for as `kind` cannot be had, in words for people."""

    def __init__(self, kind: str, reason: str, tag: Any) -> None:
        super().__init__()
        self.kind, self.reason, self.tag = kind, reason, tag


def ask(widget: Widget, kind: str, work: Callable[[], Any], tag: Any = None) -> None:
    """Do `work` in a thread; a later question of the same kind makes an earlier one's answer go nowhere."""
    widget.run_worker(
        partial(_answer, widget, kind, work, tag), thread=True, group=kind, exclusive=True, exit_on_error=False,
    )  # fmt: skip


def _answer(widget: Widget, kind: str, work: Callable[[], Any], tag: Any) -> None:
    worker = get_current_worker()
    try:
        message: Message = Answered(kind, work(), tag)
    except (Iop4Error, OSError) as problem:
        message = Refused(kind, str(problem), tag)
    except Exception as problem:
        # A flaw of ours must not end the session of a person; it is shown as it is.
        message = Refused(kind, f"{type(problem).__name__}: {problem}", tag)
    if not worker.is_cancelled:
        widget.post_message(message)
