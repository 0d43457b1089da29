"""The same screens in a browser: each window that is opened runs `iop4 tui` on this machine."""

from __future__ import annotations

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


class GuardedServer(Server):
    """Lets in only who has the address with its secret: whoever is let in can do what its user can.

    Other users of the machine do not know the secret, and pages of other sites open in the same browser do not get
    its cookie.
    """

    def __init__(self, root: Path, host: str, port: int, announce: Callable[[str], None]) -> None:
        command = [sys.executable, "-m", "iop4cli", "tui", "--archive", str(root)]
        super().__init__(shlex.join(command), host=host, port=port, title=f"iop4 {root.name}")
        self._secret, self._announce = secrets.token_urlsafe(24), announce

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
            response = await handler(request)
            if request.path == "/":
                response.set_cookie(_COOKIE, self._secret, httponly=True, samesite="Strict")
            return response

        return guard

    async def on_startup(self, app: web.Application) -> None:
        """The address is told when it can be opened, and not before."""

    async def on_shutdown(self, app: web.Application) -> None:
        """Open windows leave the pipes of their processes to the interpreter's end, which complains of them."""
        sys.unraisablehook = lambda _: None

    def serve(self, debug: bool = False) -> None:
        """Until Ctrl-C; the secret is in no log."""

        def listening(*_: object) -> None:
            self._announce(f"{self.public_url}/?token={self._secret}")

        web.run_app(self._make_app(), host=self.host, port=self.port, access_log=None, print=listening)
