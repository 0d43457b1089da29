"""Files of public web servers, each known by its name: found in one of several folders, fetched as frames are."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from iop4cli.errors import UsageError
from iop4cli.remote.archives import PORTS
from iop4cli.remote.credentials import Credentials
from iop4cli.remote.http import HttpServer
from iop4cli.remote.line import Limits, Line, LoginGate
from iop4cli.remote.server import NotThere, RemoteError
from iop4cli.remote.transfer import Transfer


@dataclass(frozen=True)
class WebFolder:
    """A folder of a web server, without password; `path` begins with / and does not end with one."""

    protocol: str
    host: str
    port: int
    path: str = ""
    encoding: str = "utf-8"
    name: str = "web server"
    variable: str = "a password"

    @classmethod
    def of(cls, url: str) -> WebFolder:
        try:
            parts = urlsplit(url.strip())
            port = parts.port or 0
        except ValueError as error:
            raise UsageError(f"{url!r} is no address: {error}") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{url!r} is no address of a folder: it begins with https:// or http://")
        if parts.username or parts.password or parts.query or parts.fragment:
            # Not said again: it may hold a password.
            raise UsageError("the address of a folder of files has no user, no password, no ? and no #")
        return cls(parts.scheme, parts.hostname, port, "/" + unquote(parts.path).strip("/") if parts.path else "")

    @property
    def effective_port(self) -> int:
        return self.port or PORTS[self.protocol]

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.protocol}://{host}{f':{self.port}' if self.port else ''}{self.path.rstrip('/')}/"

    def below(self, folder: str) -> WebFolder:
        return replace(self, path=f"{self.path.rstrip('/')}/{folder}")


class WebFiles:
    """Fetches files of series: from where each is published, or from a mirror.

    A mirror has them at ADDRESS/SERIES/, at ADDRESS/, or where its page at ADDRESS sends us.
    """

    def __init__(
        self, published: Mapping[str, WebFolder], mirror: WebFolder | None, limits: Limits, again: bool,
        said: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._published, self._mirror, self._limits = published, mirror, limits
        self._again, self._said = again, said
        self._stop = threading.Event()
        self._lines: dict[tuple[str, str, int], Line] = {}
        self._folders: dict[str, list[WebFolder]] = {}
        self._linked: dict[str, list[WebFolder]] = {}

    def host(self, series: str) -> str:
        """The server that a series is asked of."""
        return (self._mirror or self._published[series]).host

    def fetch(self, series: str, name: str, final: Path, inspect: Callable[[Path], None]) -> None:
        """Put a file in its place, or raise a RemoteError; NotThere if no folder of the series has it."""
        mirror = self._mirror
        first = [mirror.below(series), mirror] if mirror else [self._published[series]]
        known = self._folders.setdefault(series, first)
        for folder in list(known):
            if self._had(folder, name, final, inspect):
                known.remove(folder)
                known.insert(0, folder)
                return
        if series not in self._linked:
            found = self._links(mirror, series) if mirror else []
            self._linked[series] = [folder for folder in found if folder not in known]
        for folder in self._linked[series]:
            if self._had(folder, name, final, inspect):
                self._said(f"series {series} is at {folder.url}, as the page of {self.host(series)} says")
                known.insert(0, folder)
                return
        tried = ", ".join(folder.url for folder in (*known, *self._linked[series]))
        raise NotThere(f"not in {tried}")

    def _had(self, folder: WebFolder, name: str, final: Path, inspect: Callable[[Path], None]) -> bool:
        transfer = Transfer(
            folder.url, f"{folder.path}/{name}", final,
            read_only=False, again=self._again, stop=self._stop, inspect=inspect,
        )  # fmt: skip
        try:
            self._line(folder).tried(transfer.run, lambda: transfer.synced_bytes)
        except NotThere:
            return False
        return True

    def _links(self, page: WebFolder, series: str) -> list[WebFolder]:
        """Folders that a page links to by the series' number; light versions first."""

        def links(server: object) -> list[str]:
            return server.links(page.path) if isinstance(server, HttpServer) else []

        try:
            found = self._line(page).tried(links)
        except RemoteError:
            return []
        number = re.compile(rf"(?<!\d){re.escape(series)}(?!\d)")
        folders: dict[WebFolder, None] = {}
        for link in found:
            whole = urljoin(page.url, link)
            if number.search(urlsplit(whole).path) and not whole.lower().endswith((".fits", ".html", ".txt", ".sh")):
                try:
                    folders[WebFolder.of(whole)] = None
                except UsageError:
                    continue
        return sorted(folders, key=lambda folder: "lite" not in folder.path.lower().split("/"))

    def _line(self, folder: WebFolder) -> Line:
        key = (folder.protocol, folder.host, folder.effective_port)
        if key not in self._lines:
            timeout_s = self._limits.timeout_s
            gate = LoginGate(0.0, self._stop)
            self._lines[key] = Line(
                lambda: HttpServer(folder, Credentials(), timeout_s), self._limits, gate, self._stop
            )
        return self._lines[key]
