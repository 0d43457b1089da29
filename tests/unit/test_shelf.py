"""The quick choice of a master is that of a look at all of them."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest

from iop4cli.pipeline.choice import choose_master, why_none
from iop4cli.pipeline.shelf import Shelf

WHOLE = {"width_px": 512, "height_px": 512, "binning_x": 1, "binning_y": 1, "window_x0": 0, "window_y0": 0}


def some(rng: np.random.Generator, **said: Any) -> dict[str, Any]:
    night = datetime.date(2022, 9, 8) + datetime.timedelta(days=int(rng.integers(-50, 50)))
    return {
        "instrument": str(rng.choice(["AndorT90", "AndorT150"], p=[0.8, 0.2])), "telescope": "OSN", "night": night,
        "band": str(rng.choice(["R", "V"])), "angle_deg": float(rng.choice([0.0, 45.0, 90.0])),
        **WHOLE, "width_px": int(rng.choice([512, 256])), **said,
    }  # fmt: skip


@pytest.mark.parametrize("n_masters", [0, 1, 5, 60])
@pytest.mark.parametrize("seed", range(5))
def test_the_same_master_and_the_same_reason(n_masters: int, seed: int) -> None:
    rng = np.random.default_rng([seed, n_masters])
    masters = [
        some(rng, name=f"m{i}", key=f"k{i}", kind=str(rng.choice(["flat", "bias"])), n_frames=int(rng.integers(3, 9)),
             accepted=bool(rng.random() < 0.7), reason="its light differs")
        for i in range(n_masters)
    ]  # fmt: skip
    n_found = 0
    for _ in range(60):
        frame = some(rng)
        reach = [one for one in masters if abs((one["night"] - frame["night"]).days) <= 60]
        shelf = Shelf(reach, lambda: masters)
        for kind, matters in (("flat", True), ("flat", False), ("bias", True)):
            slow = choose_master(kind, frame, masters, 30, angle_matters=matters)
            quick = shelf.choose(kind, frame, 30, angle_matters=matters)
            assert (quick.name, quick.key, quick.notes) == (slow.name, slow.key, slow.notes)
            n_found += slow.master is not None
            if slow.master is None:
                assert why_none(kind, frame, quick) == why_none(kind, frame, slow)
    assert n_found or n_masters < 5
