"""User and password for a server: from the environment, a command or a netrc file; never said to anyone else."""

from __future__ import annotations

import base64
import netrc
import os
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

from iop4cli.errors import UsageError
from iop4cli.remote.archives import RemoteArchive

_COMMAND_TIMEOUT_S = 120


@dataclass(frozen=True)
class Credentials:
    """Who logs in; the password does not show when this is printed."""

    user: str = ""
    password: str = field(default="", repr=False)

    def scrubbed(self, text: str) -> str:
        """A server's words without the password, should it say that back, be it as in an address or a header."""
        if not self.password:
            return text
        both = base64.b64encode(f"{self.user}:{self.password}".encode("utf-8", "surrogateescape")).decode("ascii")
        plain = self.password.encode("utf-8", "surrogateescape")
        for written in sorted({self.password, quote(plain, safe=""), quote_plus(plain), both}, key=len, reverse=True):
            text = text.replace(written, "********")
        return text


@dataclass(frozen=True)
class Login:
    """Where a password is asked for: `name` in messages, `setting` is that of the command."""

    name: str
    host: str
    user: str
    variable: str
    setting: str
    password_command: str


def credentials_of(archive: RemoteArchive) -> Credentials:
    """Of an observatory's archive."""
    setting = f"fetch.{archive.name}.password_command"
    return credentials_for(
        Login(archive.name, archive.host, archive.user, archive.variable, setting, archive.password_command)
    )


def credentials_for(login: Login) -> Credentials:
    """The environment wins over the command, and that over netrc."""
    password = os.environ.get(login.variable, "")
    if not password and login.password_command:
        password = _from_command(login)
    if password:
        _check(password, login)
        return Credentials(login.user, password)
    return _from_netrc(login)


def _check(password: str, login: Login) -> None:
    # In FTP a line break would end the command and begin another.
    if any(letter in password for letter in "\r\n\0"):
        raise UsageError(f"the password for {login.name} holds a line break")


def _from_command(login: Login) -> str:
    name = login.setting
    try:
        done = subprocess.run(
            login.password_command,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"{name}: no answer in {_COMMAND_TIMEOUT_S} s") from None
    password = done.stdout.decode("utf-8", "replace").rstrip("\r\n")
    if done.returncode or not password:
        raise UsageError(f"{name} gave no password (exit code {done.returncode}); run it by hand to see why")
    return password


def _from_netrc(login: Login) -> Credentials:
    path = Path(os.environ.get("NETRC") or "~/.netrc").expanduser()
    if not path.is_file():
        return Credentials(login.user)
    try:
        found = netrc.netrc(str(path)).hosts.get(login.host)
    except netrc.NetrcParseError as error:
        raise UsageError(f"{path}, line {error.lineno}: not a netrc file that can be read") from None
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{path} cannot be read") from None
    if found is None or (login.user and found[0] and found[0] != login.user):
        return Credentials(login.user)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"{path} holds passwords and others may read it: chmod 600 {path}")
    password = found[2] or ""
    _check(password, login)
    return Credentials(login.user or found[0], password)
