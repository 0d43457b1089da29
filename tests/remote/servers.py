"""Real servers on loopback, with the faults that servers and networks have."""

from __future__ import annotations

import asyncio
import hashlib
import http.server
import os
import threading
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

USER, PASSWORD = "observer", "pa55:wörd%s"


@dataclass
class Faults:
    """What goes wrong, and what was asked; changed while the server runs."""

    cuts_at_bytes: list[int] = field(default_factory=list)
    bytes_per_s: float = 0.0
    grows: set[str] = field(default_factory=set)
    listed_too: list[str] = field(default_factory=list)
    lies_about_checksum: set[str] = field(default_factory=set)
    echo_password: bool = False
    began_at: list[tuple[str, int]] = field(default_factory=list)
    logins: int = 0
    sent_bytes: int = 0

    def began(self, name: str, offset: int) -> None:
        """A transfer begins; a file that grows has just got another block."""
        self.began_at.append((name, offset))

    def grow(self, path: Path) -> None:
        if path.name in self.grows:
            with path.open("ab") as file:
                file.write(bytes(2880))


class FtpHouse:
    """pyftpdlib in a thread; `encoding` is that of names on the line."""

    protocol = "ftp"

    def __init__(self, root: Path, encoding: str = "utf-8", machine_listing: bool = True) -> None:
        with warnings.catch_warnings():
            # Python 3.11 says of its own asyncore, which pyftpdlib takes there, that 3.12 has none.
            warnings.simplefilter("ignore", DeprecationWarning)
            from pyftpdlib.authorizers import DummyAuthorizer
            from pyftpdlib.filesystems import AbstractedFS
            from pyftpdlib.handlers import FTPHandler, ThrottledDTPHandler
            from pyftpdlib.ioloop import IOLoop
            from pyftpdlib.servers import FTPServer

        self.root, faults = root, Faults()
        self.faults = faults

        class Cutting(ThrottledDTPHandler):
            sent = 0

            def send(self, data: bytes) -> int:
                if self.cmd != "RETR":
                    return int(super().send(data))
                if faults.cuts_at_bytes and self.sent >= faults.cuts_at_bytes[0]:
                    faults.cuts_at_bytes.pop(0)
                    self.cmd_channel.close()
                    return 0
                number = int(super().send(data))
                self.sent += number
                faults.sent_bytes += number
                if faults.bytes_per_s and number:
                    self.del_channel()
                    self._throttler = self.ioloop.call_later(number / faults.bytes_per_s, self.go_on)
                return number

            def go_on(self) -> None:
                self.add_channel(events=self.ioloop.WRITE)

        class Listing(AbstractedFS):
            def format_mlsx(self, *given: Any, **more: Any) -> Iterable[bytes]:
                yield from super().format_mlsx(*given, **more)
                for name in faults.listed_too:
                    line = f"type=file;size=2880;modify=20220908203000; {name}\r\n"
                    yield line.encode(encoding, "surrogateescape")

        class Handler(FTPHandler):
            def on_connect(self) -> None:
                if machine_listing:
                    self._extra_feats.append("XSHA256")

            def ftp_USER(self, line: str) -> None:
                faults.logins += 1
                super().ftp_USER(line)

            def ftp_PASS(self, line: str) -> None:
                if faults.echo_password:
                    self.respond(f"530 Login incorrect: {line}")
                else:
                    super().ftp_PASS(line)

            def ftp_RETR(self, file: str) -> None:
                faults.began(Path(file).name, self._restart_position)
                super().ftp_RETR(file)
                faults.grow(Path(file))

            def ftp_XSHA256(self, line: str) -> None:
                digest = hashlib.sha256(Path(line).read_bytes()).hexdigest()
                wrong = Path(line).name in faults.lies_about_checksum
                self.respond(f"250 {digest[::-1] if wrong else digest}")

        authorizer = DummyAuthorizer()
        authorizer.add_user(USER, PASSWORD, str(root), perm="elr")
        authorizer.add_user("guest", "guest", str(root), perm="elr")
        Handler.authorizer, Handler.abstracted_fs, Handler.dtp_handler = authorizer, Listing, Cutting
        Handler.encoding, Handler.auth_failed_timeout, Handler.use_sendfile = encoding, 0.05, False
        Handler.proto_cmds = dict(FTPHandler.proto_cmds)
        if machine_listing:
            allowed = {"perm": "r", "auth": True, "arg": True, "help": "checksum"}
            Handler.proto_cmds["XSHA256"] = allowed
        else:
            del Handler.proto_cmds["MLSD"], Handler.proto_cmds["MLST"]
        self._loop = IOLoop()
        self._server = FTPServer(("127.0.0.1", 0), Handler, ioloop=self._loop)
        self.port = self._server.address[1]
        self._ending = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._ending:
            self._loop.loop(timeout=0.02, blocking=False)

    def close(self) -> None:
        self._ending = True
        self._thread.join()
        self._server.close_all()


