"""Nights of a remote archive: what is there, what is here, and bringing the one to the other."""

from __future__ import annotations

import os
import queue
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from iop4cli.archive.epochs import Epoch
from iop4cli.archive.layout import Layout
from iop4cli.remote.archives import RemoteArchive
from iop4cli.remote.credentials import Credentials
from iop4cli.remote.line import Limits, Line, LoginGate, connected
from iop4cli.remote.names import last_part, refusal, shown
from iop4cli.remote.server import Entry, LocalTrouble, LoginRefused, NotThere, RemoteError, Server
from iop4cli.remote.transfer import Stopped, Transfer

# A transfer sees at its next piece that the run is ending; one that waits for the network is not waited for.
_FAREWELL_S = 0.5

Status = Literal["due", "done", "current", "failed"]


@dataclass(frozen=True)
class RemoteFile:
    """A file of a night on the server: its name in the archive, where it is there, and how it stands here."""

    name: str
    path: str
    size: int | None
    status: Status
    reason: str = ""


class NightFetch:
    """One run against one remote archive, of telescope `archive.telescope` in this archive's `layout`.

    `given_up` says why nothing more can be fetched in this run, if so.
    """

    def __init__(
        self, layout: Layout, archive: RemoteArchive, credentials: Credentials, limits: Limits,
        *, read_only: bool = False, again: bool = False, patterns: Sequence[re.Pattern[str]] = (),
    ) -> None:  # fmt: skip
        self._layout, self._archive, self._limits = layout, archive, limits
        self._credentials, self._patterns = credentials, patterns
        self._read_only, self._again = read_only, again
        self._stop = threading.Event()
        self._gate = LoginGate(archive.pause_s, self._stop)
        self._lines = [self._line() for _ in range(archive.connections)]
        self._first = self._lines[0]
        self._threads: list[threading.Thread] = []
        self.given_up = ""

    def _line(self) -> Line:
        def connect() -> Server:
            return connected(self._archive, self._credentials, self._limits.timeout_s)

        return Line(connect, self._limits, self._gate, self._stop)

    def nights(self) -> list[str]:
        """All nights that have a folder on the server, as ISO dates."""

        def folders_in(folder: str) -> list[str]:
            try:
                entries = self._first.tried(lambda server: server.entries(folder))
            except NotThere:
                return []
            return [entry.name for entry in entries if entry.is_folder and not refusal(entry.name)]

        return sorted({night for night, _ in self._archive.night_folder.nights(folders_in)})

    def files(self, night: str) -> list[RemoteFile]:
        """The wanted files of a night, each due, current or (refused by name, in the way) failed; NotThere if none."""
        folder = self._archive.night_folder.of(night)
        entries = self._first.tried(lambda server: server.entries(folder))
        epoch = Epoch(self._archive.telescope, night)
        found: dict[str, RemoteFile] = {}
        for entry in entries:
            if not entry.is_folder and self._wanted(entry.name) and entry.name not in found:
                found[entry.name] = self._standing(epoch, folder, entry)
        return [found[name] for name in sorted(found)]

    def _wanted(self, name: str) -> bool:
        seen = last_part(name)
        if not seen:
            return True
        asked = not self._patterns or any(pattern.search(seen) for pattern in self._patterns)
        return asked and self._archive.wants(seen)

    def _standing(self, epoch: Epoch, folder: str, entry: Entry) -> RemoteFile:
        refused = refusal(entry.name)
        if refused:
            return RemoteFile(f"{epoch}/{shown(entry.name)}", "", entry.size, "failed", f"{refused}: refused")
        file = RemoteFile(f"{epoch}/{entry.name}", f"{folder}/{entry.name}", entry.size, "due")
        final = self._layout.raw_frame(file.name)
        if not os.path.lexists(final):
            return file
        if not final.exists():
            return replace(file, status="failed", reason=f"{final} is a link to a file that is gone; remove it")
        here = final.stat().st_size
        if entry.size is None or here == entry.size:
            return replace(file, status="current")
        reason = f"another file of that name is here, of {here} bytes, not {entry.size}; it is not touched"
        return replace(file, status="failed", reason=reason)

    def fetch(self, files: Sequence[RemoteFile]) -> Iterator[RemoteFile]:
        """Fetch those that are due; each is given back as it ends, the others as they are."""
        due = [file for file in files if file.status == "due"]
        yield from (file for file in files if file.status != "due")
        waiting: queue.SimpleQueue[RemoteFile] = queue.SimpleQueue()
        for file in due:
            waiting.put(file)
        ended: queue.SimpleQueue[RemoteFile | BaseException] = queue.SimpleQueue()
        # Daemons: a transfer that hangs in the network must not keep the program from ending.
        for line in self._lines[: len(due)]:
            thread = threading.Thread(target=self._work, args=(line, waiting, ended), daemon=True)
            self._threads.append(thread)
            thread.start()
        for _ in due:
            result = ended.get()
            if isinstance(result, BaseException):
                raise result
            yield result

    def close(self) -> None:
        """End; what is under way is left as it is, to be taken up by the next run."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_FAREWELL_S)
        if not any(thread.is_alive() for thread in self._threads):
            for line in self._lines:
                line.drop()

    def _work(
        self, line: Line, waiting: queue.SimpleQueue[RemoteFile], ended: queue.SimpleQueue[RemoteFile | BaseException]
    ) -> None:
        while True:
            try:
                file = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                if self._stop.is_set():
                    raise Stopped
                ended.put(self._one(line, file))
            except Stopped:
                reason = "not tried any more" if self.given_up else "the run was ended"
                ended.put(replace(file, status="failed", reason=reason))
            except (LoginRefused, LocalTrouble) as error:
                self.given_up = str(error)
                self._stop.set()
                ended.put(replace(file, status="failed", reason=str(error)))
            except BaseException as error:
                ended.put(error)
                return

    def _one(self, line: Line, file: RemoteFile) -> RemoteFile:
        final: Path = self._layout.raw_frame(file.name)
        origin = f"{self._archive.name} {self._archive.host}:{self._archive.effective_port}"
        transfer = Transfer(origin, file.path, final, read_only=self._read_only, again=self._again, stop=self._stop)
        try:
            line.tried(transfer.run, lambda: transfer.synced_bytes)
        except (LoginRefused, LocalTrouble):
            raise
        except RemoteError as error:
            if transfer.reading:  # the rest of the file is still in the line
                line.drop()
            return replace(file, status="failed", reason=str(error))
        return replace(file, status="done")
