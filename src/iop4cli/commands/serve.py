"""iop4 serve."""

from __future__ import annotations

import os
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from iop4cli.archive.layout import find_archive
from iop4cli.commands.opening import step_settings
from iop4cli.shell import messages, output
from iop4cli.shell.options import Archive, LockTimeout, Quiet, Verbose

if TYPE_CHECKING:
    from iop4cli.archive.quack import Address

EPILOG = """Examples:

  iop4 serve

  iop4 serve --port 0 --archive blazars

  iop4 serve --token-file ~/.iop4-token
"""

_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_SIGNALLED = 128


def command(
    host: Annotated[
        str, typer.Option("--host", metavar="HOST", help="Where to listen; anything but this machine is plain text.")
    ] = "localhost",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="At which port; 0 takes one that is free.")
    ] = 9494,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            show_default=False,
            help="File with the token that clients must know; else IOP4_DB_TOKEN; else one is made and kept.",
        ),
    ] = None,
    archive: Archive = None,
    lock_timeout: LockTimeout = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Serve the archive's store, so that many machines and processes read and write it at once.

    Reads and writes iop4.duckdb, which nobody else can open meanwhile, and prints the address once it accepts
    clients: any verb with --db ADDRESS (or IOP4_DB, or the setting db). Frames are not served: clients see the same
    folder over a shared disk. A token that is made lies in iop4.duckdb.token in the archive, for its owner only,
    where clients find it too; remove it for another one. The protocol is HTTP without encryption: beyond this machine
    use an SSH tunnel. Needs pip install 'iop4cli[server]'. SIGTERM, SIGHUP and Ctrl-C end it; what clients were told
    is written is in the file then.
    """
    from iop4cli.archive.quack import Address
    from iop4cli.archive.serving import free_port, serving
    from iop4cli.shell.config import load_config

    messages.set_verbosity(-1 if quiet else verbose)
    layout = find_archive(archive)
    flags = [] if lock_timeout is None else [("lock_timeout_s", lock_timeout, "--lock-timeout")]
    config = load_config(layout.config, flags, step_settings())
    address = Address(host, port or free_port(host))
    _warn_of(address)
    token_of = partial(_token, token_file, layout.store)
    with _signals() as (end, caught), serving(layout.store, address, token_of, config["lock_timeout_s"]) as server:
        output.line(str(address))
        server.wait(end)
    messages.notice("the store is closed")
    return _SIGNALLED + caught[0]


def _warn_of(address: Address) -> None:
    if not address.is_loopback:
        messages.warn(
            f"whoever can listen to the network between clients and {address.host} reads the token and every row, for "
            "the protocol is HTTP without encryption. Better: leave --host out, and let clients come through "
            f"`ssh -N -L {address.port}:localhost:{address.port} {address.host}`"
        )


def _token(file: Path | None, store: Path) -> str:
    from iop4cli.archive.served_at import token_file_of
    from iop4cli.archive.serving import check_token, kept_token
    from iop4cli.archive.tokens import VARIABLE, read_token

    if file is not None:
        token = check_token(read_token(file), str(file))
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            messages.warn(f"others than its owner may read {file}: chmod 600 {file}")
        return token
    said = os.environ.get(VARIABLE, "").strip()
    if said:
        return check_token(said, VARIABLE)
    made = token_file_of(store)
    messages.notice(f"the token for clients is in {made}")
    return kept_token(made)


@contextmanager
def _signals() -> Iterator[tuple[threading.Event, list[int]]]:
    """Set from the first signal on, also while the server starts."""
    end, caught = threading.Event(), list[int]()

    def ended(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        end.set()

    before = {number: signal.signal(number, ended) for number in _ENDS}
    try:
        yield end, caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
