"""The Python API: what the commands do, without a word on the terminal."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from small_archives import NIGHT, SmallArchive

from iop4cli import Archive, Run, doctor, simulate_night
from iop4cli.api.drawing import _KINDS
from iop4cli.app import VERBS
from iop4cli.errors import NoSuchItem, StoreBusy, UsageError

FRAME = f"{NIGHT}/BLLac-0001R0.fit"


@pytest.fixture
def settings(small_archive: SmallArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment in which the commands of tests run."""
    for name, value in small_archive.environment().items():
        monkeypatch.setenv(name, value)
    # astropy warns of a settings folder that is named and not there; it is right to.
    Path(os.environ["XDG_CONFIG_HOME"]).mkdir(exist_ok=True)
    monkeypatch.delenv("IOP4_ARCHIVE", raising=False)


@pytest.fixture
def archive(small_archive: SmallArchive, settings: None) -> Archive:
    """The archive that all tests share."""
    return Archive(small_archive.root)


@pytest.fixture
def changed(small_archive: SmallArchive, settings: None, tmp_path: Path) -> Archive:
    """One of the test's own."""
    return Archive(small_archive.copy(tmp_path / "archive").root)


def python(code: str, **how: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, **how)


def test_the_package_is_light_until_the_api_is_asked_for() -> None:
    heavy = {"astropy", "duckdb", "numpy", "photutils", "polars", "textual", "typer"}
    code = (
        "import sys, iop4cli; a = set(sys.modules); from iop4cli import Archive; b = set(sys.modules); "
        "print(*sorted(m for m in a if m.startswith('iop4cli')), *sorted({m.split('.')[0] for m in b}), sep='\\n')"
    )
    loaded = python(code).stdout.split()
    assert loaded.count("iop4cli") == 2 and "iop4cli.api" not in loaded
    assert heavy.isdisjoint(loaded)


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    import iop4cli

    with pytest.raises(AttributeError, match="Archvie"):
        iop4cli.Archvie  # noqa: B018


def test_every_command_has_a_method_of_its_name_or_is_known_to_have_none() -> None:
    other_name = {"init": "create", "doctor": None, "simulate": None}
    of_the_terminal = {"watch", "tui", "demo", "serve"}
    missing = [
        verb.name
        for verb in VERBS
        if verb.name not in of_the_terminal
        and (name := other_name.get(verb.name, verb.name)) is not None
        and not hasattr(Archive, name)
    ]
    assert missing == []


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"iop4\.toml"):
        Archive(tmp_path)


