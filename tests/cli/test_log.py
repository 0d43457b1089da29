"""iop4 log: what happened, by run, step and item."""

from __future__ import annotations

import datetime

import pytest
from small_archives import NIGHT, SmallArchive


def test_the_newest_lines_come_last_and_are_as_many_as_asked(small_archive: SmallArchive) -> None:
    everything = small_archive.rows("log", "-n", "0", "--json")
    times = [row["time_utc"] for row in everything]
    assert times == sorted(times) and len(everything) > 50
    assert small_archive.rows("log", "--json") == everything[-50:]
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
    assert len(small_archive.rows("log", "--since", "2d", "--json")) == 50


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--step", "fot"), 2),
        (("--level", "loud"), 2),
        (("--since", "yesterday"), 2),
        (("--run", "nonesuch"), 4),
    ],
)
def test_what_means_nothing_is_an_error(small_archive: SmallArchive, arguments: tuple[str, ...], code: int) -> None:
    done = small_archive.run("log", *arguments)
    assert (done.returncode, done.stdout) == (code, "")


def test_a_pipe_gets_tab_separated_values_of_one_line_each(small_archive: SmallArchive) -> None:
    lines = small_archive.run("log", "-n", "0").stdout.splitlines()
    assert {line.count("\t") for line in lines} == {4}
