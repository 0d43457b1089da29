"""iop4 sql: questions to the store, and nothing but questions unless --write is given."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from small_archives import SmallArchive

from iop4cli.archive.columns import TABLES, column_of


def test_a_pipe_gets_csv_and_null_differs_from_empty_text(small_archive: SmallArchive) -> None:
    done = small_archive.run("sql", "select 1 as n, null as nothing, '' as empty, 'a,\"b\"' as quoted")
    assert done.stdout == 'n,nothing,empty,quoted\n1,,"","a,""b"""\n'


def test_lists_dates_and_zones_come_out_well(small_archive: SmallArchive) -> None:
    question = """
        select ['a', 'b'] as list, date '2022-09-08' as day, timestamp '2022-09-08 20:00:00' as time,
            {'x': 1.5} as struct, 'nan'::double as nan, sum(n) as huge
        from (values (18446744073709551616::hugeint)) as t(n)"""
    (row,) = small_archive.rows("sql", question, "--format", "ndjson")
    assert row["list"] == ["a", "b"] and row["struct"] == {"x": 1.5} and row["nan"] is None
    assert row["day"] == "2022-09-08" and row["time"] == "2022-09-08T20:00:00"
    assert row["huge"] == 2**64
    zoned = small_archive.run("sql", "select timestamptz '2022-09-08 20:00:00+00' as zoned").stdout
    assert zoned.startswith("zoned\n2022-09-08T")


def test_columns_of_one_name_are_kept_apart(small_archive: SmallArchive) -> None:
    assert small_archive.rows("sql", "select 1 as a, 2 as a", "--format", "ndjson") == [{"a": 1, "a_2": 2}]


def test_a_table_says_null(small_archive: SmallArchive) -> None:
    done = small_archive.run("sql", "select null as nothing", "--format", "table")
    assert done.stdout.split() == ["nothing", "NULL"]


def test_a_table_rounds_and_a_file_does_not(small_archive: SmallArchive) -> None:
    question = """
        select * from (values (15.30639339::double, 0.06554415::double, 60256.84427083::double, 45::double, 3e-9),
                              (9.1, 0.0000415, 60256.5, 300, null)) as t(mag, p, mjd, exptime, cov)"""
    lines = small_archive.run("sql", question, "--format", "table").stdout.splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["15.3064", "0.06554", "60256.84427", "45", "3e-09"],
        ["9.1000", "4.15e-05", "60256.50000", "300", "NULL"],
    ]
    assert "60256.84427083" in small_archive.run("sql", question).stdout


def test_the_question_comes_from_a_file_or_a_pipe(small_archive: SmallArchive, tmp_path: Path) -> None:
    path = tmp_path / "q.sql"
    path.write_text("select 7 as n")
    assert small_archive.run("sql", "-f", str(path)).stdout == "n\n7\n"
    assert small_archive.run("sql", "-", stdin="select 7 as n").stdout == "n\n7\n"
    small_archive.run("sql", "select 7 as n", "-o", str(tmp_path / "n.csv"))
    assert (tmp_path / "n.csv").read_text() == "n\n7\n"