def test_the_archive_is_found_like_a_repository(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(archive.path / "raw")
    assert Archive.find().path == archive.path


def test_a_new_archive_has_the_shipped_sources(tmp_path: Path, settings: None) -> None:
    made = Archive.create(tmp_path / "new", catalog=True)
    assert "2200+420" in made.catalog.list()["name"]
    assert made.results().is_empty() and "mag" in made.results().columns
    assert made.status().is_empty() and made.log().is_empty() and made.flags().is_empty()


def test_a_run_tells_what_became_of_each_item(archive: Archive) -> None:
    run = archive.run(jobs=1)
    assert isinstance(run, Run) and run.ok and run.exit_code == 0
    assert run.done == () and f"{NIGHT}/BLLac-0001R0.fit" in {row.name for row in run.current}
    # Both were found by the first run: they are told, and do not count.
    assert {row.name.rsplit("/", 1)[1] for row in (*run.failed, *run.impossible)} >= {
        "Cut-0001R.fit",
        "BLLac-0002V.fit",
    }
    assert not any(row.news for row in (*run.failed, *run.impossible))
    assert run.frame().height == len(run.rows)


def test_events_come_as_they_are_and_a_dry_run_writes_nothing(changed: Archive) -> None:
    events: list[Any] = []
    before = changed.runs().height
    run = changed.phot(params={"radius_fwhm": 2.0}, dry_run=True, on_event=events.append)
    assert [row.step for row in run.due] and {row.step for row in run.due} == {"phot"}
    assert [type(event).__name__ for event in events].count("Planned") >= 1
    assert [event.item for event in events if getattr(event, "status", "") == "due"] == [row.name for row in run.due]
    assert changed.runs().height == before and changed.phot(dry_run=True).due == ()


def test_a_step_goes_on_with_what_a_run_has_done(changed: Archive) -> None:
    reduced = changed.reduce(FRAME, force=True, jobs=1)
    assert [row.name for row in reduced.done] == [FRAME] and reduced.ok
    solved = changed.solve(reduced, jobs=1)
    assert [row.name for row in solved.done] == [FRAME]
    nothing = changed.phot(changed.reduce("OSN-T090/2022-09-08/Cut-0001R.fit", jobs=1), jobs=1)
    assert nothing.rows == ()
    assert changed.runs(lines=2)["command"].to_list()[0].startswith(f"Archive.reduce('{FRAME}', force=True")


def test_an_interrupted_run_records_what_is_finished(changed: Archive) -> None:
    done: list[str] = []

    def stop(event: Any) -> None:
        if getattr(event, "status", "") == "done":
            done.append(event.item)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        changed.reduce(force=True, executor="here", on_event=stop)
    last = changed.runs(lines=1).row(0, named=True)
    assert (last["n_done"], len(done)) == (1, 1)
    assert done[0] in changed.log(run="last")["item"].to_list()


def test_a_parameter_that_is_not_there_names_the_nearest(archive: Archive) -> None:
    with pytest.raises(UsageError, match="radius_fwhm"):
        archive.run(params={"phot.radius_fwmh": 2.0}, dry_run=True)
    with pytest.raises(UsageError, match="no such argument"):
        archive.phot(aperture=3)  # type: ignore[call-arg]


def test_a_busy_store_is_an_error_of_its_own(archive: Archive) -> None:
    from iop4cli.archive.lock import store_lock

    store = archive.opened().store.path
    with store_lock(store, shared=False, timeout_s=1), pytest.raises(StoreBusy):
        Archive(archive.path, lock_timeout_s=0.05).results()


def test_results_are_those_of_export(archive: Archive, small_archive: SmallArchive) -> None:
    found = archive.results(source="bl lac", mode="pol")
    told = small_archive.rows("export", "--source", "bl lac", "--mode", "pol", "--format", "ndjson")
    assert found["id"].to_list() == [row["id"] for row in told] and found.height == 1
    assert found["p"].to_list() == [row["p"] for row in told]
    assert (
        found.schema["mag"].is_float() and found.schema["quality"].is_integer() and found.schema["night"].is_temporal()
    )
    assert archive.results(targets=True, columns=["source"])["source"].unique().to_list() == ["2200+420"]
    with pytest.raises(UsageError, match="chi_deg"):
        archive.results(columns=["chi_dge"])
    with pytest.raises(NoSuchItem):
        archive.results("OSN-T090/2001-01-01")


@pytest.mark.parametrize("suffix", ["csv", "ecsv", "vot", "fits", "parquet", "md"])
def test_an_exported_file_is_that_of_the_command(
    archive: Archive, small_archive: SmallArchive, tmp_path: Path, suffix: str
) -> None:
    n_rows = archive.export(tmp_path / f"a.{suffix}", NIGHT, targets=True)
    assert small_archive.run("export", NIGHT, "--targets", "-o", str(tmp_path / f"b.{suffix}")).returncode == 0
    assert n_rows == 2
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_sql_keeps_types_and_names_apart(archive: Archive) -> None:
    found = archive.sql("select 1.5::double as a, null::date as a, 2 as b")
    assert found.columns == ["a", "a_2", "b"] and found.schema["a_2"].is_temporal()
    with pytest.raises(UsageError, match="not a question"):
        archive.sql("delete from flag")


def test_sql_may_write_if_it_is_told_to(changed: Archive) -> None:
    changed.sql("insert into note values ('x', 'text', 'me', timestamp '2022-09-08 00:00:00')", write=True)
    assert changed.sql("select text from note where name = 'x'")["text"].to_list() == ["text"]


def test_status_log_and_runs_are_what_the_commands_tell(archive: Archive, small_archive: SmallArchive) -> None:
    counts = archive.status().row(0, named=True)
    told = small_archive.rows("status", "--json")[0]
    assert {name: counts[name] for name in counts} == {name: told[name] for name in counts}
    why = archive.status(why=True)
    assert why["name"].to_list() == [row["name"] for row in small_archive.rows("status", "--why", "--json")]
    log = archive.log(level="error", step="classify")
    told_log = small_archive.rows("log", "--level", "error", "--step", "classify", "--json")
    assert log["message"].to_list() == [row["message"] for row in told_log] and log.height > 0
    assert archive.runs()["id"].to_list() == [row["id"] for row in small_archive.rows("log", "--runs", "--json")]


def test_show_is_the_document_of_the_command(archive: Archive, small_archive: SmallArchive) -> None:
    assert archive.show("BL Lac") == small_archive.rows("show", "BL Lac", "--json")[0]
    assert archive.show(FRAME)["frame"]["band"] == "R"
    with pytest.raises(NoSuchItem, match="one at a time"):
        archive.show(f"{NIGHT}/BLLac-*")


def test_flags_leave_results_out_until_they_are_taken_back(changed: Archive) -> None:
    ids = changed.results(source="BL Lac")["id"]
    assert changed.flag(ids, "clouds") == ids.to_list()
    assert changed.results(source="BL Lac").is_empty()
    assert changed.results(source="BL Lac", flagged=True)["flags"].to_list() == ["clouds"] * 2
    assert changed.flags()["reason"].to_list() == ["clouds"] * 2
    assert changed.flag([], "nothing") == []
    assert sorted(changed.unflag(ids)) == sorted(ids)
    assert changed.results(source="BL Lac").height == 2


@pytest.mark.night
def test_a_change_of_a_parameter_is_what_moved_the_results(archive: Archive, changed: Archive) -> None:
    assert archive.diff(archive, archive).is_empty()
    changed.run(params={"phot.radius_fwhm": 2.0}, jobs=1)
    moved = changed.diff(sigma=0.0)
    assert moved.height > 0 and all("radius_fwhm" in cause for cause in moved["causes"])


def _values(told: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(told), delimiter="\t"))


