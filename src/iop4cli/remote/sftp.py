"""SFTP, with the server's host key checked before anything is said to it."""

from __future__ import annotations

import getpass
import logging
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paramiko
from paramiko.sftp import (
    CMD_CLOSE,
    CMD_DATA,
    CMD_HANDLE,
    CMD_NAME,
    CMD_OPEN,
    CMD_OPENDIR,
    CMD_READ,
    CMD_READDIR,
    CMD_STATUS,
    SFTP_FLAG_READ,
    int64,
)  # fmt: skip

from iop4cli.errors import UsageError
from iop4cli.remote.archives import RemoteArchive
from iop4cli.remote.credentials import Credentials
from iop4cli.remote.server import (
    MOST_ENTRIES,
    Broken,
    Checksum,
    Entry,
    Facts,
    FileTrouble,
    LoginRefused,
    NotThere,
    Reading,
    RemoteError,
)  # fmt: skip

# What the library would say on stderr by itself is said by our own errors.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False

_CHUNK_BYTES = 32 * 1024
_REQUESTS_AHEAD = 32
_EVERYBODYS = Path("/etc/ssh/ssh_known_hosts")


class SftpServer:
    """One SSH connection with one SFTP session."""

    def __init__(self, archive: RemoteArchive, credentials: Credentials, timeout_s: float) -> None:
        self._archive, self._credentials = archive, credentials
        self._client = paramiko.SSHClient()
        known = self._load_known_hosts()
        self._client.set_missing_host_key_policy(_RefuseUnknown(archive, known))
        password = credentials.password or None
        try:
            self._client.connect(
                archive.host, archive.effective_port, credentials.user or getpass.getuser(), password,
                timeout=timeout_s, banner_timeout=timeout_s, auth_timeout=timeout_s, channel_timeout=timeout_s,
                allow_agent=password is None, look_for_keys=password is None,
            )  # fmt: skip
            transport = self._client.get_transport()
            session = _Session.from_transport(transport) if transport else None
            if session is None:
                raise Broken(f"{archive.name} ({archive.host}): no SFTP session")
            self._session: Any = session
            self._session.get_channel().settimeout(timeout_s)
        except BaseException as error:
            self._client.close()
            if isinstance(error, paramiko.BadHostKeyException):
                raise self._changed_key(error, known) from None
            if isinstance(error, (OSError, EOFError, paramiko.SSHException)):
                raise self._login_trouble(error) from None
            raise

    def _load_known_hosts(self) -> Path:
        """The file that a new host belongs into; keys for all users of the machine count as well."""
        own = Path(self._archive.known_hosts or "~/.ssh/known_hosts").expanduser()
        if self._archive.known_hosts and not own.is_file():
            raise UsageError(f"fetch.{self._archive.name}.known_hosts: there is no file {own}")
        for path in (own,) if self._archive.known_hosts else (_EVERYBODYS, own):
            if path.is_file():
                try:
                    self._client.load_host_keys(str(path))
                except (OSError, paramiko.SSHException, ValueError) as error:
                    raise UsageError(f"{path} cannot be read: {error}") from None
        return own

    def _changed_key(self, error: paramiko.BadHostKeyException, known: Path) -> LoginRefused:
        place = _place(self._archive)
        return LoginRefused(
            f"THE HOST KEY OF {place} HAS CHANGED: it shows {_said(error.key)}, and {known} has "
            f"{_said(error.expected_key)}. Someone may be in between; nothing was sent. Ask the observatory for the "
            f"fingerprint; if it is the new one: ssh-keygen -R '{place}' -f {known}, and add the new key "
            f"(ssh-keyscan -p {self._archive.effective_port} {self._archive.host})"
        )

    def _login_trouble(self, error: Exception) -> RemoteError:
        where = f"{self._archive.name} ({self._archive.host})"
        said = self._credentials.scrubbed(str(error) or type(error).__name__)
        # What a library says when it has neither key nor password to offer is an SSHException of no other kind.
        nothing_to_offer = type(error) is paramiko.SSHException and "No authentication methods" in said
        if isinstance(error, paramiko.AuthenticationException) or nothing_to_offer:
            return LoginRefused(
                f"{where} refuses the login of {self._credentials.user or getpass.getuser()}: {said} Check "
                f"fetch.{self._archive.name}.user and the password ({self._archive.variable}, password_command, "
                "netrc), or your SSH keys"
            )
        return Broken(f"{where}: {said}")

    def entries(self, folder: str) -> list[Entry]:
        try:
            found = self._session.listed(self._sent(folder or "."))
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise self._trouble(error, folder) from None
        return [
            Entry(name.decode(self._archive.encoding, "surrogateescape"), _is_folder(attributes), attributes.st_size)
            for name, attributes in found
        ]

    def facts(self, path: str) -> Facts:
        try:
            said = self._session.stat(self._sent(path))
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise self._trouble(error, path) from None
        return Facts(said.st_size, str(said.st_mtime or ""), float(said.st_mtime) if said.st_mtime else None)

    @contextmanager
    def reading(self, path: str, offset: int, facts: Facts) -> Iterator[Reading]:
        try:
            handle = self._session.opened(self._sent(path))
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise self._trouble(error, path) from None
        yield Reading(offset, self._chunks(handle, path, offset, facts.size))

    def _chunks(self, handle: bytes, path: str, offset: int, size: int | None) -> Iterator[bytes]:
        try:
            yield from self._session.pieces(handle, offset, size)
            self._session.closed_handle(handle)
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise self._trouble(error, path) from None

    def checksum(self, path: str) -> Checksum | None:
        """None: the usual servers offer none, and SSH itself guards every packet."""

    def close(self) -> None:
        self._client.close()

    def _sent(self, path: str) -> bytes:
        try:
            return path.encode(self._archive.encoding)
        except UnicodeEncodeError:
            raise FileTrouble(f"{path}: not to be written in {self._archive.encoding}") from None

    def _trouble(self, error: Exception, path: str) -> RemoteError:
        place = path or f"{self._archive.name} ({self._archive.host})"
        if isinstance(error, TimeoutError):
            return Broken(f"{place}: no answer in time")
        said = self._credentials.scrubbed(getattr(error, "strerror", None) or str(error) or "the connection ended")
        if isinstance(error, (FileNotFoundError, PermissionError)):
            return NotThere(f"{place}: {said}")
        return Broken(f"{place}: {said}")


