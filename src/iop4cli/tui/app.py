"""The application: its screens, its keys, and an eye on what other processes write."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from iop4cli.tui.asking import Answered, ask
from iop4cli.tui.screens.base import SCREENS, ArchiveScreen

if TYPE_CHECKING:
    from iop4cli.tui.desk import Desk

_LOOK_EVERY_S = 1.5
_ENDS = {signal.SIGTERM: 143, signal.SIGHUP: 129}


def _maker(name: str) -> Callable[[], Screen[Any]]:
    """Makes a screen when it is first shown, so that the first one is there quickly."""

    def make() -> Screen[Any]:
        module = import_module(f"iop4cli.tui.screens.{name}")
        return cast("Screen[Any]", getattr(module, f"{name.capitalize()}Screen")())

    return make


class Iop4App(App[int]):
    """All screens over one archive."""

    TITLE = "iop4"
    CSS_PATH = "iop4.tcss"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {name: _maker(name) for name in SCREENS}
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"screen('{name}')", name.capitalize(), show=False)
            for number, name in enumerate(SCREENS, start=1)
        ),
        Binding("ctrl+q", "leave", "Quit", show=False),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        # Grows with each change of the store; a screen that has seen less reads anew when it is shown.
        self.store_version = 0
        self._store_seen: tuple[int, int] | None = None
        self.animation_level = "none"

    async def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        for number, code in _ENDS.items():
            loop.add_signal_handler(number, self._end, code)
        self._store_seen = self.desk.changed()
        await self.switch_mode(SCREENS[0])
        self.set_interval(_LOOK_EVERY_S, self.look)

    def _end(self, code: int) -> None:
        self.exit(code, return_code=code)

    def look(self) -> None:
        """See whether the store has changed."""
        ask(cast("Any", self), "changed", self.desk.changed)

    def on_answered(self, message: Answered) -> None:
        if message.kind == "changed" and message.answer != self._store_seen:
            self._store_seen = message.answer
            self.store_changed()

    def store_changed(self) -> None:
        """Something was written, here or elsewhere: what is seen reads anew."""
        self.store_version += 1
        for screen in self.screen_stack:
            if isinstance(screen, ArchiveScreen):
                screen.load_if_changed()

    async def action_screen(self, name: str) -> None:
        await self.switch_mode(name)

    def show_frames_of(self, epoch: str) -> None:
        """The frames of one night."""
        self.run_worker(self._show_filtered("frames", f"epoch={epoch}"))

    async def _show_filtered(self, name: str, text: str) -> None:
        from iop4cli.tui.screens.list_screen import ListScreen

        await self.switch_mode(name)
        for screen in self.screen_stack:
            if isinstance(screen, ListScreen) and screen.mode == name:
                screen.set_filter(text)

    def action_leave(self) -> None:
        self.exit(0)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        for number, name in enumerate(SCREENS, start=1):
            yield SystemCommand(
                f"{name.capitalize()} ({number})", f"Go to {name}", lambda name=name: self.switch_mode(name)
            )
        yield from super().get_system_commands(screen)