class SftpHouse:
    """asyncssh in a thread."""

    protocol = "sftp"

    def __init__(self, root: Path, host_key: Any = None) -> None:
        import asyncssh

        self.root, faults = root, Faults()
        self.faults = faults
        self.key = host_key or asyncssh.generate_private_key("ssh-ed25519")

        class Listing(asyncssh.SFTPServer):
            def __init__(self, channel: Any) -> None:
                super().__init__(channel, chroot=os.fsencode(root))
                self.line = channel.get_connection()

            async def scandir(self, path: bytes) -> AsyncIterator[Any]:
                async for entry in super().scandir(path):
                    yield entry
                for name in faults.listed_too:
                    attributes = asyncssh.SFTPAttrs(size=2880, permissions=0o100644, mtime=1662668000)
                    yield asyncssh.SFTPName(name.encode("utf-8", "surrogateescape"), attrs=attributes)

            def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
                file = super().open(path, pflags, attrs)
                self.first, self.begun = True, Path(os.fsdecode(path)).name
                return file

            async def read(self, file_obj: Any, offset: int, size: int) -> bytes:
                if self.first:
                    self.first, self.from_byte = False, offset
                    faults.began(self.begun, offset)
                if faults.cuts_at_bytes and offset - self.from_byte >= faults.cuts_at_bytes[0]:
                    faults.cuts_at_bytes.pop(0)
                    self.line.abort()
                if faults.bytes_per_s:
                    await asyncio.sleep(size / faults.bytes_per_s)
                file_obj.seek(offset)
                piece = bytes(file_obj.read(size))
                faults.sent_bytes += len(piece)
                faults.grow(Path(os.fsdecode(file_obj.name)))
                return piece

        lines: list[Any] = []
        self._lines = lines

        class Door(asyncssh.SSHServer):
            def connection_made(self, connection: Any) -> None:
                lines.append(connection)

            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                faults.logins += 1
                return (username, password) == (USER, PASSWORD)

        self._loop = asyncio.new_event_loop()
        ready = threading.Event()

        async def begin() -> None:
            self._server = await asyncssh.create_server(
                Door, "127.0.0.1", 0, server_host_keys=[self.key], sftp_factory=Listing
            )
            self.port = self._server.get_port()
            ready.set()

        def serve() -> None:
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(begin())
            self._loop.run_forever()

        self._thread = threading.Thread(target=serve, daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def known_hosts(self) -> str:
        return f"[127.0.0.1]:{self.port} {self.key.export_public_key().decode()}"

    def close(self) -> None:
        async def end() -> None:
            self._server.close()
            for line in self._lines:
                line.abort()
                await line.wait_closed()
            await self._server.wait_closed()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class HttpHouse:
    """Python's own web server, with ranges and (unless it is public) a password as others have them."""

    protocol = "http"

    def __init__(self, root: Path, public: bool = False) -> None:
        self.root, faults = root, Faults()
        self.faults = faults

        class Handler(http.server.SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __init__(self, *given: Any) -> None:
                super().__init__(*given, directory=str(root))

            def log_message(self, *_: object) -> None:
                """Nothing on stderr."""

            def do_HEAD(self) -> None:
                self.answer(body=False)

            def do_GET(self) -> None:
                self.answer(body=True)

            def answer(self, body: bool) -> None:
                import base64

                faults.logins += 1
                wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
                if not public and self.headers.get("Authorization") != f"Basic {wanted}":
                    self.send_error(401)
                    return
                path = Path(self.translate_path(self.path))
                if not path.is_file():
                    super().do_GET() if body else super().do_HEAD()
                    return
                self.send_file(path, body)

            def list_directory(self, path: Any) -> Any:
                listing = super().list_directory(path)
                if listing is None or not faults.listed_too:
                    return listing
                import io
                from urllib.parse import quote

                # The headers are out already, with the length of the page: the server closes it instead.
                links = "".join(f'<li><a href="{quote(name)}">x</a></li>' for name in faults.listed_too)
                return io.BytesIO(listing.getvalue() + links.encode())

            def send_header(self, keyword: str, value: str) -> None:
                if keyword == "Content-Length" and faults.listed_too and self.path.endswith("/"):
                    self.close_connection = True
                    return
                super().send_header(keyword, value)

            def send_file(self, path: Path, body: bool) -> None:
                content = path.read_bytes()
                tag = f'"{path.stat().st_mtime_ns:x}-{len(content):x}"'
                start = 0
                asked = self.headers.get("Range", "")
                if asked and self.headers.get("If-Range") == tag:
                    start = int(asked.removeprefix("bytes=").rstrip("-"))
                    self.send_response(206)
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                else:
                    self.send_response(200)
                self.send_header("Content-Length", str(len(content) - start))
                self.send_header("ETag", tag)
                self.send_header("Last-Modified", self.date_time_string(path.stat().st_mtime))
                self.end_headers()
                if not body:
                    return
                faults.began(path.name, start)
                sent = content[start:]
                if faults.cuts_at_bytes:
                    sent = sent[: faults.cuts_at_bytes.pop(0)]
                    self.close_connection = True
                for begin in range(0, len(sent), 65536):
                    piece = sent[begin : begin + 65536]
                    try:
                        self.wfile.write(piece)
                    except ConnectionError:  # the client is gone
                        self.close_connection = True
                        return
                    faults.sent_bytes += len(piece)
                    time.sleep(len(piece) / faults.bytes_per_s if faults.bytes_per_s else 0)
                faults.grow(path)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


House = FtpHouse | SftpHouse | HttpHouse
HOUSES: dict[str, Callable[[Path], House]] = {"ftp": FtpHouse, "sftp": SftpHouse, "http": HttpHouse}
