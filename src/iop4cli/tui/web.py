"""The same screens in a browser: each window that is opened runs `iop4 tui` on this machine."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import shlex
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from textual_serve.server import Server

_COOKIE = "iop4_tui"
_FAREWELL_S = 5.0


class GuardedServer(Server):
    """Lets in only who has the address with its secret: whoever is let in can do what its user can.

    Other users of the machine do not know the secret, and pages of other sites open in the same browser do not get
    its cookie.
    """

    def __init__(self, root: Path, host: str, port: int, announce: Callable[[str], None]) -> None:
        command = [sys.executable, "-m", "iop4cli", "tui", "--archive", str(root)]
        super().__init__(shlex.join(command), host=host, port=port, title=f"iop4 {root.name}")
        self._secret, self._announce = secrets.token_urlsafe(24), announce
        self._windows: set[asyncio.Task[Any]] = set()

    async def _make_app(self) -> Any:
        app = await super()._make_app()
        app.middlewares.append(self._guard())
        return app

    def _guard(self) -> Any:
        @web.middleware
        async def guard(request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]) -> Any:
            if request.path.startswith("/static/"):
                return await handler(request)
            given = request.query.get("token") or request.cookies.get(_COOKIE) or ""
            if not hmac.compare_digest(given.encode(), self._secret.encode()):
                return web.Response(status=403, text="Open the address that iop4 tui --web printed, with its token.\n")
            window = asyncio.current_task()
            if request.path == "/ws" and window is not None:
                self._windows.add(window)
                window.add_done_callback(self._windows.discard)
            response = await handler(request)
            if request.path == "/":
                response.set_cookie(_COOKIE, self._secret, httponly=True, samesite="Strict")
            return response

        return guard

    async def on_startup(self, app: web.Application) -> None:
        """The address is told when it can be opened, and not before."""

    async def on_shutdown(self, app: web.Application) -> None:
        """End the windows that are still open, and with them their processes."""
        for window in self._windows:
            window.cancel()
        if self._windows:
            await asyncio.wait(self._windows, timeout=_FAREWELL_S)

    def serve(self, debug: bool = False) -> None:
        """Until Ctrl-C; the secret is in no log."""

        def listening(*_: object) -> None:
            self._announce(f"{self.public_url}/?token={self._secret}")

        web.run_app(self._make_app(), host=self.host, port=self.port, access_log=None, print=listening)
