"""The polarimetric groups of the frames in view."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from iop4cli.pipeline.view import Row, View
from iop4cli.science.groups import Exposure, Group, group_exposures


@dataclass(frozen=True)
class NamedGroup:
    """A group with its name TELESCOPE/NIGHT/pol-TARGET-BAND-HHMMSS."""

    name: str
    instrument: str
    group: Group

    @property
    def frames(self) -> tuple[str, ...]:
        return tuple(exposure.name for exposure in self.group.exposures)


def polarimetric_groups(view: View, usable: Callable[[Row], bool]) -> tuple[list[NamedGroup], list[tuple[str, str]]]:
    """(groups, leftover frames with the reason) of the polarimetric frames that are usable."""
    by_place: dict[tuple[str, str, str], list[Row]] = {}
    for frame in view.lights():
        if frame["mode"] == "pol" and usable(frame):
            by_place.setdefault((frame["telescope"], str(frame["night"]), frame["instrument"]), []).append(frame)
    named: list[NamedGroup] = []
    leftovers: list[tuple[str, str]] = []
    taken: set[str] = set()
    for (telescope, night, instrument), frames in sorted(by_place.items()):
        analyser = view.instrument(instrument).analyser
        grouping = group_exposures(
            _exposures(frames), analyser.angles_deg, gap_s=analyser.gap_s, period_deg=analyser.period_deg,
            min_angles=analyser.min_angles, angle_tolerance_deg=analyser.angle_tolerance_deg,
            modulation_period_deg=analyser.modulation_period_deg,
        )  # fmt: skip
        for group in grouping.groups:
            name = _unique(f"{telescope}/{night}/{_label(group)}", taken)
            named.append(NamedGroup(name, instrument, group))
        leftovers += [(exposure.name, reason) for exposure, reason in grouping.leftovers]
    return named, leftovers


def _exposures(frames: Iterable[Row]) -> list[Exposure]:
    return [
        Exposure(
            name=frame["name"], target=frame["target"] or f"OBJECT {frame['object']}", instrument=frame["instrument"],
            band=frame["band"] or "", exptime_s=frame["exptime_s"], angle_deg=frame["angle_deg"],
            mjd_utc=frame["mjd_utc"],
            setup=f"{frame['width_px']}x{frame['height_px']} {frame['binning_x']}x{frame['binning_y']} "
            f"+{frame['window_x0']}+{frame['window_y0']}",
        )
        for frame in frames
    ]  # fmt: skip


def _label(group: Group) -> str:
    first = group.exposures[0]
    seconds = round((first.mjd_utc % 1.0) * 86400.0) % 86400
    clock = f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"
    target = "".join(letter if letter.isalnum() or letter in "+-." else "_" for letter in first.target)
    return f"pol-{target}-{first.band}-{clock}"


def _unique(name: str, taken: set[str]) -> str:
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name}-{number}"
    taken.add(unique)
    return unique
