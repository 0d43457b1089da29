"""Questions to a catalogue service over HTTP: text back in a given time, or a message that says why not."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from iop4cli.errors import Iop4Error, UsageError
from iop4cli.remote.certificates import distrust

_CHUNK_BYTES, _LARGEST_ANSWER_BYTES, _LONGEST_COMPLAINT = 1 << 16, 256 << 20, 200


class ServiceError(Iop4Error):
    """A service that is down, too slow, or answers what cannot be used; trying again later may work."""


def ask_service(name: str, url: str, parameters: Mapping[str, str], timeout_s: float) -> str:
    """The text that a service answers to a GET; `timeout_s` is for all of it, a trickle does not prolong it."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"{url!r} is no address of a service: it begins with https:// or http://")
    # Without a user and password that may stand in front of it.
    host = parts.netloc.rpartition("@")[2]
    deadline = time.monotonic() + timeout_s
    request = urllib.request.Request(f"{url}?{urlencode(parameters)}", headers={"User-Agent": "iop4"})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            whole = bytearray()
            while chunk := answer.read1(_CHUNK_BYTES):
                whole += chunk
                if time.monotonic() > deadline:
                    raise TimeoutError
                if len(whole) > _LARGEST_ANSWER_BYTES:
                    raise ServiceError(f"{name} ({host}) answers without end; nothing is changed")
            if answer.length:
                raise http.client.IncompleteRead(bytes(whole), answer.length)
        return bytes(whole).decode("utf-8")
    except urllib.error.HTTPError as error:
        said = " ".join(error.read(4 * _LONGEST_COMPLAINT).decode("utf-8", "replace").split())[:_LONGEST_COMPLAINT]
        error.close()
        raise _trouble(name, host, f"answers {error.code} {error.reason}{f': {said}' if said else ''}") from None
    except (TimeoutError, http.client.HTTPException, UnicodeDecodeError, OSError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        distrusted = distrust(reason, host) if isinstance(reason, BaseException) else None
        if distrusted:
            raise ServiceError(f"{name}: {distrusted}; nothing is changed") from None
        if isinstance(reason, TimeoutError):
            raise _trouble(name, host, f"has not answered in full within {timeout_s:g} s") from None
        if isinstance(reason, http.client.IncompleteRead):
            raise _trouble(name, host, "broke off in the middle of its answer") from None
        raise _trouble(name, host, f"cannot be reached ({reason or type(reason).__name__})") from None


def _trouble(name: str, host: str, what: str) -> ServiceError:
    return ServiceError(f"{name} ({host}) {what}; nothing is changed. Try again later")
