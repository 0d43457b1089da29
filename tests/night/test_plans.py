"""What changed makes exactly its descendants due; nothing else is done again, and a dry run says why."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from iop4cli.archive.catalog_store import read_sources, write_sources
from iop4cli.archive.people import add_flags
from iop4cli.share import share_dir
from iop4cli.strict_toml import FrozenTable
from tests.night.archives import INDEX, Archive, environment

pytestmark = pytest.mark.night

EPOCH = "OSN-T090/2022-03-10"
# The two targets of the night: their frames begin with, and a star that calibrates the first.
FIRST, SECOND = "S40954+65", "S50716+71"
STAR = "S4 0954+65 3"
N_LIGHTS, N_PHOTOMETRIC, N_GROUPS = 10, 2, 2


def change(archive: Archive, name: str, **changes: object) -> None:
    """Change an entry of the catalogue as `iop4 catalog import` would."""
    [source] = [source for source in read_sources(archive.store) if source.name == name]
    write_sources(archive.store, [dataclasses.replace(source, **changes)])


def instrument_with(archive: Archive, old: str, new: str) -> None:
    """Give the archive its own file of the instrument, changed in one place."""
    text = (share_dir() / "instruments" / "andor_t90.toml").read_text(encoding="utf-8")
    assert text.count(old) == 1
    (archive.root / "instruments" / "andor_t90.toml").write_text(text.replace(old, new), encoding="utf-8")


def counts(due: dict[str, dict[str, str]]) -> dict[str, int]:
    return {step: len(items) for step, items in due.items()}


def run_does_what_was_planned(archive: Archive, *arguments: str) -> None:
    """`run` does just what its dry run had said, and then there is nothing left."""
    planned = {(step, item) for step, items in archive.due(*arguments).items() for item in items}
    done = archive.iop4("run", "-j1", "--json", *arguments).rows
    assert {(row["step"], row["name"]) for row in done if row["status"] == "done"} == planned
    assert archive.due(*arguments) == {}


def test_a_second_run_does_nothing_and_says_so(reduced: Archive) -> None:
    """And so it is in an archive that was moved."""
    before = reduced.files()
    said = reduced.iop4("run")
    assert (said.out, said.err) == ("", "nothing due\n")
    assert reduced.files() == before


def test_a_changed_parameter_makes_its_step_and_what_rests_on_it_due(reduced: Archive) -> None:
    before = (reduced.root / "iop4.duckdb").read_bytes()
    due = reduced.due("--param", "phot.radius_fwhm=2.0")
    assert counts(due) == {"phot": N_LIGHTS, "pol": N_GROUPS, "correct": 1}
    assert set(due["phot"].values()) == {"changed: parameter radius_fwhm (1.2 -> 2.0)"}
    assert set(due["pol"].values()) == {"phot is due"}
    assert (reduced.root / "iop4.duckdb").read_bytes() == before
    assert reduced.due() == {}


def test_a_dry_run_on_a_terminal_pipe_is_step_item_and_why(reduced: Archive) -> None:
    said = reduced.iop4("run", "-n", "--param", "correct.clouds_mag=0.5")
    assert [line.split("\t") for line in said.lines] == [
        ["correct", f"{EPOCH}/results", "changed: parameter clouds_mag (0.3 -> 0.5)"]
    ]


def test_a_parameter_in_the_settings_of_the_archive_is_as_good(reduced: Archive) -> None:
    (reduced.root / "iop4.toml").write_text("[pol]\nmin_stars = 4\n", encoding="utf-8")
    due = reduced.due()
    assert counts(due) == {"pol": N_GROUPS, "correct": 1}
    assert set(due["pol"].values()) == {"changed: parameter min_stars (3 -> 4)"}
    run_does_what_was_planned(reduced)


def test_a_dry_run_of_a_raw_night_plans_all_of_it_and_writes_nothing(raw: Archive) -> None:
    before = raw.files()
    due = raw.due()
    assert raw.files() == before
    n_flats, n_bias = 15, 3
    assert counts(due) == {
        "classify": N_LIGHTS + n_flats + n_bias, "mkmaster": 6, "reduce": N_LIGHTS, "solve": N_LIGHTS,
        "phot": N_LIGHTS, "pol": N_GROUPS, "correct": 1,
    }  # fmt: skip


def test_a_changed_magnitude_of_a_star_touches_only_the_field_of_that_star(reduced: Archive) -> None:
    before = reduced.results()
    [source] = [source for source in read_sources(reduced.store) if source.name == STAR]
    mag, error = source.mags["R"]
    change(reduced, STAR, mags=FrozenTable(source.mags | {"R": (mag + 0.05, error)}))
    due = reduced.due()
    assert list(due["phot"]) == [f"{EPOCH}/{FIRST}-0001R.fit"]
    assert [name.split("/")[-1][:12] for name in due["pol"]] == ["pol-0954+658"]
    assert {why for step in ("phot", "pol") for why in due[step].values()} == {"changed: magnitudes"}
    assert counts(due) == {"phot": 1, "pol": 1, "correct": 1}
    run_does_what_was_planned(reduced)
    after = reduced.results()
    assert set(after) == set(before)
    changed = {row["source"] for name, row in after.items() if row["mag"] != before[name]["mag"]}
    assert "0954+658" in changed
    assert not any("0716" in source for source in changed)


def test_a_magnitude_in_a_band_that_was_not_used_changes_nothing(reduced: Archive) -> None:
    [source] = [source for source in read_sources(reduced.store) if source.name == STAR]
    change(reduced, STAR, mags=FrozenTable(source.mags | {"I": (12.0, 0.1)}))
    assert reduced.due() == {}


def test_a_source_elsewhere_on_the_sky_changes_nothing(reduced: Archive) -> None:
    [source] = [source for source in read_sources(reduced.store) if source.name == STAR]
    far = dataclasses.replace(source, name="far", ra_deg=10.0, dec_deg=-30.0, calibrates=(), other_names=())
    write_sources(reduced.store, [far])
    assert reduced.due() == {}


def test_a_renamed_source_gives_its_frames_the_new_name(reduced: Archive) -> None:
    [source] = [source for source in read_sources(reduced.store) if source.name == "0954+658"]
    removed = "; ".join(
        f"delete from {table} where {column} = '0954+658'"
        for table, column in (("source", "name"), ("source_mag", "source"), ("calibrates", "calibrator"))
    )
    reduced.store.write([], f"update calibrates set target = 'W 1' where target = '0954+658'; {removed};")
    write_sources(reduced.store, [dataclasses.replace(source, name="W 1")])
    due = reduced.due()
    assert len(due["classify"]) == 5 and set(due["classify"].values()) == {"changed: target"}
    assert all(FIRST in name for name in due["classify"])
    assert not any(SECOND in name or "0716" in name for step in due for name in due[step])
    assert not set(due) & {"mkmaster", "reduce", "solve"}
    reduced.iop4("run", "-j1")
    assert {row["target"] for row in reduced.sql("select target from frame where kind = 'light'")} == {
        "W 1", "0716+714",
    }  # fmt: skip
    measured = {row["source"]: row["mag"] for row in reduced.results().values()}
    assert measured["W 1"] is not None and "0954+658" not in measured
    assert reduced.due() == {}


def test_another_name_for_the_same_source_changes_nothing(reduced: Archive) -> None:
    change(reduced, "0954+658", other_names=("S4 0954+65", "S4 0954+658", "one more"))
    assert reduced.due() == {}


def test_a_changed_calibration_touches_polarimetry_alone(reduced: Archive) -> None:
    before = reduced.results()
    instrument_with(reduced, "zero_angle_deg = -18.0", "zero_angle_deg = -17.0")
    due = reduced.due()
    assert counts(due) == {"pol": N_GROUPS, "correct": 1}
    assert set(due["pol"].values()) == {"changed: calibration"}
    run_does_what_was_planned(reduced)
    for name, row in reduced.results().items():
        if row["mode"] == "pol":
            turned = (row["chi_deg"] - before[name]["chi_deg"] + 90) % 180 - 90
            assert turned == pytest.approx(1.0, abs=1e-6)
        else:
            assert row == before[name]


def test_a_changed_gain_makes_masters_and_all_after_them_due(reduced: Archive) -> None:
    instrument_with(reduced, "gain_e_per_adu = 4.5", "gain_e_per_adu = 4.6")
    due = reduced.due()
    assert set(due) - {"classify"} == {"mkmaster", "reduce", "solve", "phot", "pol", "correct"}
    assert counts(due)["mkmaster"] == 6 and counts(due)["phot"] == N_LIGHTS
    assert set(due["mkmaster"].values()) >= {"changed: detector"}
    run_does_what_was_planned(reduced)


def test_another_flat_makes_that_flat_and_its_frames_due(reduced: Archive) -> None:
    folder = reduced.root / "raw" / EPOCH
    _another(folder / "Flat-0001R45.fit", folder / "Flat-0004R45.fit")
    due = reduced.due()
    assert list(due["classify"]) == [f"{EPOCH}/Flat-0004R45.fit"]
    assert [name.split("/")[-1] for name in due["mkmaster"]] == ["flat-AndorT90-R-+45deg-700x700"]
    frames = [f"{EPOCH}/{FIRST}-0001R45.fit", f"{EPOCH}/{SECOND}-0001R45.fit"]
    assert sorted(due["reduce"]) == sorted(due["solve"]) == frames
    # The frames of a group share one aperture, so that the mates are measured anew.
    assert len(due["phot"]) == N_LIGHTS - N_PHOTOMETRIC
    assert all(not name.endswith("R.fit") for name in due["phot"])
    assert counts(due)["pol"] == N_GROUPS
    reduced.iop4("run", "-j1")
    assert reduced.due() == {}
    [master] = reduced.sql("select n_frames from master where kind = 'flat' and angle_deg = 45")
    assert master["n_frames"] == 4
    masters = [path.name for path in (reduced.root / "master" / EPOCH).iterdir()]
    assert len(masters) == 6  # the file of the old one is gone


def _another(source: Path, to: Path) -> None:
    """A calibration frame like another, but for its noise."""
    import numpy as np
    from astropy.io import fits

    with fits.open(source) as hdus:
        counts = hdus[0].data.astype(float)
        noise = np.random.default_rng(1).normal(0.0, 30.0, counts.shape)
        hdus[0].data = np.clip(np.rint(counts + noise), 0, 65535).astype(np.uint16)
        hdus[0].writeto(to)


def test_another_index_file_makes_solve_and_what_rests_on_it_due(reduced: Archive, tmp_path: Path) -> None:
    other = tmp_path / "index"
    shutil.copytree(INDEX, other)
    assert reduced.due("--param", f"solve.index_path={other}") == {}  # the same files elsewhere
    largest = max(other.iterdir(), key=lambda path: path.name)
    largest.rename(other / "index-9899.fits")
    said = reduced.iop4("run", "-n", "--json", IOP4_INDEX_PATH=str(other)).rows
    due: dict[str, set[str]] = {}
    for row in said:
        due.setdefault(row["step"], set()).add(row["reason"])
    assert set(due) == {"solve", "phot", "pol", "correct"}
    assert due["solve"] == {"changed: index files"}


def test_flags_of_people_survive_a_forced_run_and_show_in_the_results(reduced: Archive) -> None:
    before = reduced.results()
    flagged = sorted(before)[:2]
    add_flags(reduced.store, flagged, "a satellite", "ana")
    reduced.iop4("run", "--force", "-j2")
    after = reduced.results()
    assert set(after) == set(before)
    assert {name: row["flags"] for name, row in after.items() if row["flags"]} == dict.fromkeys(flagged, "a satellite")


def test_a_forced_run_gives_the_same_numbers(reduced: Archive) -> None:
    before = reduced.results()
    reduced.iop4("run", "--force", "-j1")
    assert reduced.results() == before


def test_one_step_can_be_forced_on_one_frame(reduced: Archive) -> None:
    frame = f"{EPOCH}/{FIRST}-0001R.fit"
    stamp = {name: row["updated"] for name, row in reduced.items("phot").items()}
    said = reduced.iop4("phot", "--force", frame)
    assert said.lines == [frame]
    now = {name: row["updated"] for name, row in reduced.items("phot").items()}
    assert {name for name in now if now[name] != stamp[name]} == {frame}
    # The same inputs gave the same key: nothing that rests on it is due.
    assert reduced.due() == {}


def test_a_reduced_file_that_was_lost_is_made_again_with_its_coordinates(reduced: Archive) -> None:
    from astropy.io import fits

    before = reduced.results()
    path = reduced.root / "reduced" / EPOCH / f"{FIRST}-0001R0.fit"
    header = fits.getheader(path)
    path.unlink()
    due = reduced.due()
    assert due["reduce"] == {f"{EPOCH}/{FIRST}-0001R0.fit": "its file is gone"}
    assert list(due["solve"]) == list(due["reduce"])
    reduced.iop4("run", "-j1")
    again = fits.getheader(path)
    for keyword in ("CTYPE1", "CRVAL1", "CRPIX1", "CD1_1", "IOP4 KEY"):
        assert again[keyword] == header[keyword]
    assert reduced.due() == {}
    assert reduced.results() == before


def test_a_master_file_that_was_lost_is_made_again(reduced: Archive) -> None:
    [row] = reduced.sql("select name, path from master where kind = 'bias'")
    (reduced.root / row["path"]).unlink()
    assert reduced.due()["mkmaster"][row["name"]] == f"its file {row['path']} is gone"
    reduced.iop4("run", "-j1")
    assert (reduced.root / row["path"]).is_file()
    assert reduced.due() == {}


def test_a_raw_frame_that_was_touched_is_looked_at_and_nothing_more(reduced: Archive) -> None:
    """The checksum is the frame's key; the time of change only tells when to take it again."""
    path = reduced.root / "raw" / EPOCH / f"{FIRST}-0001R.fit"
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 10**9))
    done = reduced.iop4("run", "-j1", "--json").rows
    assert [(row["step"], row["name"]) for row in done] == [("classify", f"{EPOCH}/{FIRST}-0001R.fit")]
    assert reduced.due() == {}


