"""When a polarimetric group that lacks angles is left to grow, and when it is measured as it is."""

from __future__ import annotations

from typing import Any

import pytest

from iop4cli.pipeline.arrivals import Underway
from iop4cli.science.groups import Exposure, Group

GAP_S = 600.0


def exposure(angle_deg: float, minutes: float, target: str = "2200+420") -> Exposure:
    name = f"OSN-T090/2022-09-08/{target}-{angle_deg:g}.fit"
    return Exposure(name, target, "AndorT90", "R", 60.0, angle_deg, 59830.9 + minutes / 1440.0, "")


GROUP = Group((exposure(0.0, 0.0), exposure(45.0, 2.0)), (90.0, -45.0), False)


def light(target: str, minutes: float, instrument: str = "AndorT90") -> dict[str, Any]:
    return {"instrument": instrument, "mjd_utc": 59830.9 + minutes / 1440.0, "target": target, "object": "any"}


def underway(now_s: float, came_s: float = 1000.0) -> Underway:
    return Underway(arrived={one.name: came_s for one in GROUP.exposures}, clock=lambda: now_s)


def test_a_fresh_group_waits_and_says_for_what() -> None:
    one = underway(1100.0)
    assert one.may_grow("group", GROUP, GAP_S, [light("2200+420", 2.0)])
    assert one.growing["group"].missing_deg == (90.0, -45.0)
    # The next exposure begins a gap after the last one at the latest, and takes a minute itself.
    assert one.growing["group"].seconds_left == pytest.approx(600.0 + 60.0 - 100.0)


@pytest.mark.parametrize(
    ("why", "now_s", "group", "lights"),
    [
        ("the gap is over", 1661.0, GROUP, []),
        ("the telescope has turned", 1100.0, GROUP, [light("2251+158", 3.0)]),
        ("it is complete", 1100.0, Group(GROUP.exposures, (), True), []),
    ],
)
def test_it_waits_no_longer(why: str, now_s: float, group: Group, lights: list[dict[str, Any]]) -> None:
    assert not underway(now_s).may_grow("group", group, GAP_S, lights), why


@pytest.mark.parametrize("lights", [[light("2251+158", -5.0)], [light("2251+158", 3.0, "AndorT150")]])
def test_what_was_before_or_elsewhere_does_not_end_it(lights: list[dict[str, Any]]) -> None:
    assert underway(1100.0).may_grow("group", GROUP, GAP_S, lights)


def test_frames_of_which_nobody_saw_the_coming_make_no_group_wait() -> None:
    assert not Underway(clock=lambda: 0.0).may_grow("group", GROUP, GAP_S, [])


def test_of_a_group_that_has_only_begun_the_other_angles_are_missing() -> None:
    one = underway(1100.0)
    for angle_deg in (0.2, 45.0):
        frame = {**light("2200+420", 0.0), "name": f"OSN-T090/2022-09-08/2200+420-{round(angle_deg)}.fit"}
        assert one.may_begin(frame | {"band": "R", "angle_deg": angle_deg, "exptime_s": 60.0}, (0, 45, 90, -45), GAP_S)
    (begun,) = one.growing.values()
    assert (begun.n_frames, begun.missing_deg) == (2, (90, -45))
    late = frame | {"name": "OSN-T090/2022-09-08/nobody saw it come.fit", "exptime_s": 60.0}
    assert not one.may_begin(late, (0, 45, 90, -45), GAP_S)
