"""The part of mkmaster that judges masters beside one another once they are made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from iop4cli.pipeline.standing import FIELD, Standing, standings
from iop4cli.pipeline.step import DONE, DUE, Decision, Job, Outcome, Step
from iop4cli.pipeline.view import Row, View

# What the names of these waves begin with.
COMPARE = "compare "


def standings_of(view: View, step: Step, kind: str) -> dict[str, Standing]:
    """The standing of all masters of a kind in view, whatever the store says; one with a flaw of its own has failed."""
    structures = {row["master"]: row for row in view.rows("master_structure")}
    said = {row["frame"]: row for row in view.rows("override") if row["field"] == FIELD}
    found: dict[str, Standing] = {}
    masters = [row for row in view.rows("master") if row["kind"] == kind and row["path"]]
    flawed = [row for row in masters if row["flaw"] and row["name"] not in said]
    masters = [row for row in masters if row not in flawed]
    for instrument in sorted({row["instrument"] for row in masters}):
        if instrument not in view.surroundings.registry.instruments:
            continue
        limits = view.parameters(step, instrument)
        own = [row for row in masters if row["instrument"] == instrument]
        found |= standings(own, structures, said, limits, view.first_nights)
    return found | {row["name"]: Standing(False, row["flaw"]) for row in flawed}


def judgements(step: Step, view: View, kind: str) -> Iterator[Decision]:
    """The masters of the nights in view whose standing is not what the store says."""
    found = standings_of(view, step, kind)
    for row in view.rows("master"):
        standing, item = found.get(row["name"]), view.items.get(step.name, row["name"])
        if standing is None or item is None or item["status"] != DONE or view.pending(step.name, row["name"]):
            continue
        if not (view.layout.root / row["path"]).is_file():
            continue
        if (row["accepted"], row["reason"]) == (standing.accepted, standing.reason):
            continue
        now = dict(row) | {"accepted": standing.accepted, "reason": standing.reason}
        payload = {
            "standing": standing, "row": now, "file": view.layout.root / row["path"],
            "notes": tuple(filter(None, (_kept_note(item), standing.note))),
        }  # fmt: skip
        why = standing.reason or standing.note or "it does not differ from the last good one"
        job = Job(step.name, row["name"], str(item["key"]), json.loads(item["parts"] or "{}"), why, payload)
        yield Decision(step.name, row["name"], DUE, why, (), job, {"master": [now]})


def _kept_note(item: Row) -> str:
    return next((note for note in (item["notes"] or "").split("; ") if "left out" in note), "")


def with_kept_rows(view: View, jobs: Sequence[Job]) -> list[Job]:
    """A judgement rewrites the row of a master; what else is recorded of it stays as it is."""
    names = {job.item for job in jobs if "standing" in job.payload}
    if not names:
        return list(jobs)
    kept: dict[str, dict[str, list[Row]]] = {name: {} for name in names}
    for table in ("master_input", "master_structure"):
        for row in view.rows(table):
            if row["master"] in names:
                kept[row["master"]].setdefault(table, []).append(row)
    return [replace(job, payload={**job.payload, "kept": kept[job.item]}) if job.item in names else job for job in jobs]


def judged(step: Step, job: Job) -> Outcome:
    """The rows that say so; the file stays."""
    payload: dict[str, Any] = dict(job.payload)
    rows = {**payload["kept"], "master": [payload["row"]]}
    file = payload["file"]
    reason = payload["row"]["reason"] or ""
    return step.done(job, rows=rows, files=((file, file),), notes=payload["notes"], reason=reason)