def test_a_frame_that_turns_out_to_be_something_else_leaves_no_result(reduced: Archive) -> None:
    frame = f"{EPOCH}/{FIRST}-0001R.fit"
    assert any(row["origin"] == frame for row in reduced.results().values())
    reduced.iop4("classify", "--set", "kind=dark", frame)
    reduced.iop4("run", "-j1", code=3)  # one dark is too few for a master, and is told
    assert not any(row["origin"] == frame for row in reduced.results().values())
    assert not (reduced.root / "reduced" / EPOCH / f"{FIRST}-0001R.fit").exists()
    reduced.iop4("classify", "--set", "kind=", frame)
    reduced.iop4("run", "-j1")
    assert any(row["origin"] == frame for row in reduced.results().values())


@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
def test_a_terminated_run_keeps_what_was_finished_and_the_next_one_completes(
    raw: Archive, reduced_night: Archive, jobs: str
) -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "iop4cli", "run", jobs, "--json"], cwd=raw.root, env=environment(raw.root),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert run.stdout is not None
        seen = iter(run.stdout.readline, "")
        first = next(row for row in map(json.loads, seen) if row["step"] == "reduce")
        run.send_signal(signal.SIGTERM)
        out, err = run.communicate(timeout=120)
    finally:
        run.kill()
    assert run.returncode == 143, err
    assert "what was finished is recorded" in err
    assert "Traceback" not in err
    assert raw.items("mkmaster").keys() == reduced_night.items("mkmaster").keys()
    announced = {row["name"] for row in map(json.loads, out.splitlines()) if row["step"] == "reduce"}
    assert announced | {first["name"]} <= set(raw.items("reduce"))
    assert raw.items("correct") == {}
    again = raw.iop4("run", "-j2", "--json").rows
    done = {(row["step"], row["name"]) for row in again if row["status"] == "done"}
    assert not {step for step, _ in done} & {"classify", "mkmaster"}
    assert ("reduce", first["name"]) not in done
    assert raw.results() == reduced_night.results()
    assert list(raw.root.rglob("*.part")) == []


def test_a_reader_who_leaves_is_no_error(raw: Archive) -> None:
    said = raw.shell("iop4 classify --json | head -1; iop4 run -n | head -1; iop4 --help | head -1")
    assert said.err.replace("nothing due\n", "") == "" or "Traceback" not in said.err
    assert len(said.lines) == 3
    piped = raw.shell("{ iop4 run -j1 2>err; echo $? >code; } | head -1")
    assert piped.lines != []
    assert (raw.root / "code").read_text().strip() == "0"
    assert "Traceback" not in (raw.root / "err").read_text()
    assert len(raw.items("correct")) == 1  # the work went on to its end


def test_two_runs_at_once_end_as_one(raw: Archive, reduced_night: Archive) -> None:
    """They share the work (tests/night/test_nights_shared.py), and the results are those of one run."""
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "iop4cli", "run", "-j1"], cwd=raw.root, env=environment(raw.root),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    said = [run.communicate(timeout=600)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert raw.due() == {}
    assert raw.results() == reduced_night.results()
