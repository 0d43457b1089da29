"""iop4 show: the whole lineage of a thing, for people and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_archives import NIGHT, SmallArchive

FRAME = f"{NIGHT}/BLLac-0001R0.fit"


def shown(archive: SmallArchive, name: str) -> dict[str, Any]:
    (document,) = archive.rows("show", name, "--json")
    return document


def blazar_pol(archive: SmallArchive) -> dict[str, Any]:
    (row,) = archive.rows("export", "--source", "BL Lac", "--mode", "pol", "--format", "ndjson")
    return row


def test_a_frame_tells_facts_masters_solution_apertures_results_and_steps(
    small_archive: SmallArchive,
) -> None:
    document = shown(small_archive, FRAME)
    assert (document["name"], document["what"]) == (FRAME, "frame")
    assert document["frame"]["target"] == "2200+420" and len(document["frame"]["checksum"]) == 64
    assert (small_archive.root / document["file"]).is_file()
    assert (small_archive.root / document["reduced"]["path"]).is_file()
    assert {master["kind"] for master in document["masters"]} == {"bias", "flat"}
    assert document["wcs"][0]["n_matched"] >= 4
    sources = {row["source"] for row in document["apertures"]}
    assert "2200+420" in sources and len(sources) == 4
    assert {row["source"] for row in document["results"]} == sources
    phot = next(step for step in document["steps"] if step["step"] == "phot")
    assert phot["parameters"]["radius_fwhm"] == 1.2 and phot["command"].startswith("iop4 run")


def test_a_master_tells_its_frames_and_what_was_reduced_with_it(small_archive: SmallArchive) -> None:
    flat = next(m["taken"] for m in shown(small_archive, FRAME)["masters"] if m["kind"] == "flat")
    document = shown(small_archive, flat)
    assert document["what"] == "master" and document["reduced_with_it"] == [FRAME]
    assert [row["used"] for row in document["frames"]] == [True] * 3
    bias = shown(small_archive, document["master"]["bias"])
    assert flat in bias["masters_made_with_it"]
    assert bias["master"]["read_noise_e"] > 0


def test_a_result_tells_its_frames_calibrators_and_calibration(small_archive: SmallArchive) -> None:
    row = blazar_pol(small_archive)
    document = shown(small_archive, row["id"])
    assert document["result"] == row
    assert sorted(frame["angle_deg"] for frame in document["frames"]) == [-45, 0, 45, 90]
    assert all(frame["transparency"] > 0 and frame["flat"] for frame in document["frames"])
    assert len(document["calibrators"]) == row["n_calibrators"]
    assert document["calibration"]["name"] == row["calibration"] and document["calibration"]["q_inst_err"] > 0
    assert "; ".join(document["quality"]) == (row["quality_text"] or "")


def test_a_group_tells_its_frames_and_results(small_archive: SmallArchive) -> None:
    row = blazar_pol(small_archive)
    document = shown(small_archive, row["origin"])
    assert document["what"] == "group" and len(document["frames"]) == 4
    assert row["id"] in {result["id"] for result in document["results"]}


@pytest.mark.parametrize("name", ["2200+420", "BL Lac", "bl_lacertae"])
def test_a_source_is_found_by_any_name(small_archive: SmallArchive, name: str) -> None:
    document = shown(small_archive, name)
    assert document["name"] == "2200+420" and document["what"] == "source"
    assert len(document["calibrators"]) >= 3 and len(document["results"]) == 2


@pytest.mark.parametrize(
    "name", ["BLLac-0001R0.fit", f"raw/{FRAME}", f"reduced/{FRAME}", "T090/220908/BLLac-0001R0.fit"]
)
def test_a_frame_is_found_by_its_file_or_a_short_name(small_archive: SmallArchive, name: str) -> None:
    assert shown(small_archive, name)["name"] == FRAME


def test_a_masters_file_finds_the_master(small_archive: SmallArchive) -> None:
    path = next((small_archive.root / "master").rglob("bias-*.fits"))
    assert shown(small_archive, str(path.relative_to(small_archive.root)))["master"]["kind"] == "bias"


def test_json_is_one_line_for_each_name(small_archive: SmallArchive) -> None:
    done = small_archive.run("show", "--json", f"{NIGHT}/BLLac-0001R*")
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert [document["what"] for document in documents] == ["frame"] * 5


def test_text_in_a_pipe_is_plain_and_tells_the_measurement(small_archive: SmallArchive) -> None:
    row = blazar_pol(small_archive)
    text = small_archive.run("show", row["id"]).stdout
    assert text.isprintable() or "\x1b" not in text
    assert f"{100 * row['p']:.3f} +- {100 * row['p_err']:.3f} %" in text
    for frame in shown(small_archive, row["id"])["frames"]:
        assert frame["name"] in text


def test_an_override_and_a_bad_frame_are_told(small_archive: SmallArchive, tmp_path: Path) -> None:
    archive = small_archive.copy(tmp_path / "archive")
    archive.run("classify", "--set", "object=BL Lac", FRAME)
    assert [row["field"] for row in shown(archive, FRAME)["overrides"]] == ["object"]
    assert "failed: the file is cut short" in archive.run("show", "Cut-0001R.fit").stdout


def test_an_unknown_name_is_no_such_item_and_names_the_nearest(small_archive: SmallArchive) -> None:
    done = small_archive.run("show", FRAME, f"{NIGHT}/BLLac-0001R0.ftt", "--json")
    assert done.returncode == 4
    assert len(done.stdout.splitlines()) == 1  # the known one is shown all the same
    assert "BLLac-0001R0.fit'" in done.stderr
