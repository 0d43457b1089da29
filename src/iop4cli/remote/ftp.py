"""FTP."""

from __future__ import annotations

import ftplib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from iop4cli.remote.archives import RemoteArchive
from iop4cli.remote.credentials import Credentials
from iop4cli.remote.server import (
    CHUNK_BYTES,
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
    whole,
)  # fmt: skip

# latin-1 carries any byte through ftplib; names are then read in the encoding of the archive.
_BYTES = "latin-1"
# What servers answer to the listing of a folder that is not there, or is empty.
_NO_FOLDER = {"450", "501", "550"}
_CHECKSUMS = {"XSHA512": "sha512", "XSHA256": "sha256", "XSHA1": "sha1", "XMD5": "md5", "XCRC": "crc32"}


class FtpServer:
    """One FTP connection, passive, binary."""

    def __init__(self, archive: RemoteArchive, credentials: Credentials, timeout_s: float) -> None:
        self._archive, self._credentials = archive, credentials
        self._ftp = ftplib.FTP(timeout=timeout_s, encoding=_BYTES)
        try:
            self._ftp.connect(archive.host, archive.effective_port)
            self._log_in()
            self._ftp.voidcmd("TYPE I")
            self._features = self._feat()
        except (OSError, EOFError, ftplib.Error) as error:
            self._ftp.close()
            raise self._trouble(error, "") from None
        except RemoteError:
            self._ftp.close()
            raise

    def _log_in(self) -> None:
        try:
            self._ftp.login(self._sent(self._credentials.user), self._sent(self._credentials.password))
        except ftplib.error_perm as error:
            who = self._credentials.user or "anonymous"
            said = self._credentials.scrubbed(str(error))
            raise LoginRefused(
                f"{self._archive.name} ({self._archive.host}) refuses the login of {who}: {said}. Check "
                f"fetch.{self._archive.name}.user and the password ({self._archive.variable}, password_command, netrc)"
            ) from None

    def _feat(self) -> set[str]:
        try:
            said = self._ftp.sendcmd("FEAT")
        except ftplib.error_perm:
            return set()
        return {line.split()[0].upper() for line in said.splitlines()[1:-1] if line.strip()}

    def entries(self, folder: str) -> list[Entry]:
        lines: list[str] = []

        def take(line: str) -> None:
            if len(lines) >= MOST_ENTRIES:
                raise FileTrouble(f"{folder}: its listing has more than {MOST_ENTRIES} lines, and is not read")
            lines.append(line)

        listing = "MLSD" if "MLST" in self._features else "NLST"
        refused = None
        try:
            try:
                self._ftp.retrlines(f"{listing} {self._sent(folder)}".rstrip(), take)
            except (ftplib.error_perm, ftplib.error_temp) as error:
                if str(error)[:3] not in _NO_FOLDER:
                    raise
                refused = error
            # A listing, had or refused, leaves the line in the mode for text.
            self._ftp.voidcmd("TYPE I")
        except (OSError, EOFError, ftplib.Error) as error:
            raise self._trouble(error, folder) from None
        if refused:
            raise NotThere(self._said(refused, folder))
        read = self._machine_line if listing == "MLSD" else self._name_line
        return [entry for line in lines if (entry := read(line, folder))]

    def _machine_line(self, line: str, folder: str) -> Entry | None:
        """A line of MLSD (RFC 3659, section 7); one that is not of that form is a name with a line break in it."""
        words, blank, name = line.partition(" ")
        if not blank or not words.endswith(";"):
            return Entry(f"...\n{self._read(line)}", False)
        facts = {key.casefold(): value for key, _, value in (word.partition("=") for word in words.split(";"))}
        kind = facts.get("type", "").casefold()
        if kind in ("cdir", "pdir"):
            return None
        return Entry(self._read(name), kind == "dir", whole(facts.get("size")))

    def _name_line(self, line: str, folder: str) -> Entry | None:
        """A line of NLST, which tells no kind; some servers put the folder before the name."""
        name = self._read(line)
        name = name.removeprefix(f"{folder}/") if folder else name
        return None if name in (".", "..") else Entry(name, "." not in name)

    def facts(self, path: str) -> Facts:
        try:
            size = self._optional(f"SIZE {self._sent(path)}")
            changed = self._optional(f"MDTM {self._sent(path)}")
        except (OSError, EOFError, ftplib.Error) as error:
            raise self._trouble(error, path) from None
        return Facts(whole(size), changed, _seconds(changed))

    def _optional(self, command: str) -> str:
        """The answer of a command that a server need not know."""
        try:
            answer = self._ftp.sendcmd(command)
        except ftplib.error_perm as error:
            if str(error)[:3] == "550":
                raise
            return ""
        return answer[3:].strip() if answer[:3] == "213" else ""

    @contextmanager
    def reading(self, path: str, offset: int, facts: Facts) -> Iterator[Reading]:
        try:
            if offset and "REST" not in self._features:
                offset = self._tried_rest(offset)
            data = self._ftp.transfercmd(f"RETR {self._sent(path)}", offset or None)
        except (OSError, EOFError, ftplib.Error) as error:
            raise self._trouble(error, path) from None
        with data:
            yield Reading(offset, self._chunks(data, path))

    def _tried_rest(self, offset: int) -> int:
        try:
            self._ftp.sendcmd(f"REST {offset}")
        except ftplib.error_perm:
            return 0
        return offset

    def _chunks(self, data: object, path: str) -> Iterator[bytes]:
        try:
            while chunk := data.recv(CHUNK_BYTES):  # type: ignore[attr-defined]
                yield chunk
            data.close()  # type: ignore[attr-defined]
            self._ftp.voidresp()
        except (OSError, EOFError, ftplib.Error) as error:
            raise self._trouble(error, path) from None

    def checksum(self, path: str) -> Checksum | None:
        for command, algorithm in _CHECKSUMS.items():
            if command in self._features:
                try:
                    answer = self._ftp.sendcmd(f"{command} {self._sent(path)}")
                except ftplib.error_perm:
                    continue
                except (OSError, EOFError, ftplib.Error) as error:
                    raise self._trouble(error, path) from None
                found = re.findall(r"\b[0-9a-fA-F]{8,128}\b", answer[3:])
                if found:
                    return Checksum(algorithm, found[-1].lower())
        return None

    def close(self) -> None:
        self._ftp.close()

    def _sent(self, path: str) -> str:
        try:
            return path.encode(self._archive.encoding).decode(_BYTES)
        except UnicodeEncodeError:
            raise FileTrouble(f"a name, user or password cannot be written in {self._archive.encoding}") from None

    def _read(self, name: str) -> str:
        return name.encode(_BYTES).decode(self._archive.encoding, "surrogateescape")

    def _said(self, error: BaseException, path: str) -> str:
        said = self._credentials.scrubbed(str(error) or "the server closed the connection")
        return f"{path}: {said}" if path else f"{self._archive.name} ({self._archive.host}): {said}"

    def _trouble(self, error: BaseException, path: str) -> RemoteError:
        if isinstance(error, ftplib.error_perm):
            kind = NotThere if str(error)[:3] == "550" else FileTrouble
            return kind(self._said(error, path))
        return Broken(self._said(error, path))


def _seconds(changed: str) -> float | None:
    """MDTM's YYYYMMDDhhmmss[.sss], in UTC."""
    try:
        return datetime.strptime(changed[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
