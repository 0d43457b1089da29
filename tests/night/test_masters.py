"""Masters that fail are kept, told and not used, until the camera's change is confirmed or a person says otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from iop4cli.simulate.night import NightRecipe
from tests.night.archives import Archive, make_archive

pytestmark = pytest.mark.night

NIGHTS = ("2022-03-10", "2022-03-11", "2022-03-12", "2022-03-13")
FLAT = "OSN-T090/{}/flat-AndorT90-R-400x400"
BIAS = "OSN-T090/{}/bias-AndorT90-400x400"


@pytest.fixture(scope="module")
def good(module_folder: Callable[[str], Path]) -> Archive:
    """Four nights of one frame of light each, masters made; not to be changed."""
    recipes = [
        NightRecipe("AndorT90", "phot", night, 3, targets=("0716+714",), size_px=400, n_bias=4, n_flats=3)
        for night in NIGHTS
    ]
    archive = make_archive(module_folder("masters") / "good", *recipes)
    for verb in ("classify", "mkmaster", "reduce"):
        archive.iop4(verb, "-j1")
    return archive


@pytest.fixture
def nights(good: Archive, tmp_path: Path) -> Archive:
    return good.copy(tmp_path / "archive")


def change_raw(archive: Archive, night: str, kind: str, to: Callable[[np.ndarray], np.ndarray]) -> None:
    for path in (archive.root / "raw/OSN-T090" / night).glob(f"{kind}-*"):
        with fits.open(path) as hdus:
            counts, header = hdus[0].data.astype(float), hdus[0].header.copy(strip=True)
        for keyword in ("BZERO", "BSCALE"):
            header.remove(keyword, ignore_missing=True)
        fits.writeto(path, np.clip(np.rint(to(counts)), 0, 65535).astype(np.uint16), header, overwrite=True)


def tilted(counts: np.ndarray) -> np.ndarray:
    return 1000 + (counts - 1000) * (1 + np.linspace(-0.08, 0.08, counts.shape[1]))


def run(archive: Archive, code: int) -> None:
    archive.iop4("classify")
    archive.iop4("mkmaster", "-j1", code=code)
    archive.iop4("reduce", "-j1")


def accepted(archive: Archive, pattern: str) -> list[bool]:
    kept = {row["name"]: row["accepted"] for row in archive.sql("select name, accepted from master")}
    return [kept[pattern.format(night)] for night in NIGHTS]


def flats_used(archive: Archive) -> list[str]:
    return [row["flat"] for row in archive.sql("select flat from reduced order by frame")]


def test_good_masters_do_not_differ(good):
    assert accepted(good, FLAT) == accepted(good, BIAS) == [True] * 4
    assert "mkmaster" not in good.due() and "reduce" not in good.due()


def test_a_flat_that_differs_is_kept_told_and_not_used(nights):
    change_raw(nights, NIGHTS[1], "Flat", tilted)
    run(nights, code=3)
    assert accepted(nights, FLAT) == [True, False, True, True]
    assert flats_used(nights) == [FLAT.format(NIGHTS[i]) for i in (0, 0, 2, 3)]
    [row] = nights.sql("select * from master where not accepted")
    assert (nights.root / row["path"]).is_file()
    # 16 % over the frame; of the cells half are beyond a quarter of that.
    assert re.match(r"its light is 6\.\d % rms from " + re.escape(FLAT.format(NIGHTS[0])), row["reason"])
    [frame] = [row["frame"] for row in nights.sql("select frame from reduced") if NIGHTS[1] in row["frame"]]
    said = nights.iop4("status", "--why", frame).out
    assert f"passed over {FLAT.format(NIGHTS[1])}: it was not accepted (its light is 6." in said
    # Nothing is due any more, and the other nights were left alone.
    assert not {"mkmaster", "reduce"} & set(nights.due())
    shown = nights.iop4("show", "--json", FLAT.format(NIGHTS[1])).rows[0]
    assert shown["standing"]["compared_with"] == FLAT.format(NIGHTS[0])
    assert [one["accepted"] for one in shown["trend"]] == [True, False, True, True]


def test_people_may_take_it_and_take_that_back(nights):
    change_raw(nights, NIGHTS[1], "Flat", tilted)
    run(nights, code=3)
    nights.iop4("mkmaster", "--accept", FLAT.format(NIGHTS[1]))
    # Beside it the next differs, and the one after that confirms the next.
    assert accepted(nights, FLAT) == [True, True, True, True]
    nights.iop4("reduce", "-j1")
    assert flats_used(nights)[1] == FLAT.format(NIGHTS[1])
    nights.iop4("mkmaster", "--force", "-j1", code=0)
    assert accepted(nights, FLAT)[1]
    nights.iop4("mkmaster", "--unsay", FLAT.format(NIGHTS[1]), code=3)
    assert accepted(nights, FLAT) == [True, False, True, True]
    nights.iop4("mkmaster", "--reject", FLAT.format(NIGHTS[3]), code=3)
    assert accepted(nights, FLAT) == [True, False, True, False]
    assert (
        "rejected by" in nights.sql(f"select reason from master where name = '{FLAT.format(NIGHTS[3])}'")[0]["reason"]
    )


def test_a_camera_that_has_changed_is_not_rejected_for_ever(nights):
    for night in NIGHTS[1:]:
        change_raw(nights, night, "Flat", tilted)
    run(nights, code=0)
    assert accepted(nights, FLAT) == [True] * 4


def test_the_judgement_of_a_night_alone_and_of_all_together_is_the_same(nights):
    change_raw(nights, NIGHTS[2], "Bias", lambda counts: counts + 300)
    nights.iop4("classify")
    nights.iop4("mkmaster", "-j1", f"OSN-T090/{NIGHTS[2]}", code=3)
    assert accepted(nights, BIAS) == [True, True, False, True]
    # The flat of that night was made with the bias of another.
    flat = nights.sql(f"select bias from master where name = '{FLAT.format(NIGHTS[2])}'")[0]
    assert flat["bias"] == BIAS.format(NIGHTS[1])
    assert "mkmaster" not in nights.due()


def test_changing_a_limit_judges_again_and_makes_nothing_again(nights):
    change_raw(nights, NIGHTS[1], "Flat", tilted)
    run(nights, code=3)
    made = nights.sql("select name, key from master order by name")
    nights.iop4("mkmaster", "--param", "max_flat_change=0.1")
    assert accepted(nights, FLAT) == [True] * 4
    assert nights.sql("select name, key from master order by name") == made
