"""A process that loads the libraries of the steps once, and of which the workers are forked.

It is a fresh interpreter, never a fork of this program (which has threads, and the store's lock), and runs no main
module of anybody. What became of a worker it asks the kernel only when it is asked itself: until then no other process
can get the number of one that has died, and nobody else is killed in its stead.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback
from typing import Any, NoReturn

FOR_PARENT = (signal.SIGINT, signal.SIGHUP)
# What every worker needs, and what the steps of a night need after that, in their order and in pieces that are soon
# loaded: a worker that is asked for meanwhile is forked between two of them.
_FIRST = ("numpy", "iop4cli.pipeline.executor", "astropy.io.fits", "iop4cli.pipeline.steps.classify")
_THEN = (
    "scipy.ndimage", "iop4cli.pipeline.calibrations", "iop4cli.science.defects", "iop4cli.science.reduction", "sep",
    "astroscrappy", "scipy.spatial", "astrometry", "iop4cli.pipeline.astrometer", "iop4cli.pipeline.placer",
    "iop4cli.science.growth", "xxhash", "astropy.units", "astropy.coordinates", "astropy.nddata",
    "photutils.geometry", "iop4cli.pipeline.photometer", "iop4cli.pipeline.polarimeter",
    "iop4cli.pipeline.filter_polarimeter", "iop4cli.pipeline.plate_polarimeter",
)  # fmt: skip
_MAIN = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from iop4cli.pipeline.nursery import tend; tend(json.loads(sys.argv[2]))"
)
# Images come and go by the dozen for each frame. What glibc gives back to the system at once, and gets again page by
# page, takes a tenth of all CPU time of a night. So much stays with a worker for its next frame; larger images, of
# which two workers have no room for two each, do not.
_MEMORY_KEPT = {"MALLOC_TRIM_THRESHOLD_": str(96 << 20), "MALLOC_MMAP_THRESHOLD_": str(32 << 20)}
# Rows and headers come by ten thousands and go by themselves; what goes in cycles is little (1 MB a frame). Looking for
# these after every 700 objects, as Python does, takes a twentieth of all CPU time.
_COLLECTED_AFTER = 50_000
_BEAR, _KILL, _ASK = b"b", b"k", b"a"
_REQUEST, _REPLY = struct.Struct("=cIi"), struct.Struct("=Ii?")
_ALIVE = 1 << 30
_LOOK_EVERY_S = (0.001, 0.05)
# What workers that are told to end may take to remove what they were writing.
_PATIENCE_S = 2.0
_GONE = "the process that worker processes are forked from has ended (killed? no memory?): run again, or with -j1"


class NurseryGone(OSError):
    """It was killed; so are its workers, soon."""


class Nursery:
    """This program's end. Workers run `serve(said)` of iop4cli.pipeline.workers, with `pipe` and `parent` added."""

    def __init__(self, said: dict[str, Any]) -> None:
        self._lock, self._n_asked = threading.Lock(), 0
        self._line, theirs = socket.socketpair()
        with theirs:
            told = {"line": theirs.fileno(), **said}
            flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
            # Ctrl-C and the end of a terminal go to all of its processes, and are for the one that started them: they
            # are held back from the first.
            held_back = signal.pthread_sigmask(signal.SIG_BLOCK, FOR_PARENT)
            try:
                self._process = subprocess.Popen(
                    [sys.executable, *flags, "-P", "-c", _MAIN, json.dumps(sys.path), json.dumps(told)],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
                    env=_MEMORY_KEPT | os.environ,
                )  # fmt: skip
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, held_back)

    def bear(self, pipe: int) -> Child:
        """A new worker that has this end of a pipe; raises NurseryGone."""
        pid, is_early = self._asked(_BEAR, 0, pipe)
        if pid < 0:
            raise OSError(-pid, f"no worker process can be started: {os.strerror(-pid)}")
        return Child(self, pid, is_early)

    @property
    def is_gone(self) -> bool:
        """Whether it has ended, with which its workers end soon."""
        return self._process.poll() is not None

    def close(self) -> None:
        """Its workers are told to end, and after a while made to."""
        with self._lock:
            self._line.close()
        self._process.wait()

    def _asked(self, what: bytes, number: int, pipe: int | None = None) -> tuple[int, bool]:
        with self._lock:
            # A signal may have kept somebody from taking the reply before this one.
            self._n_asked += 1
            try:
                request = _REQUEST.pack(what, self._n_asked, number)
                socket.send_fds(self._line, [request], [] if pipe is None else [pipe])
                while True:
                    reply = self._line.recv(_REPLY.size, socket.MSG_WAITALL)
                    if len(reply) < _REPLY.size:
                        raise ConnectionResetError
                    nth, said, flag = _REPLY.unpack(reply)
                    if nth == self._n_asked:
                        return said, flag
            except OSError as error:
                raise NurseryGone(_GONE) from error


