"""A store at a server, with many clients, and a server that dies: what a client was told is written is there, once."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from iop4cli.archive.create import create_archive
from iop4cli.archive.quack import Address
from iop4cli.archive.server_door import ServerDoor
from iop4cli.archive.store import Batch, Store
from tests.served import Server, served
from tests.soak.faults import Fault, Tried

_N_CLIENTS = 4
_N_BEAMS = 2
_LONGEST_S = 300.0


def _client(root: str, address: str, token: str, name: str, n_changes: int, lock_timeout_s: float) -> Store:
    return Store(Path(root) / "iop4.duckdb", lock_timeout_s, ServerDoor(Address.parsed(address), token, lock_timeout_s))


def write(root: str, address: str, token: str, name: str, n_changes: int, lock_timeout_s: float, told: str) -> None:
    """Change after change: a row is added, and the rows of a frame are replaced, which others do about the same time.

    Keeps of which changes it was told.
    """
    store = _client(root, address, token, name, n_changes, lock_timeout_s)
    with Path(told).open("a") as kept:
        for number in range(n_changes):
            mark = f"{name}-{number}"
            frame = f"shared-{number}"
            beams = [{"frame": frame, "source": mark, "beam": beam} for beam in "OE"]
            store.write(
                [
                    Batch("note", [{"name": mark, "text": "it's", "who": name}], append=True),
                    Batch("aperture", beams, "frame", [frame]),
                ]
            )
            kept.write(mark + "\n")
            kept.flush()


def read(root: str, address: str, token: str, name: str, n_changes: int, lock_timeout_s: float, told: str) -> None:
    """Look again and again: the rows of a frame are always those of one change, and none ever vanishes."""
    store = _client(root, address, token, name, n_changes, lock_timeout_s)
    wrong: list[str] = []
    seen = 0
    for _ in range(n_changes):
        with store.reading():
            n_notes = store.rows("select count(*) as n from note")[0]["n"]
            frames = store.rows("select frame, count(*) as n from aperture group by all")
            again = store.rows("select count(*) as n from note")[0]["n"]
        wrong += [f"{name} saw a change by halves: {row}" for row in frames if row["n"] != _N_BEAMS]
        if again != n_notes:
            wrong.append(f"{name} saw {n_notes} and {again} rows at one moment")
        if n_notes < seen:
            wrong.append(f"{name} saw {n_notes} rows after {seen}")
        seen = n_notes
    Path(told).write_text(json.dumps(wrong))


def _started(kind: str, *arguments: object) -> subprocess.Popen[str]:
    program = f"import json, sys; from tests.soak.server import {kind}; {kind}(*json.loads(sys.argv[1]))"
    return subprocess.Popen(
        [sys.executable, "-c", program, json.dumps(arguments)], stderr=subprocess.PIPE, text=True, cwd=_project()
    )


def _project() -> Path:
    return Path(__file__).parents[2]


def _ended(processes: list[subprocess.Popen[str]]) -> list[str]:
    lost = []
    for process in processes:
        _, err = process.communicate(timeout=_LONGEST_S)
        if process.returncode != 0:
            lost.append(f"a client ended with {process.returncode}: {err[-400:]}")
    return lost


def _told(folder: Path) -> list[str]:
    return [line for path in folder.glob("writer-*") for line in path.read_text().splitlines()]


def _compared(store: Store, told: list[str]) -> list[str]:
    """What clients were told, and what the store has."""
    there = Counter(row["name"] for row in store.rows("select name from note"))
    lost = [f"{mark} was told to be written and is not there" for mark in told if not there[mark]]
    lost += [f"{mark} is there {n} times" for mark, n in there.items() if n > 1]
    lost += [f"{mark} is there and its client was never told" for mark in there.keys() - set(told)]
    frames = store.rows("select frame, count(*) as n, list(distinct source) as sources from aperture group by all")
    lost += [
        f"{row['frame']} has {row['n']} rows of the changes {row['sources']}, not those of one"
        for row in frames
        if row["n"] != _N_BEAMS or len(row["sources"]) != 1
    ]
    return lost


def together(folder: Path, times: int) -> Tried:
    """Writers and readers at once, `times` changes each."""
    root = create_archive(folder / "archive").root
    with served(root) as server:
        common = (str(root), server.address, server.token)
        processes = [
            _started("write", *common, f"w{i}", times, 60.0, str(folder / f"writer-{i}")) for i in range(_N_CLIENTS)
        ]
        processes += [
            _started("read", *common, f"r{i}", times, 60.0, str(folder / f"reader-{i}")) for i in range(_N_CLIENTS)
        ]
        lost = _ended(processes)
        told = _told(folder)
        lost += _compared(server.store(), told)
        for path in folder.glob("reader-*"):
            lost += json.loads(path.read_text())
    if len(told) != _N_CLIENTS * times:
        lost.append(f"{len(told)} changes were made, not {_N_CLIENTS * times}")
    lost += _compared(Store(server.path), told)
    return Tried(times * _N_CLIENTS, tuple(lost), f"{_N_CLIENTS} writers, {_N_CLIENTS} readers, {len(told)} changes")


def killed(folder: Path, times: int) -> Tried:
    """The server is killed `times` times while clients write, and comes back; they go on by themselves."""
    chance = random.Random(5)
    root = create_archive(folder / "archive").root
    server = Server(root).start()
    lost: list[str] = []
    told: list[str] = []
    n_changes = 12 * times
    common = (str(root), server.address, server.token)
    try:
        processes = [
            _started("write", *common, f"w{i}", n_changes, 120.0, str(folder / f"writer-{i}"))
            for i in range(_N_CLIENTS)
        ]
        n_killed = 0
        for _ in range(times):
            before = len(_told(folder))
            while len(_told(folder)) < before + 2 and any(process.poll() is None for process in processes):
                time.sleep(0.02)
            time.sleep(chance.uniform(0.0, 0.3))
            n_killed += any(process.poll() is None for process in processes)
            server.kill()
            server.start()
        lost += _ended(processes)
        told = _told(folder)
        if len(told) != _N_CLIENTS * n_changes:
            lost.append(f"{len(told)} changes were made, not {_N_CLIENTS * n_changes}")
        lost += _compared(server.store(), told)
    finally:
        server.end()
    lost += _compared(Store(server.path), told)
    if n_killed < times:
        lost.append(f"clients were at work at {n_killed} of {times} deaths only")
    return Tried(times, tuple(lost), f"{_N_CLIENTS} clients, {len(told)} changes")


FAULTS = (
    Fault("server killed (kill -9) while 4 clients write", 2, 20, killed),
    Fault("8 clients on one server write and read at once", 6, 100, together),
)
