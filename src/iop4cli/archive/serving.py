"""A store served over DuckDB's own protocol; the file is ours alone as long as it is."""

from __future__ import annotations

import json
import os
import secrets
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from iop4cli import __version__
from iop4cli.archive import served_at
from iop4cli.archive.file_door import FileDoor
from iop4cli.archive.lock import store_lock
from iop4cli.archive.quack import Address, is_loopback, load
from iop4cli.archive.server_door import IN_TURN, NAME, ServerDoor
from iop4cli.archive.tokens import read_token
from iop4cli.errors import StoreError, UsageError

if TYPE_CHECKING:
    import duckdb

# How long a session may do nothing before its client is taken for dead; one that keeps others from writing, sooner.
_IDLE_S, _IDLE_WRITING_S = 900, 20
_LOOK_EVERY_S = 5.0
_TOKEN_BYTES = 32
_SHORTEST_TOKEN = 16
# Names of changes are kept longer than any client tries again.
_FORGET = "delete from served_change where time_utc < now()::timestamp - interval 7 days"
_ABANDONED = f"""
with idle as (
  select state = 'active' as is_active, query like '%{IN_TURN}%' as in_turn,
    epoch(now()) - epoch(query_started_at) as age_s
  from quack_active_connections())
select count(*) filter (where not is_active and in_turn and age_s > {_IDLE_WRITING_S}) as in_the_way,
  count(*) filter (where not is_active and age_s > {_IDLE_S}) as idle,
  count(*) filter (where is_active) as busy
from idle
"""


@dataclass(frozen=True)
class Serving:
    """A server that accepts clients."""

    address: Address
    token: str
    connection: duckdb.DuckDBPyConnection

    def wait(self, end: threading.Event) -> None:
        """Until `end` is set; sessions of dead clients are ended, which the protocol itself never does."""
        while not end.wait(_LOOK_EVERY_S):
            ((n_in_the_way, n_idle, n_busy),) = self.connection.execute(_ABANDONED).fetchall()
            if n_in_the_way or (n_idle and not n_busy):
                self.listen_again()

    def listen_again(self) -> None:
        """End all sessions, and with them what is open in them; clients that live try again."""
        self.connection.execute("call quack_stop(?)", [self.address.uri]).fetchall()
        _listen(self.connection, self.address, self.token)


@contextmanager
def serving(path: Path, address: Address, token_of: Callable[[], str], lock_timeout_s: float) -> Iterator[Serving]:
    """Serve the store until the block ends; its lock is held, and the file is whole and closed after it.

    The token is made under the lock: whoever fails to get that leaves the token of another server as it is.
    """
    door = FileDoor(path, lock_timeout_s)
    door.create()
    with ExitStack() as stack:
        stack.enter_context(store_lock(path, shared=False, timeout_s=lock_timeout_s))
        token = token_of()
        connection = door.connect(read_only=False)
        stack.callback(connection.close)
        load(connection)
        connection.execute(_FORGET)
        serving = secrets.token_hex(8)
        meta = json.dumps({"iop4": __version__, "process": os.getpid(), "serving": serving})
        connection.execute("call quack_identify(name => ?, meta => ?)", [NAME, meta]).fetchall()
        _check_free(address)
        # Before anybody can come, who would hold the note of an earlier server beside this one's answer.
        stack.enter_context(served_at.announced(path, address, serving))
        _listen(connection, address, token)
        # Clients see this store and no other file of this machine.
        connection.execute("set enable_external_access = false; set lock_configuration = true")
        _check_is_ours(address, token, lock_timeout_s)
        yield Serving(address, token, connection)
        connection.execute("call quack_stop(?)", [address.uri]).fetchall()
        connection.execute("force checkpoint")


def free_port(host: str) -> int:
    with _socket(host) as probe:
        probe.bind((host.strip("[]"), 0))
        return int(probe.getsockname()[1])


def kept_token(file: Path) -> str:
    """The token of a file that only its owner reads; made, if there is none: a server that comes back is known."""
    if file.exists() and not file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return check_token(read_token(file), str(file))
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(token + "\n")
    return token


def check_token(token: str, said: str) -> str:
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        raise UsageError(f"{said}: a token is of {_SHORTEST_TOKEN} or more plain characters in one line")
    return token


def _listen(connection: duckdb.DuckDBPyConnection, address: Address, token: str) -> None:
    import duckdb

    try:
        connection.execute(
            "call quack_serve(?, token => ?, allow_other_hostname => ?)",
            [address.uri, token, not is_loopback(address.host)],
        ).fetchall()
    except duckdb.Error as error:
        raise StoreError(f"cannot listen at {address.uri}: {str(error).replace(token, '***')}") from None


def _check_free(address: Address) -> None:
    """The protocol's server would share a port with another one without a word.

    By whether somebody answers: what a dead server has left of its connections is no hindrance.
    """
    with _socket(address.host) as probe:
        probe.settimeout(1.0)
        if probe.connect_ex((_near(address.host).strip("[]"), address.port)) == 0:
            raise UsageError(
                f"cannot listen at {address.host}:{address.port}: somebody else does; --port 0 takes one that is free"
            )


def _check_is_ours(address: Address, token: str, lock_timeout_s: float) -> None:
    """Accepts clients, and knows our token: nobody else has taken the port between."""
    ServerDoor(Address(_near(address.host), address.port, plain=True), token, lock_timeout_s).create()


def _near(host: str) -> str:
    """How this machine itself comes to where all of its addresses are listened to."""
    return {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)


def _socket(host: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if host.startswith("[") else socket.AF_INET, socket.SOCK_STREAM)
