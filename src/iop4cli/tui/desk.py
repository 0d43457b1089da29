"""The archive as the screens use it: one place that knows where it is and who is looking."""

from __future__ import annotations

import getpass
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iop4cli.archive.layout import Layout
    from iop4cli.archive.store import Store
    from iop4cli.commands.opening import Opened
    from iop4cli.pipeline.view import View


@dataclass(frozen=True)
class Desk:
    """An opened archive; the store is opened for each question and closed before the answer is looked at."""

    opened: Opened

    @property
    def store(self) -> Store:
        return self.opened.store

    @property
    def layout(self) -> Layout:
        return self.opened.layout

    def view(self) -> View:
        """All that the steps see; reads the store, so only for threads."""
        from iop4cli.pipeline.view import View

        return View(self.opened.store, self.opened.surroundings())

    def changed(self) -> object:
        """What differs when another process has written."""
        return self.store.stamp()


def who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def shell_command(words: Sequence[str]) -> str:
    """A command for the clipboard."""
    return shlex.join(["iop4", *words])
