"""The only code that writes products: files get their final names, then rows go to the store."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from iop4cli.archive.past import Replacement, remove_items
from iop4cli.archive.people import quoted
from iop4cli.archive.rows import together
from iop4cli.archive.store import Batch, Store, utc_now
from iop4cli.errors import Iop4Error
from iop4cli.pipeline.products import Placing, forget_products, product_rows, throw_away
from iop4cli.pipeline.step import DONE, FAILED, Outcome, Step
from iop4cli.pipeline.steps import step_named
from iop4cli.pipeline.view import View

BATCH_ITEMS = 200
BATCH_SECONDS = 1.0
# Of the time of a run, what recording may take: where it takes long (a large store, a far disk) it is done less often.
_RECORDING_SHARE, _LONGEST_PAUSE_S = 0.05, 5.0


class Recorder:
    """Collects outcomes and records them in batches."""

    def __init__(self, store: Store, step: Step, view: View, run_id: str) -> None:
        self.store, self.step, self.view, self.run_id = store, step, view, run_id
        self._waiting: list[Outcome] = []
        self._placing = Placing()
        self._since, self._pause_s = time.monotonic(), BATCH_SECONDS

    def add(self, outcome: Outcome) -> None:
        outcome = self.step.settle(self.view, outcome)
        for one in outcome.of_pass:
            self._placing.begin(one)
        self._waiting.append(outcome)
        if len(self._waiting) >= BATCH_ITEMS or time.monotonic() - self._since >= self._pause_s:
            self.flush()

    def flush(self) -> None:
        """Put files in place, write all rows in one transaction, then remove files that the rows spoke of before.

        Killed between these, a run leaves files that no row speaks of, never a row without its file; the next one
        mends that (pipeline/recovery.py). Whoever interrupts this may call it again: what was put in place is, and
        no row is written by halves.
        """
        waiting = list(self._waiting)
        outcomes = [one for outcome in waiting for one in outcome.of_pass]
        begun = self._since = time.monotonic()
        if not outcomes:
            return
        try:
            gone = self._files_of([outcome.item for outcome in waiting])
            self._placing.place(outcomes)
            gone.difference_update(final for outcome in outcomes for _, final in outcome.files)
            replacement = Replacement(self.run_id, utc_now())
            undoing = self._undoing([outcome.item for outcome in waiting if outcome.then is None], replacement)
            undoing += forget_products(self.view.layout, gone)
            self.store.write(self._batches(outcomes), undoing, replacement)
        except (Iop4Error, OSError):
            self._waiting.clear()
            self._placing.forget(outcomes)
            throw_away(outcomes)
            raise
        del self._waiting[: len(waiting)]
        self._placing.forget(outcomes)
        _remove(gone)
        self._pause_s = min(max(BATCH_SECONDS, (time.monotonic() - begun) / _RECORDING_SHARE), _LONGEST_PAUSE_S)

    def _files_of(self, items: Sequence[str]) -> set[Path]:
        """The files that these items have until now."""
        return {path for item in items for path in self.step.product_files(self.view, item)}

    def _undoing(self, items: Sequence[str], replacement: Replacement) -> str:
        """SQL that makes what rested on these items' files due again."""
        if not self.step.undoes or not items:
            return ""
        steps = ", ".join(map(quoted, self.step.undoes))
        return remove_items(f"step in ({steps}) and name in ({', '.join(map(quoted, items))})", replacement)

    def retire(self, items: Sequence[str]) -> None:
        """Remove the products of items that exist no more (a frame that was reclassified, a group that grew)."""
        replacement = Replacement(self.run_id, utc_now())
        gone = self._files_of(items)
        batches = [Batch(table, [], column, items) for table, column in self.step.tables.items()]
        own = f"step = {quoted(self.step.name)} and name in ({', '.join(map(quoted, items))})"
        script = remove_items(own, replacement) + forget_products(self.view.layout, gone)
        self.store.write(batches, script, replacement)
        _remove(gone)

    def _batches(self, outcomes: Sequence[Outcome]) -> list[Batch]:
        batches = []
        for step in dict.fromkeys(outcome.step for outcome in outcomes):
            own = [outcome for outcome in outcomes if outcome.step == step]
            names = [outcome.item for outcome in own]
            for table, column in step_named(step).tables.items():
                rows = together([outcome.rows.get(table, ()) for outcome in own])
                batches.append(Batch(table, rows, column, names))
        files = product_rows(self.view.layout, outcomes)
        if files:
            batches.append(Batch("product", files))
        batches.append(Batch("item", [self._item_row(outcome) for outcome in outcomes]))
        log = [line for outcome in outcomes for line in self._log_lines(outcome)]
        batches.append(Batch("log", log, append=True))
        return batches

    def _item_row(self, outcome: Outcome) -> dict[str, Any]:
        return {
            "step": outcome.step, "name": outcome.item, "key": outcome.key, "parts": json.dumps(dict(outcome.parts)),
            "status": outcome.status, "reason": outcome.reason, "notes": "; ".join(outcome.notes),
            "version": step_named(outcome.step).version, "seconds": outcome.seconds, "run": self.run_id,
            "updated": utc_now(),
        }  # fmt: skip

    def _log_lines(self, outcome: Outcome) -> list[dict[str, Any]]:
        level = {DONE: "info", FAILED: "error"}.get(outcome.status, "warning")
        text = outcome.reason or "; ".join(outcome.notes) or outcome.status
        if outcome.detail:
            text = f"{text}\n{outcome.detail}"
        line = {"time_utc": utc_now(), "run": self.run_id, "level": level, "step": outcome.step}
        return [{**line, "item": outcome.item, "message": text}]


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
