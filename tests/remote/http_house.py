"""A web server on loopback, with TLS or without."""

from __future__ import annotations

import http.server
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any

from faults import PASSWORD, USER, Faults


class HttpHouse:
    """Python's own web server, with ranges and (unless it is public) a password as others have them.

    With a context it speaks TLS.
    """

    def __init__(self, root: Path, public: bool = False, context: ssl.SSLContext | None = None) -> None:
        self.root, faults = root, Faults()
        self.faults = faults
        self.protocol = "https" if context else "http"

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
                if "Authorization" in self.headers:
                    faults.passwords_at.append(self.path)
                for begin, place in faults.sends_to.items():
                    if self.path.startswith(begin):
                        self.send_response(302)
                        self.send_header("Location", place + self.path.removeprefix(begin))
                        self.send_header("Content-Length", "0")
                        self.end_headers()
                        return
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

        class Quiet(http.server.ThreadingHTTPServer):
            def handle_error(self, *given: Any) -> None:
                """A client that leaves, or does not trust us, is not said on stderr."""
                if not isinstance(sys.exception(), (ssl.SSLError, ConnectionError)):
                    super().handle_error(*given)

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        if context is not None:
            # Each connection shakes hands in a thread of its own.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
