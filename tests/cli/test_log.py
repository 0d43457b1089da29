"""iop4 log: what happened, by run, step and item."""

from __future__ import annotations

import datetime
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_archives import NIGHT, SmallArchive

from iop4cli.archive.store import Store


def test_the_newest_lines_come_last_and_are_as_many_as_asked(small_archive: SmallArchive) -> None:
    everything = small_archive.rows("log", "-n", "0", "--json")
    times = [row["time_utc"] for row in everything]
    assert times == sorted(times) and len(everything) > 50
    assert small_archive.rows("log", "--json") == everything
    assert small_archive.rows("log", "-n", "3", "--json") == everything[-3:]


def test_lines_are_chosen_by_step_level_item_and_run(small_archive: SmallArchive) -> None:
    (error,) = small_archive.rows("log", "--level", "error", "--json")
    assert error["item"] == f"{NIGHT}/Cut-0001R.fit" and error["step"] == "classify"
    worse = small_archive.rows("log", "--level", "warning", "--json", "-n", "0")
    assert {row["level"] for row in worse} == {"warning", "error"}
    frame = f"{NIGHT}/BLLac-0001R0.fit"
    steps = [row["step"] for row in small_archive.rows("log", "T090/220908/BLLac-0001R0.fit", "--json")]
    assert sorted(steps) == ["classify", "phot", "reduce", "solve"]
    assert [row["item"] for row in small_archive.rows("log", "--item", frame, "--step", "phot", "--json")] == [frame]
    assert len(small_archive.rows("log", f"{NIGHT}/BLLac*", "--step", "reduce", "--json")) == 6
    (run,) = small_archive.rows("log", "--runs", "--json")
    assert small_archive.rows("log", "--run", run["id"][:10], "-n", "0", "--json") == small_archive.rows(
        "log", "-n", "0", "--json"
    )


def test_runs_tell_command_and_outcome(small_archive: SmallArchive) -> None:
    (run,) = small_archive.rows("log", "--runs", "--json")
    assert (run["command"], run["exit_code"]) == ("iop4 run -j 1", 3)


def test_time_is_a_date_or_how_long_ago(small_archive: SmallArchive) -> None:
    tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    assert small_archive.rows("log", "--since", f"{tomorrow:%Y-%m-%d}", "--json") == []
    everything = small_archive.rows("log", "--json")
    assert small_archive.rows("log", "--since", "2d", "--json") == everything
    assert small_archive.rows("log", "--until", "2d", "--json") == []
    middle = everything[len(everything) // 2]["time_utc"]
    before, after = (small_archive.rows("log", option, middle, "--json") for option in ("--until", "--since"))
    assert (before + after, after[0]["time_utc"]) == (everything, middle)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--step", "fot"), 2),
        (("--level", "loud"), 2),
        (("--since", "yesterday"), 2),
        (("--until", "tomorrow"), 2),
        (("--run", "nonesuch"), 4),
        (("--follow", "--until", "1h"), 2),
        (("--follow", "--runs"), 2),
    ],
)
def test_what_means_nothing_is_an_error(small_archive: SmallArchive, arguments: tuple[str, ...], code: int) -> None:
    done = small_archive.run("log", *arguments)
    assert (done.returncode, done.stdout) == (code, "")


def test_a_pipe_gets_tab_separated_values_of_one_line_each(small_archive: SmallArchive) -> None:
    header, *lines = small_archive.run("log", COLUMNS="20").stdout.splitlines()
    assert header.split("\t") == ["time_utc", "level", "step", "item", "message"]
    rows = small_archive.rows("log", "--json")
    assert [line.split("\t")[3] for line in lines] == [row["item"] for row in rows]
    for line, row in zip(lines, rows, strict=True):
        assert line.count("\t") == 4
        when = datetime.datetime.fromisoformat(line.split("\t")[0])
        exactly = datetime.datetime.fromisoformat(row["time_utc"])
        assert when.utcoffset() == exactly.utcoffset() == datetime.timedelta(0)
        assert when == exactly.replace(microsecond=0)


def test_names_come_from_standard_input_those_that_failed_too(small_archive: SmallArchive) -> None:
    troubles = small_archive.run("status", "--why", "--json").stdout
    found = {row["item"] for row in small_archive.rows("log", "-", "--level", "warning", "--json", stdin=troubles)}
    assert found == {f"{NIGHT}/Cut-0001R.fit", f"{NIGHT}/BLLac-0002V.fit"}
    assert small_archive.rows("log", "-", "--json", stdin="") == []


def test_a_message_commands_no_terminal_and_stays_one_line(small_archive: SmallArchive, tmp_path: Path) -> None:
    archive = small_archive.copy(tmp_path / "archive")
    codes = (9, 10, 13, 27, 133, 155, 0x2028)
    message = "||".join(f"chr({code})" for code in codes)
    Store(archive.root / "iop4.duckdb").write(
        [], f"insert into log values (timestamp '2099-01-01', 'r', 'error', 'phot', 'x', 'a'||{message}||'[31mb');"
    )
    said = archive.run("log", "-n", "1").stdout
    assert len(said.splitlines()) == 2
    as_json = archive.run("log", "-n", "1", "--json").stdout
    for text in (said.replace("\t", "").replace("\n", ""), as_json):
        assert all(letter.isprintable() for letter in text.rstrip("\n"))
    assert json.loads(as_json)["message"] == "a" + "".join(map(chr, codes)) + "[31mb"


@contextmanager
def _following(archive: SmallArchive, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "iop4cli", "log", "--follow", *arguments]
    with subprocess.Popen(
        command, cwd=archive.root, env=archive.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _line(item: str, level: str) -> str:
    return f"insert into log values (timestamp '2099-01-01', 'r', '{level}', 'phot', '{item}', 'why');"


def test_following_tells_each_line_when_it_is_written_until_interrupted(
    small_archive: SmallArchive, tmp_path: Path
) -> None:
    archive = small_archive.copy(tmp_path / "archive")
    store = Store(archive.root / "iop4.duckdb")
    with _following(archive, "--level", "error") as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith("time_utc\t")
        assert "Cut-0001R.fit" in process.stdout.readline()
        for name in ("one", "two"):
            store.write([], _line("other", "info") + _line(name, "error"))
            # It waits for the line: were it held back in a buffer, it would not come.
            assert process.stdout.readline().split("\t")[3] == name
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


def test_following_ends_when_nobody_reads_any_more(small_archive: SmallArchive) -> None:
    """Nothing need be written for it to notice."""
    with _following(small_archive, "--json") as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
