"""A magnitude of a flux that is not the star's alone is not given."""

from __future__ import annotations

import pytest

from iop4cli.frames.quality import Quality
from iop4cli.pipeline.measurements import magnitude_bits, magnitude_columns
from iop4cli.science.magnitudes import FieldSource, calibrate


def calibrated_target():  # type: ignore[no-untyped-def]
    sources = [FieldSource("2200+420", 900.0, 3.0, True, None, None, (), None)]
    sources += [
        FieldSource(f"2200+420 {i}", 1e3 * i, 3.0, True, 15.0 - i, 0.02, ("2200+420",), None) for i in (1, 2, 3)
    ]
    return calibrate(sources, "2200+420", "R", None)["2200+420"]


@pytest.mark.parametrize(
    ("bit", "said"),
    [(Quality.SATURATED, "saturated"), (Quality.EDGE, "edge"), (Quality.BLENDED_BEAMS, "another star's second image")],
)
def test_a_spoiled_flux_has_no_magnitude_but_a_reason(bit: Quality, said: str) -> None:
    columns = magnitude_columns(calibrated_target(), int(bit))
    assert columns["mag"] is None and columns["mag_err"] is None
    assert said in columns["mag_reason"]
    assert columns["mag_instrumental"] is not None


def test_a_neighbour_is_only_said() -> None:
    columns = magnitude_columns(calibrated_target(), int(Quality.NEIGHBOUR))
    assert columns["mag"] is not None and columns["mag_reason"] is None
    assert not magnitude_bits(int(Quality.NEIGHBOUR), calibrated_target(), False) & Quality.NO_MAGNITUDE
