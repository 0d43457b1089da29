"""Where frames come from while one watches: a folder that a camera writes to, or tonight's folder on a server."""

from __future__ import annotations

import datetime
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from iop4cli.errors import Iop4Error
from iop4cli.remote.local import LocalFetch, frames_below
from iop4cli.remote.nights import NightFetch
from iop4cli.remote.server import NotThere
from iop4cli.remote.settling import SettlingFiles

_FAREWELL_S = 2.0


@dataclass(frozen=True)
class Brought:
    """A file that came (name in the archive), or did not: then `problem` says why."""

    name: str
    problem: str = ""


class Feed(Protocol):
    def bring(self) -> list[Brought]:
        """What became of files since the last call; never waits for a network."""
        ...

    def close(self) -> None: ...


class IncomingFolder:
    """Files below a folder go into raw/ as their headers say, each when it is complete."""

    def __init__(self, folder: Path, fetch: LocalFetch, patience_s: float) -> None:
        self.folder, self._fetch = folder, fetch
        self._files = SettlingFiles(patience_s)

    def bring(self) -> list[Brought]:
        settled, _ = self._files.look(list(frames_below([self.folder])))
        brought = []
        for path in settled:
            status, name, problem = self._fetch.one(path)
            if status != "current":
                brought.append(Brought(name or str(path), problem))
        return brought

    def close(self) -> None:
        pass


class ServerNights:
    """Looks at the newest nights of a server every so often, in a thread of its own, and fetches what is not here.

    What cannot be had is said once for each reason, and tried again at the next look.
    """

    def __init__(self, make_fetch: Callable[[], NightFetch], every_s: float, nights: Iterable[str] | None) -> None:
        self._make_fetch, self._every_s = make_fetch, every_s
        self._nights = None if nights is None else sorted(nights)
        self._news: queue.SimpleQueue[Brought] = queue.SimpleQueue()
        self._said: set[Brought] = set()
        self._stop = threading.Event()
        # A daemon: a transfer that hangs in the network must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def bring(self) -> list[Brought]:
        brought = []
        while not self._news.empty():
            brought.append(self._news.get())
        return brought

    def close(self) -> None:
        self._stop.set()
        self._thread.join(_FAREWELL_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._look()
            except Iop4Error as error:
                self._tell(Brought("", str(error)))
            self._stop.wait(self._every_s)

    def _look(self) -> None:
        fetch = self._make_fetch()
        try:
            for night in self._nights or newest_nights():
                try:
                    files = fetch.files(night)
                except NotThere:
                    continue
                for file in fetch.fetch(files):
                    if file.status == "done":
                        self._news.put(Brought(file.name))
                    elif file.status == "failed":
                        self._tell(Brought(file.name, file.reason))
                    if self._stop.is_set():
                        return
        finally:
            fetch.close()

    def _tell(self, trouble: Brought) -> None:
        if trouble not in self._said:
            self._said.add(trouble)
            self._news.put(trouble)


def newest_nights(now: datetime.datetime | None = None) -> list[str]:
    """The dates of the evening that now belongs to, wherever on Earth, and of the evenings beside it."""
    today = (now or datetime.datetime.now(datetime.UTC)).date()
    return [(today + datetime.timedelta(days=days)).isoformat() for days in (-1, 0)]