def test_other_files_may_be_read(small_archive: SmallArchive, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("a\n1\n2\n")
    done = small_archive.run("sql", f"select sum(a)::int as n from read_csv('{tmp_path}/mine.csv')")
    assert done.stdout == "n\n3\n"


@pytest.mark.parametrize(
    "question",
    [
        "delete from flag",
        "with x as (select 1) insert into note select 'a', 'b', 'c', now()::timestamp",
        "copy (select 1) to '{folder}/out.csv'",
        "explain analyze copy (select 1) to '{folder}/out.csv'",
        "/* harmless */ explain analyze copy (select 1) to '{folder}/out.csv'",
        "export database '{folder}/out'",
        "attach '{folder}/out.db' as other",
        "install httpfs",
        "set threads = 1",
        "select 1; copy (select 1) to '{folder}/out.csv'",
        "selec 1",
        "select nonesuch from results",
        "",
    ],
)
def test_what_is_no_question_is_refused_and_touches_nothing(
    small_archive: SmallArchive, tmp_path: Path, question: str
) -> None:
    before = (small_archive.root / "iop4.duckdb").read_bytes()
    done = small_archive.run("sql", question.format(folder=tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "SQL: " in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert (small_archive.root / "iop4.duckdb").read_bytes() == before


def test_pivot_describe_and_explain_are_questions(small_archive: SmallArchive) -> None:
    pivot = "pivot (select kind, band from frame) on kind using count(*) group by band"
    for question in (
        pivot,
        "describe results",
        "show tables",
        "explain select 1",
        "from run",
        "summarize frame",
    ):
        done = small_archive.run("sql", question)
        assert done.returncode == 0, done.stderr
        assert len(list(csv.reader(io.StringIO(done.stdout)))) > 1


def test_write_is_one_transaction(small_archive: SmallArchive, tmp_path: Path) -> None:
    archive = small_archive.copy(tmp_path / "archive")
    note = "insert into note values ('a', 'cloudy', 'me', now()::timestamp);"
    assert archive.run("sql", "--write", f"{note} selec 1").returncode == 2
    assert archive.run("sql", "--write", f"{note} select 1 from nonesuch").returncode == 2
    count = ("sql", "select count(*) as n from note", "--format", "ndjson")
    assert archive.rows(*count) == [{"n": 0}]
    assert archive.run("sql", "--write", note + note).returncode == 0
    assert archive.rows(*count) == [{"n": 2}]


def test_the_schema_explains_every_table_and_column(small_archive: SmallArchive) -> None:
    tables = [row["table"] for row in small_archive.rows("sql", "--schema", "--format", "ndjson")]
    assert set(tables) == set(TABLES)
    question = "select table_name, column_name from information_schema.columns where table_schema = 'main'"
    columns = small_archive.rows("sql", question, "--format", "ndjson")
    unexplained = [
        f"{row['table_name']}.{row['column_name']}"
        for row in columns
        if column_of(row["table_name"], row["column_name"]) is None
    ]
    assert unexplained == []
    rows = {row["column"]: row for row in small_archive.rows("sql", "--schema", "results", "--format", "ndjson")}
    assert rows["chi_deg"]["unit"] == "deg" and "north through east" in rows["chi_deg"]["description"]


def test_an_unknown_table_is_no_such_item_with_the_nearest(small_archive: SmallArchive) -> None:
    done = small_archive.run("sql", "--schema", "result")
    assert (done.returncode, done.stdout) == (4, "")
    assert "'results'" in done.stderr


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_a_reader_that_has_enough_is_no_error(small_archive: SmallArchive) -> None:
    script = f"set -o pipefail; {sys.executable} -m iop4cli sql 'from range(100000)' | head -2"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=small_archive.root,
        env=small_archive.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "range\n0\n", "")


def test_parquet_keeps_the_types_of_the_store(small_archive: SmallArchive, tmp_path: Path) -> None:
    import polars

    path = tmp_path / "x.parquet"
    question = "select night, mjd_utc, n_frames, flags, id as same, id as same from results order by id"
    assert small_archive.run("sql", question, "-o", str(path)).returncode == 0
    frame = polars.read_parquet(path)
    types = [polars.Date, polars.Float64, polars.Int32, polars.String, polars.String, polars.String]
    assert (frame.dtypes, frame.columns[-2:]) == (types, ["same", "same_2"])
    rows = small_archive.rows("sql", question, "--format", "ndjson")
    assert frame["mjd_utc"].to_list() == [row["mjd_utc"] for row in rows] and frame["flags"].null_count() == len(rows)


def test_a_terminal_gets_no_parquet_and_a_file_of_another_kind_is_refused(small_archive: SmallArchive) -> None:
    with mock.patch("iop4cli.shell.output.is_terminal", return_value=True):
        done = small_archive.run("sql", "select 1", "--format", "parquet")
    assert (done.returncode, done.stdout) == (2, "") and "-o FILE" in done.stderr
    done = small_archive.run("sql", "select 1", "-o", "x.fits")
    assert done.returncode == 2 and "iop4 export" in done.stderr
    assert not (small_archive.root / "x.fits").exists()


# Stands in for DuckDB's program: says how it was called, tries whether the lock is free, and ends as it is told to.
_STAND_IN = """#!{python}
import fcntl, sys
lock = open(sys.argv[-1] + ".lock", "r+")
def free(kind):
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(lock, fcntl.LOCK_UN)
    return True
print(*sys.argv[1:-1], free(fcntl.LOCK_SH), free(fcntl.LOCK_EX), sys.stdin.read(), sep="|")
sys.exit(7)
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> str:
    """A PATH with a program duckdb on it."""
    program = tmp_path / "bin" / "duckdb"
    program.parent.mkdir()
    program.write_text(_STAND_IN.format(python=sys.executable))
    program.chmod(0o755)
    return f"{program.parent}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize(
    ("arguments", "said"), [((), "-readonly|True|False|select 1;\n"), (("--write",), "False|False|select 1;\n")]
)
def test_the_shell_has_the_store_under_our_lock_and_its_exit_code_is_ours(
    small_archive: SmallArchive, stand_in: str, arguments: tuple[str, ...], said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "iop4cli", "sql", "--shell", *arguments],
        cwd=small_archive.root, env=small_archive.environment(PATH=stand_in), input="select 1;",
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (7, said, "")
    assert small_archive.run("sql", "select 1").returncode == 0  # the lock is free again


def test_the_shell_waits_for_a_writer_no_longer_than_it_is_told(small_archive: SmallArchive, stand_in: str) -> None:
    from iop4cli.archive.lock import store_lock

    with store_lock(small_archive.root / "iop4.duckdb", shared=True, timeout_s=1.0):
        done = small_archive.run("sql", "--shell", "--write", "--lock-timeout", "0.1", PATH=stand_in)
    assert done.returncode == 75


def test_without_duckdbs_program_that_is_said(small_archive: SmallArchive, tmp_path: Path) -> None:
    done = small_archive.run("sql", "--shell", PATH=str(tmp_path))
    assert done.returncode == 2 and "not installed" in done.stderr and "duckdb" in done.stderr


@pytest.mark.parametrize("more", [("select 1",), ("-o", "x.csv"), ("--schema",), ("--format", "csv")])
def test_the_shell_takes_no_question(small_archive: SmallArchive, more: tuple[str, ...]) -> None:
    assert small_archive.run("sql", "--shell", *more).returncode == 2