class Child:
    """A worker process; `is_early` if it was forked before all libraries were loaded."""

    def __init__(self, nursery: Nursery, pid: int, is_early: bool) -> None:
        self.nursery, self.pid, self.is_early = nursery, pid, is_early
        self._code: int | None = None
        self._lock = threading.Lock()

    def kill(self) -> None:
        with contextlib.suppress(NurseryGone):
            self.nursery._asked(_KILL, self.pid)

    def wait(self) -> int:
        """Its exit code, or the number of the signal that ended it below 0, when it has ended."""
        pause_s, longest_s = _LOOK_EVERY_S
        while (code := self._ended()) is None:
            time.sleep(pause_s)
            pause_s = min(2.0 * pause_s, longest_s)
        return code

    def _ended(self) -> int | None:
        # The kernel tells it once.
        with self._lock:
            if self._code is None:
                try:
                    code, _ = self.nursery._asked(_ASK, self.pid)
                except NurseryGone:
                    code = -signal.SIGKILL
                self._code = None if code == _ALIVE else code
            return self._code


def tend(said: dict[str, Any]) -> NoReturn:
    """The process itself: load, and do what is asked, until the line is closed."""
    # Sent to all processes of a run by batch systems and systemd: this one ends with its line.
    for number in (*FOR_PARENT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    gc.set_threshold(_COLLECTED_AFTER)
    line, children, to_load = socket.socket(fileno=said["line"]), set[int](), list(_FIRST + _THEN)
    said = {**said, "parent": os.getpid()}
    while True:
        if len(to_load) > len(_THEN) or (to_load and not select.select([line], [], [], 0.0)[0]):
            _load(to_load)
            continue
        try:
            request, pipes, _, _ = socket.recv_fds(line, _REQUEST.size, 1)
        except ConnectionResetError:  # whoever asked was killed before it had taken a reply
            request = b""
        if len(request) < _REQUEST.size:
            _end(children)
        what, nth, number = _REQUEST.unpack(request)
        if what == _BEAR:
            reply = _forked(line, pipes[0], said)
            if reply > 0:
                children.add(reply)
        elif what == _KILL:
            reply = 0
            if number in children:
                os.kill(number, signal.SIGKILL)
        else:
            reply = _code_of(number, children)
        with contextlib.suppress(BrokenPipeError):
            line.sendall(_REPLY.pack(nth, reply, bool(to_load)))


def _load(names: list[str]) -> None:
    # What cannot be loaded is told by the job that needs it.
    with contextlib.suppress(Exception):
        importlib.import_module(names.pop(0))
    if not names:
        gc.collect()
        # Pages that no collection writes to stay common to all workers.
        gc.freeze()


def _forked(line: socket.socket, pipe: int, said: dict[str, Any]) -> int:
    """The number of a new worker, or that of an error below 0."""
    try:
        pid = os.fork()
    except OSError as error:
        return -(error.errno or errno.EAGAIN)
    if not pid:
        _in_worker(line, pipe, said)
    os.close(pipe)
    return pid


def _in_worker(line: socket.socket, pipe: int, said: dict[str, Any]) -> NoReturn:
    """Nothing of the nursery is run at the end of a worker."""
    code = 1
    try:
        from iop4cli.pipeline.workers import serve

        line.close()
        serve({**said, "pipe": pipe})
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _code_of(pid: int, children: set[int]) -> int:
    if pid not in children:
        return -signal.SIGKILL
    ended, status = os.waitpid(pid, os.WNOHANG)
    if not ended:
        return _ALIVE
    children.discard(pid)
    return os.waitstatus_to_exitcode(status)


def _end(children: set[int]) -> NoReturn:
    """Nobody waits for them any more: what they were writing goes."""
    for number, patience_s in ((signal.SIGTERM, _PATIENCE_S), (signal.SIGKILL, _PATIENCE_S)):
        for pid in children:
            os.kill(pid, number)
        until = time.monotonic() + patience_s
        while children and time.monotonic() < until:
            for pid in tuple(children):
                _code_of(pid, children)
            time.sleep(_LOOK_EVERY_S[0])
    os._exit(0)
