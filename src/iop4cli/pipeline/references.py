"""Solved frames that a frame without a solution of its own may be matched to, and where its second beam is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iop4cli.pipeline.view import Row, View

_SAME_SEQUENCE = (
    *("telescope", "night", "instrument", "target", "object"),
    *("width_px", "height_px", "binning_x", "flipped"),
)

# Tracked frames are no references: an error would go from one to the next.
_NEIGHBOURLY = {"index", "quads", "pairs", "central pair"}


def solved_field_frames(view: View, frame: Row, params: Mapping[str, Any], dual: bool) -> list[Row]:
    """Frames of the same field and camera that index files solved, nearest in time first.

    A single beam needs the same image angle, so that frame must be of the same night and size; the quads of two
    beams find themselves in any solved frame of the field, at any angle.
    """
    found = []
    for row in view.solved_fields(frame["instrument"]):
        if row["binning_x"] != frame["binning_x"] or row["mjd_utc"] is None or frame["mjd_utc"] is None:
            continue
        if not dual and (row["width_px"] != frame["width_px"]):
            continue
        same_target = frame["target"] is not None and row["target"] == frame["target"]
        same_object = frame["object"] is not None and row["object"] == frame["object"]
        hours = abs(row["mjd_utc"] - frame["mjd_utc"]) * 24
        if (same_target or same_object) and row["frame"] != frame["name"] and (dual or hours <= params["track_hours"]):
            found.append((hours, row["frame"], row))
    return [row for _, _, row in sorted(found, key=lambda entry: entry[:2])[: 3 if dual else 1]]


def neighbours(view: View, frame: Row) -> list[Row]:
    """Solved frames of the same sequence: same target, window and night, nearest in time first."""
    found = []
    for name, row in view.wcs.items():
        other = view.frames.get(name)
        if other is None or name == frame["name"] or row["method"] not in _NEIGHBOURLY:
            continue
        if all(other[column] == frame[column] for column in _SAME_SEQUENCE):
            found.append(
                (
                    abs(other["mjd_utc"] - frame["mjd_utc"]),
                    name,
                    row | _way_of(view, name) | {"key": view.key("solve", name)},
                )
            )
    return [row for _, _, row in sorted(found, key=lambda entry: entry[:2])[:1]]


def _way_of(view: View, name: str) -> Row:
    """The measured displacement of a solved frame, as `solved_fields` has it."""
    other = view.wcs_extraordinary.get(name)
    if other is None:
        return {"way_x_px": None, "way_y_px": None, "flipped": False}
    return {"way_x_px": other["dx_px"], "way_y_px": other["dy_px"], "flipped": view.frames[name]["flipped"]}


def beams_of(view: View, frame: Row) -> dict[str, Any] | None:
    """Where the extraordinary image is expected, in pixels of this frame; None for a single beam."""
    instrument = view.instrument(frame["instrument"])
    beams = instrument.beams
    if beams is None or frame["mode"] not in beams.modes:
        return None
    ratio = beams.at_binning / frame["binning_x"]
    astrometry = instrument.astrometry
    return {
        "known": (beams.dx_px * ratio, beams.dy_px * ratio * (-1.0 if frame["flipped"] else 1.0)),
        "spread": (beams.dx_err_px * ratio, beams.dy_err_px * ratio),
        "angle_deg": astrometry.image_angle_deg, "angle_err_deg": astrometry.image_angle_err_deg,
        "flipped": bool(frame["flipped"]),
    }  # fmt: skip


def calibrators_of(view: View, target: str) -> list[tuple[float, float]]:
    """Right ascension and declination in degrees of a target's calibrators."""
    return sorted((star.ra_deg, star.dec_deg) for star in view.catalog.values() if target in star.calibrates)
