"""Servers that speak TLS: whom this machine trusts, and what to do about one that it does not."""

from __future__ import annotations

import datetime
import os
import ssl
from pathlib import Path

# X509_V_ERR_... of OpenSSL, <openssl/x509_vfy.h>.
_NOT_YET_VALID, _EXPIRED = 9, 10
_OTHER_NAMES = (62, 63, 64)
_UNKNOWN_AUTHORITIES = (2, 18, 19, 20, 21, 27)
# What OpenSSL says of bytes that are not of TLS.
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")
_NO_COMMON_VERSION = ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION")


def trusting() -> ssl.SSLContext:
    """Trusts the system's authorities, or those of SSL_CERT_FILE and SSL_CERT_DIR; host names are checked.

    To be used for many connections: reading the system's authorities takes longer than a small file.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def distrust(error: BaseException, place: str) -> str | None:
    """Why no TLS is spoken with a server (`place`: its name and port), and what to do; None if that is not it.

    All these are found out before anything is sent; another try would end likewise.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{_certificate(error, place)}. Nothing was sent to it"
    if isinstance(error, ssl.SSLError) and error.reason in _NO_TLS:
        return f"{place} does not speak TLS (https): is the port right, or is it a server of plain http?"
    if isinstance(error, ssl.SSLError) and error.reason in _NO_COMMON_VERSION:
        return f"{place} speaks only versions of TLS that are no longer safe, and this machine refuses them"
    return None


def _certificate(error: ssl.SSLCertVerificationError, place: str) -> str:
    reason = error.verify_message.rstrip(".")
    if error.verify_code in (_EXPIRED, _NOT_YET_VALID):
        is_so = "has expired" if error.verify_code == _EXPIRED else "is not valid yet"
        today = datetime.datetime.now(datetime.UTC).date()
        return (
            f"the certificate of {place} {is_so}; this machine takes today for {today}: if that is right, whoever runs "
            "the server must renew it"
        )
    if error.verify_code in _OTHER_NAMES:
        return (
            f"{place} shows the certificate of another server ({reason}): use the name that its certificate is for, "
            "or ask whoever runs it"
        )
    if error.verify_code in _UNKNOWN_AUTHORITIES:
        return (
            f"the certificate of {place} is from no authority that this machine knows ({reason}): if it is that of "
            f"your institute, get the authority's certificate (PEM) there and set SSL_CERT_FILE to it{_now_set()}"
        )
    return f"the certificate of {place} is not to be trusted ({reason}): ask whoever runs the server"


def _now_set() -> str:
    path = os.environ.get("SSL_CERT_FILE")
    if not path:
        return ""
    return f" (now {path})" if Path(path).is_file() else f" (now {path}, which is not there)"
