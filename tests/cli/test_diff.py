"""iop4 diff: which results moved between two runs or two archives, how far, and what did it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_archives import NIGHT, SmallArchive

from iop4cli.archive.catalog_store import read_sources, write_sources
from iop4cli.archive.store import Store
from iop4cli.pipeline.steps.phot import STEP as PHOT
from iop4cli.strict_toml import FrozenTable

pytestmark = pytest.mark.night

STAR = "BL Lacertae C"
RADIUS = f"phot.radius_fwhm {PHOT.parameter('radius_fwhm').default} -> 2.0"
PHOTOMETRIC = f"{NIGHT}/BLLac-0001R.fit"


def again(archive: SmallArchive, *arguments: str) -> None:
    done = archive.run("run", "-j", "1", *arguments)
    assert done.returncode in {0, 3}, done.stderr


def causes(row: dict[str, Any]) -> list[str]:
    return [cause["text"] for cause in row["causes"]]


def exported(archive: SmallArchive) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in archive.rows("export", "--flagged", "--format", "ndjson")}


@pytest.fixture(scope="module")
def wider(small_archive: SmallArchive, module_folder: Callable[[str], Path]) -> SmallArchive:
    """The small archive after another run with a wider aperture; not to be changed."""
    archive = small_archive.copy(module_folder("wider") / "archive")
    again(archive, "--param", "phot.radius_fwhm=2.0")
    return archive


def test_each_result_is_told_with_its_numbers_and_the_parameter(
    small_archive: SmallArchive, wider: SmallArchive
) -> None:
    """The numbers before are those of the archive that was never run again."""
    before, after = exported(small_archive), exported(wider)
    rows = wider.rows("diff", "--all", "--json")
    assert {row["id"] for row in rows} == {name for name in after if after[name]["mag"] != before[name]["mag"]}
    assert len(rows) == len(after)
    for row in rows:
        assert causes(row) == [RADIUS]
        for name, change in row["changes"].items():
            assert (change["before"], change["after"]) == (before[row["id"]][name], after[row["id"]][name])


def test_how_far_is_in_errors_of_the_first(wider: SmallArchive) -> None:
    rows = wider.rows("diff", "--all", "--json")
    for row in rows:
        for change in row["changes"].values():
            error, other = change["error_before"], change["error_after"]
            assert change["in_errors"] == pytest.approx(change["difference"] / error)
            assert change["in_both_errors"] == pytest.approx(change["difference"] / math.hypot(error, other))
            assert change["n_sigma"] == change["in_errors"]
    moved = {row["id"] for row in rows if max(abs(c["n_sigma"]) for c in row["changes"].values()) > 0.3}
    assert 0 < len(moved) < len(rows)
    said = wider.rows("diff", "--sigma", "0.3", "--json")
    assert {row["id"] for row in said} == moved and {row["status"] for row in said} == {"moved"}
    assert [abs(row["n_sigma"]) for row in said] == sorted((abs(row["n_sigma"]) for row in said), reverse=True)


def test_runs_are_named_by_letters_or_counted_from_the_last(wider: SmallArchive) -> None:
    first, second = (row["id"] for row in wider.rows("log", "--runs", "--json"))
    usual = wider.run("diff", "--all").stdout
    for names in (("last-1", "last"), ("@-1", "@"), (first,), (first[:-1], second)):
        assert wider.run("diff", *names, "--all").stdout == usual, names
    assert wider.run("diff", second, second, "--all").stdout.splitlines()[1:] == []


def test_the_other_way_round_is_the_same_with_its_sign(wider: SmallArchive) -> None:
    forth = {row["id"]: row["changes"] for row in wider.rows("diff", "--all", "--json")}
    back = {row["id"]: row["changes"] for row in wider.rows("diff", "last", "last-1", "--all", "--json")}
    assert forth.keys() == back.keys()
    for name, changes in forth.items():
        for quantity, change in changes.items():
            assert back[name][quantity]["difference"] == pytest.approx(-change["difference"], rel=1e-9)


def test_two_archives_are_compared_as_they_are(small_archive: SmallArchive, wider: SmallArchive) -> None:
    root = str(small_archive.root)
    of_runs, of_archives = (
        {row["id"]: (row["changes"], row["causes"]) for row in wider.rows("diff", *names, "--all", "--json")}
        for names in ((), (root, str(wider.root)))
    )
    assert of_archives == of_runs
    here = small_archive.rows("diff", str(wider.root), "--all", "--json")  # this archive and that one
    assert {row["id"]: (row["changes"], row["causes"]) for row in here} == of_runs
    assert small_archive.run("diff", root, root, "--all").stdout.splitlines()[1:] == []


def test_results_are_chosen_as_in_other_verbs(wider: SmallArchive) -> None:
    everything = wider.rows("diff", "--all", "--json")
    for option, value, column, wanted in (
        ("--source", "BL Lac", "source", "2200+420"), ("--mode", "phot", "mode", "phot"),
        ("--band", "r", "band", "R"), ("--instrument", "andort90", "instrument", "AndorT90"),
    ):  # fmt: skip
        rows = wider.rows("diff", "--all", "--json", option, value)
        assert rows == [row for row in everything if row[column] == wanted] != []
    assert wider.rows("diff", "--all", "--json", "--since", "2022-09-09") == []


@pytest.mark.night
def test_the_same_again_is_no_difference_and_flags_stay(small_archive: SmallArchive, tmp_path: Path) -> None:
    archive = small_archive.copy(tmp_path / "archive")
    before = exported(archive)
    again(archive, "--force")
    done = archive.run("diff", "--all")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1
    assert f"no difference in {len(before)} results" in done.stderr
    name = min(before)
    archive.run("flag", "add", name, "--reason", "a satellite")
    again(archive, "--param", "phot.radius_fwhm=2.0")
    (row,) = [row for row in archive.rows("diff", "--all", "--json") if row["id"] == name]
    assert row["other_columns"]["flags"] == {"before": None, "after": "a satellite"}
    assert causes(row) == ["flags of people", RADIUS]
    assert exported(archive)[name]["flags"] == "a satellite"


def test_a_calibrator_is_named_with_its_magnitudes(small_archive: SmallArchive, tmp_path: Path) -> None:
    archive = small_archive.copy(tmp_path / "archive")
    store = Store(archive.root / "iop4.duckdb")
    [star] = [source for source in read_sources(store) if source.name == STAR]
    mag, error = star.mags["R"]
    # Less than the catalogue's error, so that the zero point does not do without the star.
    fainter = dataclasses.replace(star, mags=FrozenTable(star.mags | {"R": (mag + 0.03, error)}))
    write_sources(store, [fainter])
    again(archive)
    rows = archive.rows("diff", "--all", "--json")
    assert {row["mode"] for row in rows if row["source"] == "2200+420"} == {"phot", "pol"}
    said = f"calibrator {STAR} {mag:g} +- {error:g} -> {mag + 0.03:g} +- {error:g}"
    assert {tuple(causes(row)) for row in rows} == {(said,)}
    assert STAR not in {row["source"] for row in rows}  # no star calibrates itself
    write_sources(store, [dataclasses.replace(fainter, calibrates=())])
    again(archive)
    for row in archive.rows("diff", "--all", "--source", "BL Lac", "--json"):
        assert causes(row) == [f"calibrator {STAR} dropped"]


def test_other_photons_are_measured_by_both_errors(small_archive: SmallArchive, tmp_path: Path) -> None:
    import numpy as np
    from astropy.io import fits

    archive = small_archive.copy(tmp_path / "archive")
    path = archive.root / "raw" / PHOTOMETRIC
    with fits.open(path) as hdus:
        counts = hdus[0].data.astype(float)
        noise = np.random.default_rng(1).normal(0.0, 30.0, counts.shape)
        hdus[0].data = np.clip(np.rint(counts + noise), 0, 65535).astype(np.uint16)
        hdus.writeto(path, overwrite=True)
    again(archive)
    rows = archive.rows("diff", "--all", "--json", "--mode", "phot")
    assert len(rows) == 4
    for row in rows:
        assert {"text": "raw frame is another one", "item": PHOTOMETRIC} in row["causes"] and row["independent_data"]
        assert all(change["n_sigma"] == change["in_both_errors"] for change in row["changes"].values())
    assert archive.rows("diff", "--all", "--json", "--mode", "pol", "--sigma", "0") == []


@pytest.mark.night
def test_results_that_went_and_came_are_told_with_the_reason(small_archive: SmallArchive, tmp_path: Path) -> None:
    archive = small_archive.copy(tmp_path / "archive")
    archive.run("classify", "--set", "kind=dark", PHOTOMETRIC)
    again(archive)
    archive.run("classify", "--set", "kind=", PHOTOMETRIC)
    again(archive)
    first, _, without, _, last = (row["id"] for row in archive.rows("log", "--runs", "--json"))
    gone = archive.rows("diff", first, without, "--json", "--mode", "phot")
    came = archive.rows("diff", without, last, "--json", "--mode", "phot")
    assert {row["status"] for row in gone} == {"gone"} and {row["status"] for row in came} == {"new"}
    assert {row["id"] for row in gone} == {row["id"] for row in came} and len(gone) == 4
    assert {tuple(causes(row)) for row in gone} == {("its frames are not there any more, or are something else",)}
    assert {tuple(causes(row)) for row in came} == {("its frames were not there, or were something else",)}
    assert archive.rows("diff", first, last, "--json", "--all", "--mode", "phot") == []


def test_a_pipe_gets_one_line_a_result_and_json_goes_on_to_show(wider: SmallArchive) -> None:
    lines = [line.split("\t") for line in wider.run("diff", "--all").stdout.splitlines()]
    assert {len(line) for line in lines} == {len(lines[0])}
    assert {dict(zip(lines[0], line, strict=True))["causes"] for line in lines[1:]} == {RADIUS}
    rows = wider.run("diff", "--all", "--json").stdout
    documents = wider.rows("show", "-", "--json", stdin=rows)
    assert [document["name"] for document in documents] == [line[lines[0].index("id")] for line in lines[1:]]


def test_show_tells_the_history_of_a_number(small_archive: SmallArchive, wider: SmallArchive) -> None:
    (row,) = wider.rows("export", "--source", "BL Lac", "--mode", "pol", "--format", "ndjson")
    before = exported(small_archive)[row["id"]]
    (document,) = wider.rows("show", row["id"], "--json")
    runs = [run["id"] for run in wider.rows("log", "--runs", "--json")]
    past = document["past"]
    assert [one["run"] for one in past] == runs
    assert [one["mag"] for one in past] == [before["mag"], row["mag"]]
    assert [one["changed"] for one in past] == [[], [RADIUS]]
    assert past[0]["until"] == past[1]["made"] and past[1]["until"] is None
    assert f"{100 * before['p']:.3f} +- {100 * before['p_err']:.3f}" in wider.run("show", row["id"]).stdout


@pytest.mark.parametrize(
    ("names", "code", "said"),
    [
        (("nonesuch",), 4, "log --runs"),
        (("last-7", "last"), 4, "2 on record"),
        (("2",), 2, "may be"),
        (("a", "b", "c"), 2, "not 3"),
        (("/nowhere", "last"), 2, "is not an archive"),
        (("--mode", "image"), 2, "phot or pol"),
    ],
)
def test_what_means_nothing_is_an_error(wider: SmallArchive, names: tuple[str, ...], code: int, said: str) -> None:
    done = wider.run("diff", *names)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_one_run_is_nothing_to_compare(small_archive: SmallArchive) -> None:
    done = small_archive.run("diff")
    assert done.returncode == 4 and "fewer than two runs" in done.stderr
