"""The waves of the step solve, as the keys of its items tell them: under which key a frame was not solved before."""

from __future__ import annotations

import json
from collections.abc import Mapping

from iop4cli.pipeline.step import FAILED, Step, digest
from iop4cli.pipeline.view import Row

# The part of a wave's key that holds the key under which the wave before had failed.
PART_OF = {"track": "by index files", "sequence": "by field"}


def key_of(step: Step, parts: Mapping[str, str]) -> str:
    return digest({"step": f"{step.name} {step.version}", **parts})


def parts_of(stored: Row) -> dict[str, str]:
    parts: dict[str, str] = json.loads(stored["parts"] or "{}")
    return parts


def index_part(stored: Row) -> str:
    """For a frame that was solved otherwise: the key under which the index files had failed."""
    return parts_of(stored).get(PART_OF["track"], "")


def failed_before(stored: Row, wave: str) -> dict[str, str]:
    """The keys under which the waves before this one had failed; empty if they had not."""
    before = parts_of(stored)
    index, field = PART_OF["track"], PART_OF["sequence"]
    if wave == "track":
        if index in before:
            return {index: before[index]}
        return {index: stored["key"]} if stored["status"] == FAILED and stored["key"] else {}
    if field in before:
        return {index: before[index], field: before[field]}
    tried = index in before and stored["status"] == FAILED
    return {index: before[index], field: stored["key"]} if tried else {}
