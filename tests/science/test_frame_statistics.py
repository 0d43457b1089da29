"""The table of whole nights tells what lies beyond chance, and whether a docstring names the reason."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.science.honest_errors.frames import frame_table

NIGHTS, A_NIGHT = 200, 4


def table_of(path: Path, instrument: str, width_of_u: float) -> list[str]:
    """Of nights with honest errors but for those of u."""
    rng = np.random.default_rng(3)
    with path.open("w", encoding="utf-8") as stream:
        for seed in range(NIGHTS):
            q, u = rng.normal(size=(2, A_NIGHT))
            rows = [{"mag": None, "q": a, "u": width_of_u * b, "chi": None} for a, b in zip(q, u, strict=True)]
            night = {"instrument": instrument, "mode": "pol", "seed": seed, "n_lights": 8, "n_solved": 8}
            stream.write(json.dumps({**night, "troubles": [], "rows": rows}) + "\n")
    return frame_table(path)


def test_honest_errors_are_told_so(tmp_path):
    assert table_of(tmp_path / "x", "CAFOS", 1.0)[-1] == "every statistic lies within 3 of its standard errors"


@pytest.mark.parametrize(
    ("instrument", "width", "said"),
    [
        ("CAFOS", 0.85, "nothing explains it"), ("DIPOL", 0.85, "apertures.measure allows"),
        ("DIPOL", 0.6, "nothing explains it"), ("DIPOL", 1.2, "nothing explains it"),
    ],
)  # fmt: skip
def test_what_is_beyond_chance_is_told_with_its_reason(tmp_path, instrument, width, said):
    told = [line for line in table_of(tmp_path / "x", instrument, width) if " u width: " in line]
    assert len(told) == 1 and said in told[0]