class _Session(paramiko.SFTPClient):
    """The library's client, with names that stay bytes, and reading ahead that needs no thread of its own.

    (The library's own reading ahead leaves a thread behind when the connection breaks.)
    """

    def listed(self, folder: bytes) -> list[tuple[bytes, paramiko.SFTPAttributes]]:
        handle = self._handle(CMD_OPENDIR, folder)
        found: list[tuple[bytes, paramiko.SFTPAttributes]] = []
        while True:
            try:
                kind, message = self._request(CMD_READDIR, handle)
            except EOFError:
                break
            if kind != CMD_NAME:
                raise paramiko.SSHException("the server's answer to a listing makes no sense")
            n_entries = message.get_int()
            # Each takes twelve bytes at least: a server that says more than it sends would be read for ever.
            if 12 * n_entries > len(message.asbytes()) or len(found) + n_entries > MOST_ENTRIES:
                raise paramiko.SSHException("the server's listing makes no sense, or has no end")
            for _ in range(n_entries):
                name = message.get_binary()
                message.get_binary()  # the line of `ls -l`
                found.append((name, paramiko.SFTPAttributes._from_msg(message)))
        self.closed_handle(handle)
        return [(name, attributes) for name, attributes in found if name not in (b".", b"..")]

    def opened(self, path: bytes) -> bytes:
        return self._handle(CMD_OPEN, path, SFTP_FLAG_READ, paramiko.SFTPAttributes())

    def closed_handle(self, handle: bytes) -> None:
        self._request(CMD_CLOSE, handle)

    def _handle(self, *request: Any) -> bytes:
        kind, message = self._request(*request)
        if kind != CMD_HANDLE:
            raise paramiko.SSHException("the server's answer to opening makes no sense")
        return bytes(message.get_binary())

    def pieces(self, handle: bytes, offset: int, size: int | None) -> Iterator[bytes]:
        """The bytes of an open file from `offset` to `size` (None: to its end), in order."""
        answers = _Answers()
        asked: deque[tuple[int, int, int]] = deque()
        ahead = offset
        while True:
            while len(asked) < _REQUESTS_AHEAD and (size is None or ahead < size):
                length = _CHUNK_BYTES if size is None else min(_CHUNK_BYTES, size - ahead)
                asked.append((self._asked(answers, handle, ahead, length), ahead, length))
                ahead += length
            if not asked:
                return
            number, start, length = asked.popleft()
            piece = self._answer(answers, number)
            while piece and len(piece) < length:  # a server may give less than it was asked for
                yield piece
                start, length = start + len(piece), length - len(piece)
                piece = self._answer(answers, self._asked(answers, handle, start, length))
            if not piece:
                for number, _, _ in asked:
                    self._answer(answers, number)
                return
            yield piece

    def _asked(self, answers: _Answers, handle: bytes, start: int, length: int) -> int:
        return int(self._async_request(answers, CMD_READ, handle, int64(start), length))

    def _answer(self, answers: _Answers, number: int) -> bytes:
        while number not in answers.by_number:
            self._read_response()
        kind, message = answers.by_number.pop(number)
        if kind == CMD_DATA:
            return bytes(message.get_binary())
        if kind == CMD_STATUS:
            try:
                self._convert_status(message)
            except EOFError:
                return b""
        raise paramiko.SSHException("the server's answer to reading makes no sense")


class _Answers:
    """Where the library leaves the answers to requests that are under way."""

    def __init__(self) -> None:
        self.by_number: dict[int, tuple[int, Any]] = {}

    def _async_response(self, kind: int, message: Any, number: int) -> None:
        self.by_number[number] = (kind, message)


class _RefuseUnknown(paramiko.MissingHostKeyPolicy):
    def __init__(self, archive: RemoteArchive, known: Path) -> None:
        self._archive, self._known = archive, known

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        scan = f"ssh-keyscan -p {self._archive.effective_port} {self._archive.host}"
        raise LoginRefused(
            f"{_place(self._archive)} is an unknown host: it shows {_said(key)}; nothing was sent. Compare with the "
            f"fingerprint that the observatory gives; if it is the same: {scan} >> {self._known}"
        )


def _said(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.fingerprint}"


def _place(archive: RemoteArchive) -> str:
    """As known_hosts writes it."""
    return archive.host if archive.effective_port == 22 else f"[{archive.host}]:{archive.effective_port}"


def _is_folder(attributes: paramiko.SFTPAttributes) -> bool:
    return attributes.st_mode is not None and stat.S_ISDIR(attributes.st_mode)