@pytest.mark.parametrize("kind", _KINDS)
def test_the_values_of_a_plot_are_those_of_the_command(
    archive: Archive, small_archive: SmallArchive, kind: str
) -> None:
    result = archive.results(mode="pol", targets=True)["id"][0]
    what = {"lightcurve": "BL Lac", "qu": "BL Lac", "finding": "BL Lac", "modulation": result, "sweep": result,
            "growth": FRAME, "astrometry": FRAME, "frame": FRAME}.get(kind)  # fmt: skip
    said = ["plot", kind, *([what] if what else [])]
    told = small_archive.run(*said)
    if told.returncode != 0:
        with pytest.raises(NoSuchItem):
            archive.plot(kind, what)
        return
    rows = _values(told.stdout)
    found = archive.plot(kind, what)
    assert found.columns == list(rows[0]) and found.height == len(rows)


def test_a_plot_is_drawn_to_a_file(archive: Archive, tmp_path: Path) -> None:
    archive.plot("lightcurve", "BL Lac", band="R", output=tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UsageError, match="lightcurve"):
        archive.plot("lightcurv", "BL Lac")
    with pytest.raises(UsageError, match="unwrap"):
        archive.plot("lightcurve", "BL Lac", unwarp=True)


def test_a_report_is_text_and_a_file(archive: Archive, tmp_path: Path) -> None:
    text = archive.report(NIGHT, output=tmp_path / "night.html")
    assert "2200+420" in text and (tmp_path / "night.html").read_text().startswith("<!DOCTYPE html>")
    assert archive.report(since="2030-01-01") == ""


def test_the_catalogue_is_changed_and_changed_back(changed: Archive, tmp_path: Path) -> None:
    before = changed.catalog.list()
    changed.catalog.add("OJ 287", ra=133.70365, dec=20.10851, kind="bllac", mags={"R": (14.5, 0.02)}, p=0.1)
    assert changed.catalog.list("OJ 287").row(0, named=True)["mags"] == "R=14.5"
    with pytest.raises(UsageError, match="already"):
        changed.catalog.add("OJ287", ra=1.0, dec=1.0)
    changed.catalog.export(tmp_path / "a.ecsv")
    changed.catalog.rename("OJ 287", "0851+202")
    changed.catalog.remove("0851+202")
    with pytest.raises(UsageError, match="calibrates"):
        changed.catalog.remove("2200+420")
    assert changed.catalog.list().equals(before)
    assert (
        changed.catalog.import_(tmp_path / "a.ecsv") is not None
        and changed.catalog.import_(tmp_path / "a.ecsv") is None
    )
    changed.catalog.undo()
    assert changed.catalog.list().equals(before)
    assert changed.catalog.log("OJ 287")["what"].to_list()[:2] == ["add", "rename OJ 287 to 0851+202"]


def test_checks_of_the_catalogue_are_those_of_the_commands(archive: Archive, small_archive: SmallArchive) -> None:
    told = [json.loads(line) for line in small_archive.run("catalog", "check", "--json").stdout.splitlines()]
    assert archive.catalog.check().height == len(told)
    assert archive.catalog.health().height == len(small_archive.rows("catalog", "health", "--json"))


