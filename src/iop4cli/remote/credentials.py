"""User and password of a remote archive: from the environment, a command or a netrc file; never said to anyone else."""

from __future__ import annotations

import netrc
import os
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from iop4cli.errors import UsageError
from iop4cli.remote.archives import RemoteArchive

_COMMAND_TIMEOUT_S = 120


@dataclass(frozen=True)
class Credentials:
    """Who logs in; the password does not show when this is printed."""

    user: str = ""
    password: str = field(default="", repr=False)

    def scrubbed(self, text: str) -> str:
        """A server's words without the password, should it say that back."""
        return text.replace(self.password, "********") if self.password else text


def credentials_of(archive: RemoteArchive) -> Credentials:
    """The environment wins over the command, and that over netrc."""
    password = os.environ.get(archive.variable, "")
    if not password and archive.password_command:
        password = _from_command(archive)
    if password:
        _check(password, archive)
        return Credentials(archive.user, password)
    return _from_netrc(archive)


def _check(password: str, archive: RemoteArchive) -> None:
    # In FTP a line break would end the command and begin another.
    if any(letter in password for letter in "\r\n\0"):
        raise UsageError(f"the password for {archive.name} holds a line break")


def _from_command(archive: RemoteArchive) -> str:
    name = f"fetch.{archive.name}.password_command"
    try:
        done = subprocess.run(
            archive.password_command,
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


def _from_netrc(archive: RemoteArchive) -> Credentials:
    path = Path(os.environ.get("NETRC") or "~/.netrc").expanduser()
    if not path.is_file():
        return Credentials(archive.user)
    try:
        found = netrc.netrc(str(path)).hosts.get(archive.host)
    except netrc.NetrcParseError as error:
        raise UsageError(f"{path}, line {error.lineno}: not a netrc file that can be read") from None
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{path} cannot be read") from None
    if found is None or (archive.user and found[0] and found[0] != archive.user):
        return Credentials(archive.user)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"{path} holds passwords and others may read it: chmod 600 {path}")
    password = found[2] or ""
    _check(password, archive)
    return Credentials(archive.user or found[0], password)
