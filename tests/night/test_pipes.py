"""Steps in pipes come to the same as one run, and names go in and out as the contract says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.night.archives import Archive

pytestmark = pytest.mark.night

EPOCH = "OSN-T090/2022-03-10"
FRAME = f"{EPOCH}/S40954+65-0001R.fit"
_WRITTEN = ("made", "run")
PIPED = "iop4 classify | iop4 mkmaster - && iop4 reduce --json | iop4 solve - | iop4 phot - && iop4 pol && iop4 correct"


def test_steps_in_pipes_end_with_the_same_results_as_one_run(raw: Archive, reduced_night: Archive) -> None:
    """Several processes at once on one store; every column of every row, floats to the last bit."""
    said = raw.shell(f"set -e; {PIPED}")
    assert said.code == 0, said.err
    assert said.err.count("warning") == 0
    assert raw.results() == reduced_night.results()
    for table in ("frame", "master", "reduced", "wcs", "aperture", "field_star", "measurement_input", "correction"):
        assert _sorted(raw, table) == _sorted(reduced_night, table)
    assert raw.due() == {}


def _sorted(archive: Archive, table: str) -> list[str]:
    """The rows of a table as text, in an order of their own, without the time and the run that wrote them."""
    rows = (
        {name: value for name, value in row.items() if name not in _WRITTEN} for row in archive.sql(f"from {table}")
    )
    return sorted(json.dumps(row, default=str, sort_keys=True) for row in rows)


def test_one_process_gives_the_same_as_two(raw: Archive, reduced_night: Archive) -> None:
    raw.iop4("run", "-j1")
    assert raw.results() == reduced_night.results()


def test_standard_input_is_read_only_when_it_is_asked_for(raw: Archive) -> None:
    """Else `while read night; do iop4 run ...; done` would lose its lines."""
    nights = f"{EPOCH}\nsecond line\n"
    (raw.root / "nights").write_text(nights)
    said = raw.shell("{ iop4 classify >/dev/null; iop4 run -n >/dev/null; cat; } < nights")
    assert said.out == nights


def test_a_loop_over_nights_sees_every_line(raw: Archive) -> None:
    said = raw.shell(f'for n in 1 2 3; do echo {EPOCH}; done | while read n; do iop4 classify "$n" -q; done')
    assert said.code == 0, said.err
    assert len(said.lines) == 28  # the first classifies all, the others find nothing due


def test_names_and_rows_with_name_or_id_are_taken_from_standard_input(reduced: Archive) -> None:
    [result] = reduced.sql(f"select id from results where source = '0954+658' and origin = '{FRAME}'")
    for line in (FRAME, json.dumps({"name": FRAME, "status": "done"}), json.dumps({"id": result["id"]}), result["id"]):
        said = reduced.iop4("phot", "--force", "-", stdin=f"{line}\n")
        assert said.lines == [FRAME]


def test_rows_of_failures_and_empty_lines_on_standard_input_are_passed_over(reduced: Archive) -> None:
    failed = json.dumps({"name": FRAME, "status": "failed", "reason": "x"})
    said = reduced.iop4("phot", "--force", "-", stdin=f"\n{failed}\n\n")
    assert said.lines == []


def test_nothing_on_standard_input_means_nothing_and_not_everything(reduced: Archive) -> None:
    assert reduced.iop4("phot", "--force", "-", stdin="").lines == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{not json", "line 1"),
        ('{"colour": "red"}', "neither `name` nor `id`"),
        ("[1]\n", "is neither"),
        ("{}", "name"),
    ],
)
def test_nonsense_on_standard_input_is_a_usage_error(reduced: Archive, line: str, words: str) -> None:
    said = reduced.iop4("phot", "-", stdin=line, code=2)
    assert words in said.err
    assert "Traceback" not in said.err


def test_the_names_of_one_step_are_the_names_for_the_next(raw: Archive) -> None:
    names = raw.iop4("classify").lines
    assert len(names) == len(set(names)) == 28
    assert all(name.startswith(f"{EPOCH}/") for name in names)
    rows = raw.iop4("classify", "--json", "--force").rows
    assert {row["name"] for row in rows} == set(names)
    assert all({"name", "status", "reason"} <= set(row) for row in rows)


def test_the_archive_is_found_by_option_variable_and_folder(reduced: Archive, tmp_path: Path) -> None:
    elsewhere = Archive(tmp_path / "elsewhere")
    elsewhere.root.mkdir()
    said = elsewhere.iop4("run", code=2)
    assert "no archive here" in said.err and "iop4 init" in said.err
    assert "nothing due" in elsewhere.iop4("run", "--archive", str(reduced.root)).err
    assert "nothing due" in elsewhere.iop4("run", IOP4_ARCHIVE=str(reduced.root)).err
    inside = Archive(reduced.root / "raw" / EPOCH)
    assert "nothing due" in inside.iop4("run").err
    # The option wins over the variable.
    assert "nothing due" in elsewhere.iop4("run", "--archive", str(reduced.root), IOP4_ARCHIVE="/nowhere").err
    assert "IOP4_ARCHIVE" in elsewhere.iop4("run", code=2, IOP4_ARCHIVE="/nowhere").err


@pytest.mark.parametrize("epoch", ["T090/220310", "T090/20220310", "OSN-T090/2022-03-10", "t090/2022-03-10", "*/2203*"])
def test_an_epoch_may_be_written_in_any_of_its_ways(reduced: Archive, epoch: str) -> None:
    rows = reduced.iop4("pol", "-n", "--force", "--json", epoch).rows
    assert [row["status"] for row in rows] == ["due", "due"]


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ("T090/220311", 4),
        ("T090/220399", 2),
        ("T91/220310", 4),
        (f"{EPOCH}/none.fit", 4),
        ("0123456789ab", 4),
        ("x", 2),
    ],
)
def test_a_name_that_matches_nothing_is_told(reduced: Archive, item: str, code: int) -> None:
    said = reduced.iop4("phot", item, code=code)
    assert said.out == ""
    assert item.split("/")[-1] in said.err or item.split("/")[0] in said.err


def test_filters_narrow_what_is_done(reduced: Archive) -> None:
    def forced(*arguments: str) -> set[str]:
        rows = reduced.iop4("phot", "-n", "--force", "--json", *arguments).rows
        return {row["name"].rsplit("/")[-1] for row in rows if row["status"] == "due"}

    both = {"S40954+65-0001R.fit", "S50716+71-0001R.fit"}
    assert forced("--mode", "phot") == both
    assert forced("--mode", "phot", "--source", "S5 0716+714") == {"S50716+71-0001R.fit"}
    assert forced("--where", "angle_deg is null and mjd_utc > 0") == both
    assert forced("--instrument", "andort90", "--band", "r", "--mode", "phot", "--since", "220310") == both
    assert forced("--until", "2022-03-09") == set()
    assert forced(f"{EPOCH}/S40954+65*") == {name for name in forced() if name.startswith("S40954")}


def test_a_condition_that_is_no_sql_is_a_usage_error(reduced: Archive) -> None:
    said = reduced.iop4("phot", "--where", "no_such_column = 1", code=2)
    assert "no_such_column" in said.err and "Traceback" not in said.err


def test_a_condition_cannot_write(reduced: Archive) -> None:
    before = (reduced.root / "iop4.duckdb").read_bytes()
    reduced.iop4("phot", "-n", "--where", "true)); drop table frame; --", code=2)
    reduced.iop4("phot", "-n", "--where", f"true)); copy frame to '{reduced.root}/out.csv'; --", code=2)
    assert (reduced.root / "iop4.duckdb").read_bytes() == before
    assert not (reduced.root / "out.csv").exists()
