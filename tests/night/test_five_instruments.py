"""All five instruments in one archive: one `iop4 run`, one table."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from scipy.stats import chi2

from iop4cli.frames.quality import Quality
from iop4cli.simulate.compare import Compared, compare, read_truth
from iop4cli.simulate.night import NightRecipe
from tests.night.archives import Archive, Said, environment, make_archive

pytestmark = pytest.mark.night

FEW = {"n_bias": 3, "n_flats": 3}
# Seeds differ, so that no two instruments share the drawn errors of the catalogue.
RECIPES = (
    NightRecipe("AndorT90", "both", "2022-03-10", 3, targets=("0954+658",), size_px=700, **FEW),
    NightRecipe("RoperT90", "both", "2020-03-10", 4, targets=("0716+714",), size_px=700, **FEW),
    NightRecipe("AndorT150", "both", "2022-03-12", 5, targets=("0954+658",), size_px=1024, **FEW),
    NightRecipe("CAFOS", "both", "2022-03-10", 6, targets=("3C 66A",), beam_imbalance=0.02, **FEW),
    NightRecipe("DIPOL", "both", "2023-11-08", 7, targets=("2200+420",), n_angles=8, n_darks=3, **FEW),
)
N_ANGLES = {"AndorT90": 4, "RoperT90": 4, "AndorT150": 4, "CAFOS": 4, "DIPOL": 8}
TABLE = """
    select source, instrument, mode, mag, mag_err, p, p_err, chi_deg, chi_err_deg as chi_err
    from results order by instrument, mode, mag
"""


@pytest.fixture(scope="module")
def archive(module_folder: Callable[[str], Path]) -> Archive:
    return make_archive(module_folder("five") / "archive", *RECIPES)


@pytest.fixture(scope="module")
def said(archive: Archive) -> Said:
    """The only run; its exit code must be 0."""
    return archive.iop4("run", "-j2")


@pytest.fixture(scope="module")
def compared(archive: Archive, said: Said) -> list[Compared]:
    return compare(archive.results().values(), read_truth(archive.root / "truth.csv"))


def test_one_run_does_it_all_and_a_second_has_nothing_to_do(archive: Archive, said: Said) -> None:
    assert "0 with problems" in said.err
    before = archive.results()
    again = archive.iop4("run")
    assert again.out == "" and "nothing due" in again.err
    assert archive.due() == {}
    assert archive.results() == before


def test_every_instrument_has_every_source_in_each_mode(archive: Archive, compared: list[Compared]) -> None:
    """Whatever the truth holds has a result; one beside the edge of the frame may have one besides."""
    truth = Counter((row["instrument"], row["mode"], row["source"]) for row in read_truth(archive.root / "truth.csv"))
    found = Counter((row["instrument"], row["mode"], row["source"]) for row in archive.results().values())
    assert truth <= found
    assert {(i, m) for i, m, _ in found} == {(i, m) for i in N_ANGLES for m in ("phot", "pol")}
    assert len(compared) == truth.total()
    for one in compared:
        row = one.result
        # A cosmic ray may spoil the one exposure of an angle, or a pair of them.
        planned = N_ANGLES[row["instrument"]] if row["mode"] == "pol" else 1
        assert max(1, planned - 2) <= row["n_frames"] <= planned
        assert row["mag"] is not None and (row["p"] is not None) == (row["mode"] == "pol")


def test_a_star_cut_by_the_edge_has_no_magnitude(archive: Archive, said: Said) -> None:
    edge = int(Quality.EDGE)
    cut = archive.sql(f"select mag, mag_reason from results where quality & {edge} <> 0")
    assert cut
    assert all(row["mag"] is None and "edge" in row["mag_reason"] for row in cut)


def test_values_are_within_their_errors_of_the_truth(compared: list[Compared]) -> None:
    for one in compared:
        assert {"mag", "q", "u"} & set(one.pulls) == ({"mag", "q", "u"} if one.result["mode"] == "pol" else {"mag"})
        for name, pull in one.pulls.items():
            assert abs(pull) < 4, (one.result["instrument"], one.result["source"], name, pull)


def test_the_errors_of_the_targets_are_as_large_as_they_should_be(compared: list[Compared]) -> None:
    """Three numbers of each instrument that share nothing: sources of one frame share zero point and transparency."""
    pulls = [
        one.pulls[name]
        for one in compared
        for name in (("mag",) if one.result["mode"] == "phot" else ("q", "u"))
        if one.truth["is_target"]
    ]
    assert len(pulls) == 3 * len(N_ANGLES)
    # One good program in a thousand fails by chance on either side.
    assert 0.001 < chi2.sf(sum(pull**2 for pull in pulls), len(pulls)) < 0.999


def test_one_question_gives_one_table(archive: Archive, said: Said) -> None:
    lines = archive.iop4("sql", TABLE, "--format", "csv").lines
    assert len(lines) == 1 + len(archive.results())
    assert {line.split(",")[1] for line in lines[1:]} == set(N_ANGLES)
    targets = archive.iop4("export", "--targets", "--columns", "source,instrument,mode,mag,p").lines
    assert len(targets) == 1 + 2 * len(N_ANGLES)


def test_it_fits_a_terminal_of_80_columns(archive: Archive, said: Said) -> None:
    """With no more digits than can be read, a line for each result."""
    lines = on_a_terminal(archive, "sql", TABLE)
    assert sum(any(f" {name} " in line for name in N_ANGLES) for line in lines) == len(archive.results())
    assert max(map(len, lines)) <= 80


def test_each_night_is_complete(archive: Archive, said: Said) -> None:
    header, *nights = (line.split("\t") for line in archive.iop4("status").lines)
    assert len(nights) == len(RECIPES)
    for night in nights:
        row = dict(zip(header, night, strict=True))
        assert row["reduced"] == row["solved"] == row["phot"], night
        assert (row["groups"], row["problems"]) == ("1", "0"), night


def on_a_terminal(archive: Archive, *arguments: str) -> list[str]:
    """What a command prints on a terminal of 80 columns, without colours."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "iop4cli", *arguments], cwd=archive.root, stdin=subprocess.DEVNULL, stdout=theirs,
        stderr=subprocess.DEVNULL, env=environment(archive.root, COLUMNS="80", NO_COLOR="1", TERM="xterm"),
    )  # fmt: skip
    os.close(theirs)
    text = b""
    # At the end Linux says "input/output error", others nothing.
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 4096):
            text += piece
    os.close(ours)
    assert process.wait(timeout=60) == 0
    return text.decode().splitlines()
