"""What the errors of DuckDB's protocol mean: all of them come as one kind, and only their text tells."""

from __future__ import annotations

import re

from iop4cli.archive.quack import Address
from iop4cli.errors import Iop4Error, UsageError

# Where an error speaks of our own call, which says nothing to people.
_OUR_CALL = re.compile(r"\n+LINE \d+: [^\n]*(quack_query|quack_query_by_name)\(.*", re.DOTALL)
_KIND = re.compile(r"^(Invalid Input|IO|Binder|Catalog|HTTP) Error:\s*")
_LOST = ("Failed to send message", "Could not connect", "Invalid connection id", "HTTP Error", "IO Error")


class Lost(Iop4Error):
    """No answer came: nobody knows whether what was said was done."""


class Conflict(Iop4Error):
    """Somebody else writes at this moment; nothing of ours was."""


def meaning(error: Exception, address: Address, token: str) -> Exception:
    """What an error of the protocol says; the token is in none."""
    import duckdb

    text = _OUR_CALL.sub("", str(error))
    if token:
        text = text.replace(token, "***")
    if "Authentication failed" in text or "authentication token" in text:
        return UsageError(
            f"the server at {address} does not know this token: IOP4_DB_TOKEN, or the file that db_token_file names, "
            "must hold what the server was started with"
        )
    if "SSL" in text or "certificate" in text:
        return UsageError(
            f"{address} speaks no TLS that can be trusted ({_bare(text)}). `iop4 serve` itself speaks plain HTTP: use "
            f"an SSH tunnel (ssh -L {address.port}:localhost:{address.port} HOST, then --db quack:localhost:"
            f"{address.port}), a proxy with TLS, or, where everybody may listen, quack+plain:HOST:PORT"
        )
    if "Could not resolve" in text:
        return UsageError(f"{address}: there is no host of this name")
    if "Conflict on" in text or "write-write conflict" in text:
        return Conflict(_bare(text))
    if any(sign in text for sign in _LOST):
        return Lost(_bare(text))
    return duckdb.Error(_KIND.sub("", text))


def _bare(text: str) -> str:
    text = text.split("\n")[0]
    while (shorter := _KIND.sub("", text).removeprefix("Failed to send message: ")) != text:
        text = shorter
    return text