def test_an_exposure_is_planned_as_the_command_plans_it(archive: Archive, small_archive: SmallArchive) -> None:
    words = ("catalog", "exposure", "BL Lac", "--instrument", "AndorT90", "--snr", "200", "--json")
    assert archive.catalog.exposure("BL Lac", "AndorT90", snr=200.0) == pytest.approx(small_archive.rows(*words)[0])
    with pytest.raises(UsageError, match="snr or"):
        archive.catalog.exposure("BL Lac", "AndorT90")


def test_an_exported_calibration_is_that_of_the_command(
    archive: Archive, small_archive: SmallArchive, tmp_path: Path
) -> None:
    archive.calib.export(tmp_path / "one.ecsv", "CAFOS, R")
    done = small_archive.run("calib", "export", "CAFOS, R", "--format", "ecsv")
    assert (tmp_path / "one.ecsv").read_text() == done.stdout != ""


def test_calibrations_are_listed_and_shown(archive: Archive) -> None:
    name = archive.results(mode="pol")["calibration"][0]
    assert name in archive.calib.list(instrument="AndorT90", band="R")["name"]
    assert archive.calib.show(name)["used_by"][0]["source"]
    with pytest.raises(NoSuchItem, match="standard"):
        archive.calib.fit("AndorT90")


def test_people_have_the_last_word_on_masters(changed: Archive) -> None:
    masters = changed.masters.list()
    flat = next(name for name in masters["name"] if "/flat-" in name and "-R-" in name)
    assert changed.masters.reject(flat) == (flat,)
    assert [row.name for row in changed.mkmaster(dry_run=True).due] == [flat]
    changed.masters.unsay(flat)
    assert changed.mkmaster(dry_run=True).due == ()
    with pytest.raises(UsageError, match="not a master"):
        changed.masters.accept(FRAME)


def test_a_header_that_lies_is_put_right(changed: Archive) -> None:
    run = changed.classify(FRAME, set={"band": "V"}, jobs=1)
    assert [row.name for row in run.done] == [FRAME]
    assert changed.show(FRAME)["frame"]["band"] == "V"


def test_index_files_cover_what_they_cover(archive: Archive) -> None:
    assert set(archive.index.list()["status"]) == {"ok"}
    covered = archive.index.coverage(sources=["BL Lac"], instruments=["AndorT90"])
    assert covered["status"].to_list() == ["covered"]
    assert archive.index.needs(sources=["BL Lac"], instruments=["AndorT90"], scales="0").height > 0


def test_fetched_frames_are_there_once(changed: Archive, tmp_path: Path) -> None:
    fresh = Archive.create(tmp_path / "fresh")
    assert set(fresh.fetch(changed.path / "raw")["status"]) == {"done"}
    assert set(fresh.fetch(changed.path / "raw")["status"]) == {"current"}
    with pytest.raises(UsageError, match="no such file"):
        fresh.fetch(tmp_path / "nothing")


def test_the_set_up_is_checked_and_told(archive: Archive) -> None:
    checks = doctor(archive.path)
    assert set(checks["status"]) <= {"ok", "warning"} and "store" in checks["check"]
    assert "phot.radius_fwhm" in archive.settings()["name"]


def test_a_simulated_night_says_what_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="choose from"):
        simulate_night(tmp_path, bands=("Y",))


def test_nothing_is_printed(archive: Archive, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from iop4cli.shell import messages

    talkative = messages._verbosity
    archive.run(dry_run=True)
    archive.run(jobs=1)
    archive.results()
    archive.export(tmp_path / "a.csv")
    archive.status(why=True)
    archive.plot("lightcurve", "BL Lac")
    archive.report(output=tmp_path / "a.md")
    archive.index.coverage()
    archive.diff(archive, archive)
    assert capfd.readouterr() == ("", "")
    assert messages._verbosity == talkative


@pytest.mark.night
def test_a_script_needs_no_guard_to_use_several_processes(changed: Archive, tmp_path: Path) -> None:
    """Python would run such a script again in each process that it starts."""
    script = tmp_path / "script.py"
    script.write_text(
        "from iop4cli import Archive\n"
        f"run = Archive({str(changed.path)!r}).reduce(force=True, jobs=2)\n"
        "print(len(run.done), run.exit_code)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.stderr) == ("5 0\n", "")
