"""An SFTP server on loopback."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from faults import PASSWORD, USER, Faults


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
