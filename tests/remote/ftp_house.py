"""An FTP server on loopback."""

from __future__ import annotations

import hashlib
import threading
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from faults import PASSWORD, USER, Faults


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
