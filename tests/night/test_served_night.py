"""A night reduced through a server comes to what it comes to on a file, whoever writes and looks beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.night.archives import Archive, environment
from tests.served import served

pytestmark = pytest.mark.night

_TABLES = (
    "frame", "master", "master_input", "reduced", "wcs", "aperture", "field_star", "measurement", "measurement_input",
    "correction", "growth",
)  # fmt: skip
# Who made it and when.
_WRITTEN = ("made", "run")


def test_a_night_through_a_server_is_the_night_of_a_file(raw: Archive, reduced_night: Archive) -> None:
    """Every column of every row, floats to the last bit; and then the commands that look say the same."""
    with served(raw.root) as server:
        db = {"IOP4_DB": server.address}
        run = raw.iop4("run", "-j2", "--json", **db)
        assert {row["status"] for row in run.rows} == {"done"}
        assert _results(raw.iop4("export", "--format", "ndjson", "--columns", "full", **db).out) == _results(
            reduced_night.iop4("export", "--format", "ndjson", "--columns", "full").out
        )
        for words in (
            ["status", "--json"], ["status", "--why"], ["catalog", "list"], ["run", "-n", "--json"], ["calib", "list"],
            ["sql", "select count(*) as n, max(flux_e) as flux from aperture"], ["sql", "--schema"],
        ):  # fmt: skip
            mine, other = raw.iop4(*words, **db).out, reduced_night.iop4(*words).out
            assert mine.replace(str(raw.root), "") == other.replace(str(reduced_night.root), ""), words
        assert any(row["check"] == "store" and row["status"] == "ok" for row in raw.iop4("doctor", "--json", **db).rows)
        (result, *_) = sorted(raw.iop4("export", "--format", "ndjson", **db).out.splitlines())
        name = json.loads(result)["id"]
        raw.iop4("show", name, "--json", **db)
        raw.iop4("flag", "add", name, "--reason", "a try", **db)
        assert raw.iop4("sql", "select count(*) as n from flag", "--format", "ndjson", **db).rows == [{"n": 1}]
        raw.iop4("sql", "--write", "delete from flag", **db)
        raw.iop4("report", **db)
        raw.iop4("diff", str(reduced_night.root), str(raw.root), "--db", server.address, code=75)
    for table in _TABLES:
        assert _sorted(raw, table) == _sorted(reduced_night, table), table
    assert raw.results() == reduced_night.results()
    assert (raw.root / ".names" / "results").read_text().split() != []


def test_two_runs_through_a_server_at_once_share_the_work(raw: Archive, reduced_night: Archive) -> None:
    with served(raw.root) as server:
        runs = [
            subprocess.Popen(
                [sys.executable, "-m", "iop4cli", "run", "-j1"], cwd=raw.root,
                env=environment(raw.root, IOP4_DB=server.address), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
            for _ in range(2)
        ]  # fmt: skip
        for run in runs:
            _, err = run.communicate(timeout=600)
            assert run.returncode == 0, err
    assert raw.results() == reduced_night.results()


def test_a_run_outlives_a_server_that_is_killed(raw: Archive, reduced_night: Archive) -> None:
    with served(raw.root) as server:
        run = subprocess.Popen(
            [sys.executable, "-m", "iop4cli", "run", "-j1"], cwd=raw.root,
            env=environment(raw.root, IOP4_DB=server.address), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert run.stdout is not None
        for _ in range(3):
            # A name is printed when it is recorded.
            if not run.stdout.readline():
                break
            server.kill()
            server.start()
        out, err = run.communicate(timeout=600)
        assert run.returncode == 0, err + out
    assert raw.results() == reduced_night.results()


def test_the_log_is_followed_at_a_server(raw: Archive) -> None:
    with served(raw.root) as server:
        follower = subprocess.Popen(
            [sys.executable, "-m", "iop4cli", "log", "--follow", "--json"], cwd=raw.root,
            env=environment(raw.root, IOP4_DB=server.address, PYTHONUNBUFFERED="1"), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        raw.iop4("classify", IOP4_DB=server.address)
        assert follower.stdout is not None
        assert json.loads(follower.stdout.readline())["step"] == "classify"
        os.kill(follower.pid, signal.SIGINT)
        follower.communicate(timeout=60)
        assert follower.returncode == 130


def test_python_uses_a_server(reduced: Archive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from iop4cli import Archive as Ours
    from iop4cli.errors import StoreBusy

    for name, value in environment(reduced.root).items():
        monkeypatch.setenv(name, value)
    n_results = len(reduced.results())
    with served(reduced.root) as server:
        assert Ours(reduced.root, db=server.address).results(flagged=True).height == n_results
        with pytest.raises(StoreBusy, match="is served at"):
            Ours(reduced.root).results()
        assert Ours(reduced.root, db=server.address).run(dry_run=True) is not None


def _results(ndjson: str) -> list[str]:
    return sorted(ndjson.splitlines())


def _sorted(archive: Archive, table: str) -> list[str]:
    rows = (
        {name: value for name, value in row.items() if name not in _WRITTEN} for row in archive.sql(f"from {table}")
    )
    return sorted(json.dumps(row, default=str, sort_keys=True) for row in rows)
