"""What a run of steps is given, and what it tells."""

from __future__ import annotations

import datetime
import secrets
from collections import Counter
from dataclasses import dataclass, field

from iop4cli.archive.selection import Selection
from iop4cli.archive.store import Store
from iop4cli.pipeline.arrivals import Underway
from iop4cli.pipeline.executor import Executor
from iop4cli.pipeline.step import CURRENT, DONE, FAILED, IMPOSSIBLE, Outcome
from iop4cli.pipeline.surroundings import Surroundings
from iop4cli.pipeline.view import View

NIGHT_TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class Planned:
    """A wave of a step has been planned; `passes_to` is the step that may go on with each item at once."""

    step: str
    wave: str
    n_due: int
    n_current: int
    n_impossible: int
    passes_to: str = ""


@dataclass(frozen=True)
class Ended:
    """An item: done, current, failed, impossible, blocked, due (dry run), retired; `news` if new."""

    step: str
    item: str
    status: str
    reason: str
    news: bool = True
    notes: tuple[str, ...] = ()
    outcome: Outcome | None = None


@dataclass(frozen=True)
class Waiting:
    """Another run works on nights that are due here; `holder` is who, on what. Told once for each holder."""

    step: str
    nights: tuple[str, ...]
    holder: str


Event = Planned | Ended | Waiting


@dataclass
class Tally:
    """How many items ended how."""

    counts: Counter[str] = field(default_factory=Counter)
    n_news_failed: int = 0
    n_news_flawed: int = 0

    def add(self, event: Event) -> None:
        if isinstance(event, Ended):
            self.counts[event.status] += 1
            if event.news and event.status in {FAILED, IMPOSSIBLE}:
                self.n_news_failed += 1
            elif event.news and event.status == DONE and event.reason:
                self.n_news_flawed += 1

    @property
    def n_troubles(self) -> int:
        """Items that failed, could not be done, or were done with something a person should look at."""
        return self.n_news_failed + self.n_news_flawed

    @property
    def exit_code(self) -> int:
        """0 all well or nothing due, 1 nothing but failures, 3 some failed or were flawed."""
        if self.n_troubles == 0:
            return 0
        return 3 if self.counts[DONE] or self.counts[CURRENT] else 1


@dataclass(frozen=True)
class Session:
    """What a run of steps needs.

    Nights that another run works on are waited for, `night_timeout_s` at most; with `left`, nobody waits: such nights
    are put there, and the steps of this session leave them alone from then on.
    """

    store: Store
    surroundings: Surroundings
    selection: Selection
    executor: Executor
    run_id: str
    force: bool = False
    underway: Underway | None = None
    night_timeout_s: float = NIGHT_TIMEOUT_S
    left: set[str] | None = None
    # The last view of the store in this run, and the stamp that the store had.
    seen: list[tuple[object, View]] = field(default_factory=list)
    # What was done by the step before it in one pass with its own work: (step, item).
    passed: set[tuple[str, str]] = field(default_factory=set)


def new_run_id() -> str:
    now = datetime.datetime.now(datetime.UTC)
    return f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
