"""Parts that the texts of several things share: sections, lists, results, calibration, steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iop4cli.commands.status import show_steps
from iop4cli.shell import page, words

Document = Mapping[str, Any]
_RESULTS_SHOWN = 12


def calibration(entry: Mapping[str, Any] | None) -> None:
    if entry is None:
        return
    page.heading("Polarimetric calibration")
    page.pairs(
        {
            "name": entry["name"],
            "q": words.measured(entry["q_inst"], entry["q_inst_err"], 5),
            "u": words.measured(entry["u_inst"], entry["u_inst_err"], 5),
            "angle zero": words.measured(entry["zero_angle_deg"], entry["zero_angle_err_deg"], 2, " deg"),
            "efficiency": words.measured(entry["efficiency"], entry["efficiency_err"], 4),
            "from": entry["source"],
            "valid": " ".join(
                f"{word} {entry[key]}" for word, key in (("from", "valid_from"), ("until", "valid_until")) if entry[key]
            ),
        }
    )


def without_host(row: Mapping[str, Any]) -> dict[str, Any]:
    """Lines of a result on its host galaxy; none for a source of which no host is known."""
    if row["host_reason"]:
        return {"without its host": f"none: {row['host_reason']}"}
    if row["host_mjy"] is None:
        return {}
    p = None
    if row["p_host"] is not None:
        p = f"p {words.measured(100 * row['p_host'], 100 * row['p_host_err'], 3)} %"
    mag = words.measured(row["mag_host"], row["mag_host_err"], 4, " mag")
    host = f"a host of {words.measured(row['host_mjy'], row['host_err_mjy'], 3)} mJy"
    return {"without its host": ", ".join(filter(None, (mag, p, host, row["correction_notes"])))}


def results(title: str, results: Sequence[Mapping[str, Any]], leading: tuple[str, ...]) -> None:
    """The last of the results in columns of measured values."""
    rows = [
        {
            **row,
            "mag": words.measured(row["mag"], row["mag_err"], 3),
            "chi_deg": words.measured(row["chi_deg"], row["chi_err_deg"], 1),
            "p_percent": None if row["p"] is None else words.measured(100 * row["p"], 100 * row["p_err"], 2),
            "remarks": "; ".join(filter(None, (row["flags"] and f"FLAG: {row['flags']}", row["quality_text"]))),
        }
        for row in results[-_RESULTS_SHOWN:]
    ]
    section(
        f"{title}, {len(results)}" if results else title,
        rows,
        (*leading, "band", "mag", "p_percent", "chi_deg", "remarks"),
    )
    if len(results) > len(rows):
        page.text(f"and {len(results) - len(rows)} earlier ones: `iop4 export`", style="dim")


def steps(document: Document) -> None:
    if not document["steps"]:
        return
    page.heading("What each step did")
    show_steps(_condensed(document["steps"]), document["name"])
    for step in document["steps"]:
        parameters = ", ".join(f"{name} {value}" for name, value in step["parameters"].items())
        if parameters and (step["name"] == document["name"] or document["what"] != "result"):
            page.text(f"{step['step']} with {parameters}", style="dim")
    commands = {step["run"]: step["command"] for step in document["steps"] if step["command"]}
    for run, command in commands.items():
        page.text(f"run {run}: {command}", style="dim")


def _condensed(steps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same said of several frames of a group is one line."""
    alike: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for step in steps:
        alike.setdefault((step["step"], step["status"], step["reason"], step["notes"]), []).append(step)
    return [
        {**same[-1], "name": same[0]["name"] if len(same) == 1 else f"{len(same)} frames"} for same in alike.values()
    ]


def section(title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    if rows:
        page.heading(title)
        page.table(rows, columns)


def names(title: str, names: Sequence[str]) -> None:
    if names:
        page.heading(f"{title}, {len(names)}" if len(names) > 1 else title)
        for name in names:
            page.text(name)
