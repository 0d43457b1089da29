"""The shape that all steps have: plan what is due, work on one thing, hand over rows to record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from iop4cli.archive.rows import Rows
from iop4cli.errors import UsageError

if TYPE_CHECKING:
    from iop4cli.frames.checksum import FileState
    from iop4cli.frames.fits import ReducedImage
    from iop4cli.pipeline.view import View

DUE, CURRENT, IMPOSSIBLE, BLOCKED = "due", "current", "impossible", "blocked"
DONE, FAILED = "done", "failed"


@dataclass(frozen=True)
class Parameter:
    """One number or choice of a step that a user may set."""

    name: str
    default: Any
    unit: str
    help: str


@dataclass(frozen=True)
class Parameters:
    """What the user set (`--param`, environment, iop4.toml), by step; the rest are defaults of instrument and step."""

    given: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, step: Step, instrument_params: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
        """The values in force for one step and one instrument."""
        values = {parameter.name: parameter.default for parameter in step.parameters}
        values.update((instrument_params or {}).get(step.name, {}))
        values.update(self.given.get(step.name, {}))
        return values


@dataclass(frozen=True)
class Job:
    """One thing to do: everything `work` needs, as plain values that travel to any process.

    `cores` are those that it may use: more than one where there are fewer jobs than workers. `then` is that of the next
    step on the same item, which goes on with what this one has in memory.
    """

    step: str
    item: str
    key: str
    parts: Mapping[str, str]
    why: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    cores: int = 1
    then: Job | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a job: rows for the store by table, and files to put in place of (temporary, final).

    `then` is what became of the job that followed in the same pass, if it came to an end.
    """

    step: str
    item: str
    status: str
    reason: str = ""
    key: str | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    rows: Mapping[str, Rows] = field(default_factory=dict)
    files: tuple[tuple[Path, Path], ...] = ()
    # What those of `files` are that were written, in their order.
    states: tuple[FileState, ...] = ()
    seconds: float = 0.0
    detail: str = ""
    then: Outcome | None = None

    @property
    def of_pass(self) -> tuple[Outcome, ...]:
        """This one, and that of the step that followed."""
        return (self,) if self.then is None else (self, *self.then.of_pass)


@dataclass(frozen=True)
class Decision:
    """What the plan says of one item; `frames` are the frames it rests on (for selections)."""

    step: str
    item: str
    state: str
    why: str
    frames: tuple[str, ...]
    job: Job | None = None
    expected: Mapping[str, Rows] = field(default_factory=dict)


class Step:
    """One verb of the pipeline."""

    name: ClassVar[str]
    version: ClassVar[int]
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    # Some steps need their own earlier products: each wave is planned when the one before is recorded.
    waves: ClassVar[tuple[str, ...]] = ("",)
    # Whether its items are of whole nights rather than of the frames they rest on.
    of_nights: ClassVar[bool] = False
    # Products: table -> the column that holds the item's name. Rows of an item are replaced whole.
    tables: ClassVar[Mapping[str, str]] = {}
    # Steps whose work on an item is undone when this one does it again (a new reduced file has no WCS yet).
    undoes: ClassVar[tuple[str, ...]] = ()
    # The step whose first wave may go on with what this one's `work` has in memory (`Job.then`), if it comes next.
    passes_to: ClassVar[str] = ""

    def plan(self, view: View, wave: str) -> Iterator[Decision]:
        """For each item of the nights in view whether it is due, and why."""
        raise NotImplementedError

    def prepare(self, view: View, jobs: Sequence[Job]) -> list[Job]:
        """Fill in what is too heavy to collect for items that may not be due."""
        return list(jobs)

    def work(self, job: Job) -> Outcome:
        """Do one job: a pure function of files and numbers, in any process."""
        raise NotImplementedError

    def work_on(self, job: Job, image: ReducedImage) -> Outcome:
        """The same with an image that is no file yet; if done, its file is written with what was found."""
        raise NotImplementedError

    def settle(self, view: View, outcome: Outcome) -> Outcome:
        """Add what only the store's owner knows, before the rows are recorded."""
        return outcome

    def product_files(self, view: View, item: str) -> list[Path]:
        """Files to remove when the item has no product any more."""
        return []

    def parameter(self, name: str) -> Parameter:
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        known = ", ".join(f"{self.name}.{parameter.name}" for parameter in self.parameters) or "none"
        raise UsageError(f"{self.name} has no parameter {name!r}; it has: {known}")

    def done(self, job: Job, files: tuple[tuple[Path, Path], ...] = (), **result: Any) -> Outcome:
        """Files get their checksums here, where they are still in memory; one that stays as it is has its own."""
        from iop4cli.frames.checksum import file_state

        states = tuple(file_state(temporary) for temporary, final in files if temporary != final)
        return Outcome(self.name, job.item, DONE, key=job.key, parts=job.parts, files=files, states=states, **result)

    def failed(self, job: Job, reason: str, **result: Any) -> Outcome:
        """A failure that the same inputs would repeat: it is remembered under the key."""
        return Outcome(self.name, job.item, FAILED, reason, key=job.key, parts=job.parts, **result)


def night_of(item: str) -> str:
    """TELESCOPE/NIGHT of a frame or product."""
    return "/".join(item.split("/", 2)[:2])


_plain_text = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str).encode


def digest(value: Any) -> str:
    """A short content hash of plain values, the same in every process."""
    return hashlib.sha256(_plain_text(value).encode()).hexdigest()[:16]


def measurement_id(source: str, mode: str, method: str, inputs: Sequence[str]) -> str:
    """The stable name of a measurement: it survives any reduction of the same frames."""
    text = "\n".join([source, mode, method, *sorted(inputs)])
    return hashlib.sha256(text.encode()).hexdigest()[:12]
