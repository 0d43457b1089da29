"""HTTP and HTTPS: folders as pages of links, as Apache, nginx and Python's own server make them."""

from __future__ import annotations

import base64
import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlsplit

from iop4cli.remote.archives import PORTS
from iop4cli.remote.certificates import distrust, trusting
from iop4cli.remote.credentials import Credentials
from iop4cli.remote.names import last_part
from iop4cli.remote.server import (
    CHUNK_BYTES,
    Broken,
    Checksum,
    Entry,
    Facts,
    FileTrouble,
    LoginRefused,
    NotThere,
    Reading,
    RemoteError,
    whole,
)  # fmt: skip

# Some 100,000 files; a page that is larger would be taken apart for minutes.
_LARGEST_LISTING_BYTES = 16 << 20
# Servers that are busy, restarting or behind a proxy that is.
_PASSING = {408, 425, 429, 500, 502, 503, 504}


class WebAddress(Protocol):
    """Where a web server is: an observatory's archive, or any other."""

    @property
    def name(self) -> str: ...

    @property
    def protocol(self) -> str: ...

    @property
    def host(self) -> str: ...

    @property
    def effective_port(self) -> int: ...

    @property
    def encoding(self) -> str: ...

    @property
    def variable(self) -> str: ...


class HttpServer:
    """A web server; each request is a connection of its own."""

    def __init__(self, archive: WebAddress, credentials: Credentials, timeout_s: float) -> None:
        self._archive, self._credentials, self._timeout_s = archive, credentials, timeout_s
        # Neither files nor other schemes; proxies as the environment says.
        self._opener, self._redirects = urllib.request.OpenerDirector(), _Redirects()
        context = trusting() if archive.protocol == "https" else None
        for handler in (
            urllib.request.ProxyHandler(), urllib.request.HTTPHandler(), urllib.request.HTTPSHandler(context=context),
            urllib.request.HTTPDefaultErrorHandler(), self._redirects, urllib.request.HTTPErrorProcessor(),
        ):  # fmt: skip
            self._opener.add_handler(handler)
        host = f"[{archive.host}]" if ":" in archive.host else archive.host
        port = "" if archive.effective_port == PORTS[archive.protocol] else f":{archive.effective_port}"
        self._root = f"{archive.protocol}://{host}{port}/"

    def entries(self, folder: str) -> list[Entry]:
        found = (self._entry(link, f"/{folder.strip('/')}/".replace("//", "/")) for link in self.links(folder))
        return list(dict.fromkeys(entry for entry in found if entry))

    def links(self, folder: str) -> list[str]:
        """The targets of all links of a folder's page, wherever they lead."""
        with self._open(folder.strip("/") + "/" if folder.strip("/") else "", folder) as (answer, headers):
            try:
                page = answer.read(_LARGEST_LISTING_BYTES + 1)
            except (OSError, http.client.HTTPException) as error:
                raise self._trouble(error, folder) from None
        if len(page) > _LARGEST_LISTING_BYTES:
            raise FileTrouble(f"{folder}: its listing is longer than {_LARGEST_LISTING_BYTES} bytes, and is not read")
        links = _Links()
        links.feed(_decoded(page, headers.get_content_charset() or "utf-8"))
        return links.found

    def _entry(self, link: str, folder: str) -> Entry | None:
        """A link of a listing; those up, to other orders of the page and to other servers are none."""
        try:
            parts = urlsplit(link)
        except ValueError:
            return None
        path = unquote(parts.path, self._archive.encoding, "surrogateescape")
        if parts.scheme or parts.netloc or not path:
            return None
        name = path.removeprefix("./")
        own = unquote(folder, self._archive.encoding, "surrogateescape")
        name = name.removeprefix(own) if name != own else ""
        if not last_part(name.removesuffix("/")).strip(".") and not name.strip("./"):
            return None
        if name.endswith("/"):
            return None if "/" in name[:-1] else Entry(name[:-1], True)
        return Entry(name, False)

    def facts(self, path: str) -> Facts:
        with self._open(path, path, method="HEAD") as (_, headers):
            changed = headers.get("Last-Modified", "")
            return Facts(whole(headers.get("Content-Length")), headers.get("ETag", "") or changed, _seconds(changed))

    @contextmanager
    def reading(self, path: str, offset: int, facts: Facts) -> Iterator[Reading]:
        wanted = {}
        # Without a mark the server cannot say that the file is still the same: then from the beginning.
        if offset and facts.mark and not facts.mark.startswith("W/"):
            wanted = {"Range": f"bytes={offset}-", "If-Range": facts.mark}
        with self._open(path, path, headers=wanted) as (answer, headers):
            goes_on = answer.status == 206 and headers.get("Content-Range", "").startswith(f"bytes {offset}-")
            if answer.status == 206 and not goes_on:
                raise FileTrouble(f"{path}: the server sends another part than was asked for")
            yield Reading(offset if goes_on else 0, self._chunks(answer, path))

    def _chunks(self, answer: Any, path: str) -> Iterator[bytes]:
        try:
            while chunk := answer.read(CHUNK_BYTES):
                yield chunk
        except (OSError, http.client.HTTPException) as error:
            raise self._trouble(error, path) from None

    def checksum(self, path: str) -> Checksum | None:
        with self._open(path, path, method="HEAD") as (_, headers):
            for header in ("Repr-Digest", "Digest"):
                for word in headers.get(header, "").split(","):
                    algorithm, _, value = word.strip().partition("=")
                    if algorithm.casefold() in ("sha-256", "sha-512"):
                        return _checksum(algorithm.casefold().replace("-", ""), value.strip(":"))
            if headers.get("Content-MD5"):
                return _checksum("md5", headers["Content-MD5"])
        return None

    def close(self) -> None:
        """Nothing stays open between requests."""

    @contextmanager
    def _open(
        self, path: str, said: str, *, method: str = "GET", headers: dict[str, str] | None = None
    ) -> Iterator[tuple[Any, Message]]:
        try:
            url = self._root + quote(path.lstrip("/"), safe="/", encoding=self._archive.encoding)
        except UnicodeEncodeError:
            raise FileTrouble(f"{said}: not to be written in {self._archive.encoding}") from None
        request = urllib.request.Request(url, method=method, headers={"Accept-Encoding": "identity", **(headers or {})})
        if self._credentials.password:
            both = f"{self._credentials.user}:{self._credentials.password}".encode()
            # Not sent along to another server, should this one send us there.
            request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(both).decode('ascii')}")
        self._redirects.asked = request
        try:
            answer = self._opener.open(request, timeout=self._timeout_s)
        except (OSError, http.client.HTTPException) as error:
            raise self._trouble(error, said) from None
        if answer is None:
            raise FileTrouble(f"{said}: the server sends us to an address that is neither http nor https")
        with answer:
            yield answer, answer.headers

    def _trouble(self, error: Exception, path: str) -> RemoteError:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        distrusted = distrust(cause, _server_of(self._redirects.asked)[1]) if isinstance(cause, ssl.SSLError) else None
        if distrusted:
            return LoginRefused(f"{self._archive.name}: {distrusted}")
        text = self._credentials.scrubbed(str(error) or type(error).__name__)
        place = f"{path}: " if path else f"{self._archive.name} ({self._archive.host}): "
        if not isinstance(error, urllib.error.HTTPError):
            return Broken(place + text)
        error.close()
        if error.code in (401, 407):
            if not error.url.startswith(self._root):
                return LoginRefused(
                    f"{self._archive.name} ({self._archive.host}) sends us to {error.url}, which refuses us without a "
                    "password; that is given to no other server. Ask whoever runs it where the files are now"
                )
            who = self._credentials.user or "nobody"
            return LoginRefused(
                f"{self._archive.name} ({self._archive.host}) refuses the login of {who}: {text}. "
                f"Check fetch.{self._archive.name}.user and the password ({self._archive.variable}, "
                "password_command, netrc)"
            )
        if error.code in (403, 404, 410):
            return NotThere(place + text)
        return (Broken if error.code in _PASSING else FileTrouble)(place + text)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Goes where a server sends us, with the same method; a password goes along only on the same server.

    `asked` is the last request that was made, of which a failure speaks.
    """

    asked: urllib.request.Request

    def redirect_request(self, req: urllib.request.Request, *given: Any) -> urllib.request.Request | None:
        further = super().redirect_request(req, *given)
        if further is None:
            return None
        further.method = req.get_method()
        password = req.unredirected_hdrs.get("Authorization")
        if password and _server_of(further) == _server_of(req):
            further.add_unredirected_header("Authorization", password)
        self.asked = further
        return further


def _server_of(request: urllib.request.Request) -> tuple[str, str]:
    """(scheme, host and port) of what is asked for, even if a proxy is asked for it."""
    return urlsplit(request.full_url)[:2]


class _Links(HTMLParser):
    """The targets of all links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def _decoded(page: bytes, charset: str) -> str:
    """In the encoding that the server says, if there is such a one."""
    try:
        return page.decode(charset, "surrogateescape")
    except (LookupError, UnicodeError):
        return page.decode("utf-8", "surrogateescape")


def _seconds(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _checksum(algorithm: str, value: str) -> Checksum | None:
    try:
        return Checksum(algorithm, base64.b64decode(value, validate=True).hex())
    except ValueError:
        return None
