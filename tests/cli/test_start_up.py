"""The program starts at once, and every verb tells how it is used."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable

import pytest

from iop4cli.app import VERBS, make_app

HEAVY = ("astropy", "photutils", "polars", "duckdb", "textual", "numpy")
COLUMNS = 80
SUBCOMMANDS = {
    "calib": ("fit", "list", "show", "plot", "accept", "reject", "export"),
    "catalog": (
        *("import", "add", "edit", "remove", "rename", "list", "export"),
        *("log", "undo", "calibrators", "resolve", "check", "exposure", "health"),
    ),
    "flag": ("add", "list", "remove"),
    "plot": (
        *("lightcurve", "qu", "modulation", "growth", "sweep", "zeropoint"),
        *("health", "masters", "astrometry", "finding", "frame"),
    ),
    "index": ("list", "coverage", "needs", "fetch", "add", "verify"),
}
ALL_COMMANDS = [(verb.name,) for verb in VERBS] + [
    (verb, word) for verb, words in SUBCOMMANDS.items() for word in words
]


def iop4(*arguments: str, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run the program in a process of its own, as in a pipe, 80 columns wide."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IOP4_")}
    environment |= {"COLUMNS": str(COLUMNS), "TERM": "dumb", "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, *python, "-m", "iop4cli", *arguments],
        capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL, timeout=120, check=False,
    )  # fmt: skip


def cpu_s(*arguments: str) -> float:
    """CPU time, user and system, of the quickest of three runs."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert iop4(*arguments).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once() for _ in range(3))


@pytest.fixture
def help_of(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The help of a command as it is shown in a pipe; in this process, for there are many."""
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    monkeypatch.setenv("TERM", "dumb")

    def shown(*command: str) -> str:
        assert make_app().main([*command, "-h"], prog_name="iop4", standalone_mode=False) in {None, 0}
        said = capsys.readouterr()
        assert said.err == ""
        return said.out

    return shown


def test_the_help_loads_no_heavy_library() -> None:
    done = iop4("--help", python=("-X", "importtime"))
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "typer" in loaded  # the table of imports was read
    assert loaded.isdisjoint(HEAVY)


def test_the_version_costs_less_than_a_tenth_of_a_second() -> None:
    assert cpu_s("--version") < 0.1


def test_the_help_costs_less_than_half_a_second() -> None:
    assert cpu_s("--help") < 0.5


def test_the_help_names_every_verb(help_of: Callable[..., str]) -> None:
    shown = help_of()
    assert [verb.name for verb in VERBS if not re.search(rf"\b{verb.name}\b", shown)] == []


@pytest.mark.parametrize("command", ALL_COMMANDS, ids=" ".join)
def test_help_fits_eighty_columns_and_shows_three_examples(
    command: tuple[str, ...], help_of: Callable[..., str]
) -> None:
    shown = help_of(*command)
    assert [line for line in shown.splitlines() if len(line) > COLUMNS] == []
    examples = [line for line in shown.splitlines() if re.match(r" {1,4}(cd \S+ && )?iop4 ", line)]
    assert len(examples) >= 3
    assert any(f"iop4 {command[0]}" in line for line in examples)


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS if verb.name not in SUBCOMMANDS])
def test_help_says_what_is_read_and_what_is_written(verb: str, help_of: Callable[..., str]) -> None:
    words = set(re.findall(r"[a-z]+", help_of(verb).lower()))
    assert words & {"reads", "read"}
    assert words & {"writes", "written", "write"}


def test_an_unknown_verb_is_a_usage_error_that_names_the_nearest() -> None:
    done = iop4("redcue")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "reduce" in done.stderr


def test_an_unknown_option_is_a_usage_error_that_names_the_nearest() -> None:
    done = iop4("run", "--dry-rnu")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "--dry-run" in done.stderr


def test_help_of_one_verb_is_an_exit_of_zero_on_stdout() -> None:
    done = iop4("run", "-h")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: iop4 run" in done.stdout


def test_no_archive_is_a_usage_error_that_says_how_to_make_one(tmp_path: object) -> None:
    done = iop4("run", "--archive", str(tmp_path))
    assert done.returncode == 2
    assert "iop4 init" in done.stderr
