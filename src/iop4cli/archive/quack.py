"""DuckDB's own protocol, as far as servers and clients share it: addresses, and the extension.

Measured with 1.5.5: an attached catalogue has one session at the server, in which temporary tables and
transactions last over several calls (`quack_query_by_name`), and which rolls back what is open when it ends. But
it never ends by itself when its client is gone. BEGIN and ROLLBACK of the client itself reach nobody.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from iop4cli.errors import UsageError

if TYPE_CHECKING:
    import duckdb

DEFAULT_PORT = 9494
FORMS = "quack:HOST:PORT, or quack+plain:HOST:PORT without TLS beyond this machine"
_ADDRESS = re.compile(r"quack(?P<plain>\+plain)?:(?P<host>\[[0-9a-fA-F:.]+\]|[^:/\[\]\s'\"]+)(:(?P<port>\d{1,5}))?")
_EXTENSIONS = ("httpfs", "quack")
_INSTALL = "pip install 'iop4cli[server]' installs both"
_idle: dict[int, list[Client]] = {}


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int
    plain: bool = False

    @classmethod
    def parsed(cls, text: str) -> Address:
        said = _ADDRESS.fullmatch(text.strip())
        port = int(said["port"] or DEFAULT_PORT) if said else 0
        if said is None or not 0 < port < 65536:
            raise UsageError(f"{text!r} is no address of a store's server: {FORMS}")
        return cls(said["host"], port, said["plain"] is not None)

    @property
    def uri(self) -> str:
        """As the extension takes it."""
        return f"quack:{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def without_tls(self) -> bool:
        return self.plain or self.is_loopback

    def __str__(self) -> str:
        return f"quack{'+plain' if self.plain else ''}:{self.host}:{self.port}"


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def load(connection: duckdb.DuckDBPyConnection) -> None:
    """Load the extensions from the installed packages; nothing is ever fetched."""
    import duckdb

    # Its bar would be drawn on stdout, which is for data.
    connection.execute(
        "set autoinstall_known_extensions = false; set autoload_known_extensions = false; "
        "set enable_progress_bar = false"
    )
    for name in _EXTENSIONS:
        try:
            connection.execute(f"load '{str(_extension(name, duckdb.__version__)).replace(chr(39), chr(39) * 2)}'")
        except duckdb.Error as error:
            raise UsageError(f"DuckDB's extension {name} does not load: {error}") from error


def _extension(name: str, version: str) -> Path:
    found = importlib.util.find_spec(f"duckdb_extension_{name}")
    if found is None or found.origin is None:
        raise UsageError(f"a store at a server needs DuckDB's extensions httpfs and quack: {_INSTALL}")
    folder = Path(found.origin).parent / "extensions"
    file = folder / f"v{version}" / f"{name}.duckdb_extension"
    if not file.is_file():
        fitting = ", ".join(sorted(path.name.removeprefix("v") for path in folder.glob("v*"))) or "no version"
        raise UsageError(
            f"DuckDB {version} is installed, but its extension {name} is for {fitting}: they must be of one version; "
            f"{_INSTALL}, and the DuckDB that fits"
        )
    return file


@contextmanager
def client() -> Iterator[Client]:
    """A DuckDB of this process's own, in memory, that speaks the protocol, for one user at a time.

    What is attached in one is renewed together, so that a session that has died would spoil the others. Making one
    takes 0.2 s: it is kept for the next, but not if a call in it was left behind.
    """
    # A forked process must not touch its parent's.
    idle = _idle.setdefault(os.getpid(), [])
    try:
        mine = idle.pop()
    except IndexError:
        mine = Client(_made())
    try:
        yield mine
    finally:
        if not mine.is_left:
            idle.append(mine)


@dataclass
class Client:
    """A connection, and whether a call in it was left behind."""

    connection: duckdb.DuckDBPyConnection
    is_left: bool = False


def _made() -> duckdb.DuckDBPyConnection:
    import duckdb

    made = duckdb.connect(":memory:")
    load(made)
    # What was sent is not sent again behind our back.
    made.execute("set http_retries = 0")
    return made
