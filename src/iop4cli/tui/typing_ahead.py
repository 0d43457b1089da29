"""Keys that are hit faster than screens change, or that a slow line brings together, go where they are meant.

Textual hands each key to the widget that has the focus when it arrives, and looks for its binding when the widget has
let it pass: of `/` and `q` that come together the second would quit, where it is the first letter of a filter.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from textual import events

if TYPE_CHECKING:
    from textual.app import App
    from textual.widget import Widget

    Base = App[int]
else:
    Base = object

_RETRY_S = 0.02
_PATIENCE_S = 2.0
_REMEMBERED = 64


class TypingAhead(Base):
    """For an App: a key that bubbles up after the focus has moved is given to where the focus is now."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._targets: deque[tuple[events.Key, Widget | None]] = deque(maxlen=_REMEMBERED)
        self._held: deque[events.Key] = deque()
        self._waited_s = 0.0

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            if self._held:
                self._held.append(event)
                return
            self._targets.append((event, self._place))
        await super().on_event(event)

    @property
    def _place(self) -> Widget | None:
        return self.focused or (self.screen if self.screen_stack else None)

    async def _on_key(self, event: events.Key) -> None:
        target = next((target for known, target in self._targets if known is event), self._place)
        if target is self._place and (self.focused is not None or not self._changing):
            return
        # All handlers of the classes below are called too, unless they are told not to be.
        event.prevent_default()
        event.stop()
        self._hold(events.Key(event.key, event.character))

    @property
    def _changing(self) -> bool:
        """Whether the screen is still being made."""
        screen = self.screen
        return not screen.is_mounted or (self.focused is None and bool(screen.query(".takes-keys")))

    def _hold(self, event: events.Key) -> None:
        self._held.append(event)
        if len(self._held) == 1:
            self._waited_s = 0.0
            self.call_later(self._release)

    def _release(self) -> None:
        """Hand on what is held, in order, as soon as there is somebody to take it."""
        if self._changing and self._waited_s < _PATIENCE_S:
            self._waited_s += _RETRY_S
            self.set_timer(_RETRY_S, self._release)
            return
        held, self._held = list(self._held), deque()
        for event in held:
            self.post_message(event)
