"""Sitting before the screens: keys, and what is seen."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import chdir
from typing import Any
from unittest import mock

from iop4cli.commands.opening import open_archive
from iop4cli.shell.options import ArchiveOptions
from iop4cli.tui.app import Iop4App
from iop4cli.tui.desk import Desk
from tests.cli.small_archives import SmallArchive

SMALL, LARGE = (80, 24), (160, 50)
_PATIENCE_S = 20.0


class Seat:
    """A person before the application."""

    def __init__(self, app: Iop4App, pilot: Any) -> None:
        self.app, self.pilot = app, pilot

    @property
    def seen(self) -> str:
        """The text on the screen."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    @property
    def said(self) -> str:
        """The line on what is shown."""
        return str(self.app.screen.query_one("#said").render())

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        names = {" ": "space", "=": "equals_sign", "/": "slash", "-": "minus", ".": "full_stop", "<": "less_than_sign",
                 ">": "greater_than_sign", "+": "plus", "~": "tilde", "!": "exclamation_mark", "'": "apostrophe",
                 "_": "underscore"}  # fmt: skip
        await self.pilot.press(*(names.get(letter, letter) for letter in text))

    async def until(self, wanted: str | Callable[[], bool]) -> None:
        """Wait for a text to be seen, or for something to be so."""
        deadline = time.monotonic() + _PATIENCE_S
        while not (self._sees(wanted) if isinstance(wanted, str) else wanted()):
            assert time.monotonic() < deadline, f"waited in vain for {wanted}:\n{self.seen}"
            await self.pilot.pause(0.03)

    def _sees(self, wanted: str) -> bool:
        # Notices are broken into lines where their window ends.
        return wanted in self.seen or any(wanted in notice.message for notice in self.app._notifications)

    async def filter(self, text: str) -> None:
        await self.press("slash")
        await self.type(text)
        await self.press("enter")


def sit(
    archive: SmallArchive,
    story: Callable[[Seat], Awaitable[None]],
    size: tuple[int, int] = SMALL,
    db: str | None = None,
) -> Iop4App:
    """Let a person do something, with the store of a server if `db` names one; returns the application at its end."""

    async def play() -> Iop4App:
        flags = [("lock_timeout_s", 1.0, "test")]
        app = Iop4App(Desk(open_archive(ArchiveOptions(archive=archive.root, db=db), flags)))
        async with app.run_test(size=size, notifications=True) as pilot:
            await story(Seat(app, pilot))
        return app

    with chdir(archive.root), mock.patch.dict(os.environ, archive.environment(), clear=True):
        return asyncio.run(play())
