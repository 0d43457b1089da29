"""Masters as text for people: one with its statistics and history, and those that a frame has or might have had."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from iop4cli.commands import showing_parts as parts
from iop4cli.shell import page, words

Document = Mapping[str, Any]
# Masters passed over that are told one by one; of the rest only how many there are and why.
_TOLD = 5


def master(document: Document) -> None:
    """Write a document of pipeline.lineage on a master to stdout."""
    row, standing = document["master"], document["standing"]
    said = (
        f"{row['kind']} of {row['instrument']}",
        row["band"],
        None if row["angle_deg"] is None else f"at {row['angle_deg']:g} deg",
    )
    page.text(" ".join(filter(None, said)))
    unit = _UNITS[row["kind"]]
    page.pairs(
        {
            "accepted": "yes" if row["accepted"] else f"no: {row['reason']}",
            "file": row["path"],
            "frames": f"{row['n_frames']} used, {row['n_rejected']} left out",
            "size": words.size(row),
            "level": words.said(words.number(row["level"], 3), "" if row["kind"] == "flat" else unit),
            "scatter": words.said(
                words.number(row["scatter"], 4),
                f"{unit} from frame to frame" + _over_expected(row["noise_ratio"]),
            ),
            "read noise": words.said(words.number(row["read_noise_e"], 2), " electrons"),
            "bad pixels": row["n_bad"],
            "made with": row["bias"],
            "compared with": standing["compared_with"],
            "difference": _difference(row["kind"], standing["change"], document["limits"]),
            "remark": standing["note"],
        }
    )
    if not row["accepted"] and row["path"]:
        page.text(f"to use it all the same: iop4 mkmaster --accept {row['name']}", style="dim")
    parts.section("Said by people", document["overrides"], ("field", "value", "who", "time_utc"))
    trend = [
        {
            "night": str(one["night"]),
            "frames": one["n_frames"],
            "level": words.number(one["level"], 3),
            "scatter": words.number(one["scatter"], 4),
            "bad": one["n_bad"],
            "change": _change(one["kind"], one["change"]),
            "accepted": one["accepted"],
            "": "<" if one["name"] == row["name"] else None,
        }
        for one in document["trend"]
    ]
    parts.section("Beside those of other nights", trend, tuple(trend[0]) if trend else ())
    parts.section("Frames", document["frames"], ("frame", "used", "reason"))
    parts.names("Masters made with it", document["masters_made_with_it"])
    parts.names("Frames reduced with it", document["reduced_with_it"])
    parts.steps(document)


_UNITS = {"bias": " ADU", "dark": " ADU/s", "flat": " of the level"}


def _over_expected(noise_ratio: float | None) -> str:
    return "" if noise_ratio is None else f", {noise_ratio:.2f} times what read noise and photons explain"


def _difference(kind: str, change: Mapping[str, Any] | None, limits: Mapping[str, float]) -> str | None:
    """In words, each beside its limit."""
    if change is None:
        return None
    if kind == "flat":
        return f"{100 * change['structure']:.2f} % rms (limit {100 * limits['max_flat_change']:g} %)"
    said = [f"level {change['level']:+.1f} sigma of a frame (limit {limits['max_level_change']:g})"]
    said.append(f"structure {change['structure']:.2f} sigma rms (limit {limits['max_structure_change']:g})")
    if change["scatter"] is not None:
        said.append(f"scatter {change['scatter']:.2f} times (limit {limits['max_scatter_ratio']:g})")
    return ", ".join(said)


def _change(kind: str, change: Mapping[str, Any] | None) -> str | None:
    """Of the structure, short."""
    if change is None:
        return None
    return f"{100 * change['structure']:.2f} %" if kind == "flat" else f"{change['structure']:.2f} sigma"


def show_masters(masters: Sequence[Mapping[str, Any]], indent: int = 2) -> None:
    """The masters that a frame has, and why not others."""
    for one in masters:
        notes = f" ({'; '.join(one['notes'])})" if one["notes"] else ""
        page.text(
            f"{one['kind']}: {one['taken'] or 'none'}{notes}",
            indent,
            "" if one["taken"] else "impossible",
        )
        if one["had"] and one["had"] != one["taken"]:
            page.text(f"it was reduced with {one['had']}; `iop4 reduce` is due", indent + 2, "warning")
        for other in one["passed_over"][:_TOLD]:
            page.text(f"passed over {other['name']}: {other['why']}", indent + 2, "dim")
        rest = Counter(_in_short(other["why"]) for other in one["passed_over"][_TOLD:])
        if rest:
            counted = ", ".join(f"{number} {why}" for why, number in rest.most_common())
            page.text(f"passed over {sum(rest.values())} more: {counted}", indent + 2, "dim")


_IN_SHORT = (
    ("the limit is", "too old or too new"),
    ("its geometry is", "of another size or binning"),
    ("its band is", "of another band"),
    ("not accepted", "not accepted"),
)


def _in_short(why: str) -> str:
    return next((short for part, short in _IN_SHORT if part in why), "less near in time or angle")
