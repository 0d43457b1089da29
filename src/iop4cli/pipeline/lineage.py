"""Where things come from: which masters a frame has and might have had, and what each step did."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from iop4cli.archive import lineage
from iop4cli.archive.lineage import Thing
from iop4cli.frames.quality import MEANING
from iop4cli.pipeline.calibrations import calibration_in_force, calibration_named
from iop4cli.pipeline.choice import Candidate, angle_matters, as_date, choose_master
from iop4cli.pipeline.judging import standings_of
from iop4cli.pipeline.result_past import past_of_result
from iop4cli.pipeline.standing import Standing, series_of
from iop4cli.pipeline.steps import step_named
from iop4cli.pipeline.view import View

Row = Mapping[str, Any]


def masters_of(view: View, frame: Row) -> list[dict[str, Any]]:
    """For each kind of master a frame needs: what it had, what it would get now, those passed over."""
    if frame["status"] != "done" or frame["kind"] not in {"light", "flat", "dark", "bias"}:
        return []
    instrument = view.instrument(frame["instrument"])
    step = "reduce" if frame["kind"] == "light" else "mkmaster"
    limit_days = view.parameters(step_named(step), frame["instrument"])["max_age_days"]
    reduced = view.reduced.get(frame["name"], {})
    found = []
    for kind in instrument.needs(frame["kind"]):
        choice = choose_master(
            kind, frame, view.rows("master"), limit_days, angle_matters=angle_matters(instrument, frame)
        )
        passed_over = [candidate for candidate in choice.candidates if candidate.master["name"] != choice.name]
        found.append(
            {
                "kind": kind,
                "had": reduced.get(kind),
                "taken": choice.name,
                "notes": list(choice.notes),
                "passed_over": [{"name": str(other.master["name"]), "why": _why_not(other)} for other in passed_over],
            }
        )
    return found


def _why_not(candidate: Candidate) -> str:
    if candidate.failed:
        return candidate.failed
    return "; ".join(candidate.notes) or "it would do, but the other is better (more frames, or earlier)"


def history(items: Iterable[Row]) -> list[dict[str, Any]]:
    """What each step did, when, by which command and with which parameters, from rows of archive.queries."""
    rows = []
    for item in items:
        parts: dict[str, str] = json.loads(item["parts"] or "{}")
        parameters = {
            name.removeprefix("parameter "): json.loads(value)
            for name, value in parts.items()
            if name.startswith("parameter ")
        }
        rows.append(
            {
                "step": item["step"],
                "name": item["name"],
                "status": item["status"],
                "when": item["updated"],
                "seconds": item["seconds"],
                "reason": item["reason"] or None,
                "notes": item["notes"] or None,
                "run": item["run"],
                "command": item["command"],
                "who": item["who"],
                "host": item["host"],
                "software": item["software"],
                "step_version": item["version"],
                "key": item["key"],
                "parameters": parameters,
                "inputs": {name: value for name, value in parts.items() if not name.startswith("parameter ")},
            }
        )
    return rows


def document_of(view: View, thing: Thing) -> dict[str, Any]:
    """The whole lineage of one thing, as nested plain values."""
    return {"name": thing.name, "what": thing.kind, **_DOCUMENTS[thing.kind](view, thing.name)}


def _frame(view: View, name: str) -> dict[str, Any]:
    found = lineage.about_frame(view.store, name)
    row = found["frame"][0]
    return {
        "frame": row,
        "file": view.layout.relative(view.layout.raw_frame(name)),
        "overrides": found["override"],
        "masters": masters_of(view, row),
        "reduced": _one(found["reduced"]),
        "wcs": found["wcs"],
        "apertures": found["aperture"],
        "part_of": found["master_input"],
        "results": found["results"],
        "steps": history(found["item"]),
    }


# Masters of the nights before and after that are shown beside one.
_BESIDE = 4


def _master(view: View, name: str) -> dict[str, Any]:
    found = lineage.about_master(view.store, name)
    row = found["master"][0]
    step = step_named("mkmaster")
    known = row["instrument"] in view.surroundings.registry.instruments
    standings = standings_of(view, step, row["kind"]) if known else {}
    standing = standings.get(name, Standing(bool(row["accepted"]), row["reason"]))
    return {
        "master": row,
        "standing": asdict(standing),
        "limits": view.parameters(step, row["instrument"] if known else None),
        "trend": _trend(view, row, standings),
        "overrides": found["override"],
        "frames": found["master_input"],
        "masters_made_with_it": lineage.plain_names(found["masters"]),
        "reduced_with_it": lineage.plain_names(found["reduced"], "frame"),
        "steps": history(found["item"]),
    }


def _trend(view: View, master: Row, standings: Mapping[str, Standing]) -> list[dict[str, Any]]:
    """Masters of the same camera, geometry, band and angle in order of time, some before this one and some after."""
    alike = [row for row in view.rows("master") if row["path"] and series_of(row) == series_of(master)]
    alike.sort(key=lambda row: (as_date(row["night"]), row["name"]))
    place = next((i for i, row in enumerate(alike) if row["name"] == master["name"]), 0)
    columns = ("name", "kind", "night", "n_frames", "level", "scatter", "noise_ratio", "n_bad", "accepted", "reason")
    beside = []
    for row in alike[max(0, place - _BESIDE) : place + _BESIDE + 1]:
        change = standings[row["name"]].change if row["name"] in standings else None
        beside.append({name: row[name] for name in columns} | {"change": None if change is None else asdict(change)})
    return beside if len(beside) > 1 else []


def _group(view: View, name: str) -> dict[str, Any]:
    found = lineage.about_group(view.store, name)
    place = _one(found["place"])
    return {
        "frames": found["frames"],
        "results": found["results"],
        "calibration": None if place is None else _calibration(view, place),
        "steps": history(found["item"]),
    }


def _result(view: View, name: str) -> dict[str, Any]:
    found = lineage.about_result(view.store, name)
    row = found["result"][0]
    return {
        "result": row,
        "quality": [text for bit, text in MEANING.items() if (row["quality"] or 0) & bit],
        "flags": found["flag"],
        "frames": found["frames"],
        "calibrators": found["calibrators"],
        "calibration": _calibration(view, row) if row["mode"] == "pol" else None,
        "past": past_of_result(view.store, name),
        "steps": history(found["item"]),
    }


def _source(view: View, name: str) -> dict[str, Any]:
    found = lineage.about_source(view.store, name)
    return {
        "source": _one(found["source"]),
        "magnitudes": found["mags"],
        "calibrators": lineage.plain_names(found["calibrators"]),
        "calibrates": lineage.plain_names(found["calibrates"]),
        "results": found["results"],
    }


_DOCUMENTS: dict[str, Callable[[View, str], dict[str, Any]]] = {
    "frame": _frame,
    "master": _master,
    "group": _group,
    "result": _result,
    "source": _source,
}


def _calibration(view: View, place: Row) -> dict[str, Any] | None:
    """The polarimetric calibration that a result was made with, or that holds for a group's band and night."""
    if place["instrument"] not in view.surroundings.registry.instruments:
        return None
    found = calibration_named(view, place["instrument"], place["band"], place.get("calibration"))
    found = found or calibration_in_force(view, place["instrument"], place["band"], str(place["night"]))
    return None if found is None else {name: value for name, value in asdict(found).items() if name != "about"}


def _one(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    return rows[0] if rows else None
