"""classify: what each raw file is, from its header."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from iop4cli.errors import BadFrame
from iop4cli.instruments.headers import translate
from iop4cli.instruments.registry import AmbiguousInstrument, Registry, UnknownInstrument
from iop4cli.pipeline.arrivals import entries_in, folders_in, is_raw_file, misnamed, raw_name
from iop4cli.pipeline.step import DONE, FAILED, Decision, Job, Outcome, Step, digest
from iop4cli.pipeline.targets import Targets
from iop4cli.pipeline.view import Row, View

_READ_BYTES = 1 << 20


class Classify(Step):
    name = "classify"
    version = 1
    tables = {"frame": "name"}  # noqa: RUF012

    def plan(self, view: View, wave: str) -> Iterator[Decision]:
        with view.store.reading():
            # One opening for all; what follows looks at files, and others may write meanwhile.
            overrides, targets, _, _ = _overrides(view), view.targets, view.frames, view.items.of(self.name)
        for name, why in _misnamed_folders(view):
            yield view.impossible(self, name, why, [name])
        for name, path in raw_files(view):
            row = view.frames.get(name)
            status = _status(path)
            if status is None and row is not None and row["status"] == DONE:
                continue  # a link to a disk that is not there now: what is known of the frame stays
            said = overrides.get(name, {})
            parts = {
                "file": f"{status.st_size} bytes, changed {status.st_mtime_ns}" if status else "not there",
                "instrument file": _instrument_part(view, row),
                "override": digest(said) if said else "none",
                "target": _target_part(targets, row),
            }
            folders = [str(folder) for folder in view.surroundings.instrument_folders]
            payload = {"path": str(path), "overrides": said, "instrument_folders": folders,
                       "size": status.st_size if status else None, "mtime_ns": status.st_mtime_ns if status else None,
                       "known": _known_checksum(row, status), "refused": raw_name(path)[1]}  # fmt: skip
            yield view.decide(self, name, parts, [name], payload=partial(dict, payload))

    def work(self, job: Job) -> Outcome:
        from iop4cli.frames.raw import read_header

        payload = job.payload
        telescope, night, filename = job.item.split("/", 2)
        row: dict[str, Any] = {
            "name": job.item, "telescope": telescope, "night": night, "filename": filename,
            "size_bytes": payload["size"], "mtime_ns": payload["mtime_ns"], "checksum": None,
        }  # fmt: skip
        try:
            if payload["refused"]:
                raise BadFrame(payload["refused"])
            path = Path(payload["path"])
            header = read_header(path)  # first: what is no frame may be endless
            row["checksum"] = payload["known"] or checksum(path)
            facts = self._facts(job, header, row)
            problems = list(facts.problems)
            row.update(_frame_columns(facts))
            if facts.telescope != telescope:
                problems.append(
                    f"the header says {facts.telescope}, but the frame lies in {telescope}: "
                    f"move it to raw/{facts.telescope}/{facts.night}/"
                )
        except (BadFrame, UnknownInstrument, AmbiguousInstrument) as error:
            problems = [str(error)]
        row["status"], row["reason"] = (FAILED, "; ".join(problems)) if problems else (DONE, None)
        return Outcome(
            self.name, job.item, row["status"], row["reason"] or "", job.key, job.parts, rows={"frame": [row]}
        )

    def _facts(self, job: Job, header: Mapping[str, Any], row: dict[str, Any]) -> Any:
        registry = registry_of(tuple(job.payload["instrument_folders"]))
        said: Mapping[str, str] = job.payload["overrides"]
        instrument = registry.recognise(header, row["night"], said)
        return translate(header, row["filename"], instrument, said, job.item)

    def settle(self, view: View, outcome: Outcome) -> Outcome:
        """Find the target by the catalogue, and name the parts of the key that only the result knows."""
        found = next(iter(outcome.rows.get("frame", ())), None)
        if found is None:
            return outcome
        row = dict(found)
        if row.get("kind") == "light":
            row["target"], note = view.targets.of(row)
            row["notes"] = "; ".join(text for text in (row.get("notes"), note) if text) or None
        parts = {
            **outcome.parts,
            "instrument file": _instrument_part(view, row),
            "target": _target_part(view.targets, row),
        }
        return replace(outcome, rows={"frame": [row]}, parts=parts, key=digest(parts))


STEP = Classify()


def raw_files(view: View) -> Iterator[tuple[str, Path]]:
    """(name, path) of all that lies in raw/TELESCOPE/NIGHT/, by name; hidden and unfinished files are not frames."""
    for telescope in folders_in(view.layout.raw):
        for night in folders_in(telescope):
            epoch = f"{telescope.name}/{night.name}"
            if view.nights is not None and epoch not in view.nights:
                continue
            for path in () if misnamed(night) else entries_in(night):
                name = raw_name(path)[0] if is_raw_file(path) else ""
                if name and not (view.underway is not None and view.underway.leaves_alone(name, view.frames)):
                    yield name, path


def _misnamed_folders(view: View) -> Iterator[tuple[str, str]]:
    """(name, why) of folders with files that would be frames, were they in one of a night."""
    if view.nights is not None:
        return
    for telescope in folders_in(view.layout.raw):
        for night in folders_in(telescope):
            problem = misnamed(night)
            n_files = sum(map(is_raw_file, entries_in(night))) if problem else 0
            if problem and n_files:
                yield problem[0], f"{problem[1]}: {n_files} files in this folder are not looked at"


def checksum(path: Path) -> str:
    """SHA-256 of the whole file, taken once: later plans compare size and time of change."""
    total = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while piece := stream.read(_READ_BYTES):
                total.update(piece)
    except OSError as error:
        raise BadFrame(f"cannot be read: {error.strerror}") from None
    return total.hexdigest()


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


@lru_cache(maxsize=4)
def registry_of(folders: tuple[str, ...]) -> Registry:
    """A worker reads the instruments' files once."""
    return Registry.load([Path(folder) for folder in folders])


def _known_checksum(row: Row | None, status: Any) -> str | None:
    """The checksum on record if the file has not changed since."""
    if row is None or status is None or row["size_bytes"] != status.st_size or row["mtime_ns"] != status.st_mtime_ns:
        return None
    checksum_on_record: str | None = row["checksum"]
    return checksum_on_record


def _overrides(view: View) -> dict[str, dict[str, str]]:
    said: dict[str, dict[str, str]] = {}
    for row in view.rows("override"):
        said.setdefault(row["frame"], {})[row["field"]] = row["value"]
    return said


def _instrument_part(view: View, row: Row | None) -> str:
    """What of the instruments' files a frame's facts rest on: its own, or all if none knew it."""
    known = view.surroundings.registry.instruments
    if row is not None and row.get("instrument") in known:
        return known[row["instrument"]].digest("recognise", "site", "headers", "detector", "analyser")
    return digest([known[name].digest("recognise", "headers") for name in sorted(known)])


def _target_part(targets: Targets, row: Row | None) -> str:
    if row is None or row.get("kind") != "light":
        return "none"
    return targets.of(row)[0] or "none"


def _frame_columns(facts: Any) -> dict[str, Any]:
    columns = asdict(facts)
    columns["object"] = columns.pop("object_name")
    columns["notes"] = "; ".join(columns["notes"]) or None
    for name in ("problems", "telescope", "night"):
        columns.pop(name)
    return columns
