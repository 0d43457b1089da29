"""What became of results between two moments of an archive, or in two archives: how far each moved, and why.

How far a value moved is told in units of its quoted error at the first moment: "the published number is off by so much
of what was said to be its error". A night that is reduced twice has the same photons in it, so that two honest
reductions differ by much less than one of these. Where the raw frames themselves differ (two archives with frames of
the same names), both numbers scatter by their errors, and the unit is the root of the sum of both squares. Both are
given; which one counts is `sigmas`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from iop4cli.archive.moments import (
    Moment,
    columns_of_correction,
    count_at,
    inputs_at,
    item_versions,
    results_at,
    software_of_runs,
)
from iop4cli.pipeline.causes import CALIBRATION, RAW_FRAME, Cause, Causes, Side, Versions

if TYPE_CHECKING:
    import polars as pl

Row = Mapping[str, Any]
NEW, GONE, MOVED, CHANGED, MARKED = "new", "gone", "moved", "changed", "marked"
# Values of a result that have an error of their own, in the order in which people ask for them.
QUANTITIES = {
    "mag": "mag_err", "q": "q_err", "u": "u_err", "p": "p_err", "chi_deg": "chi_err_deg",
    "mag_host": "mag_host_err", "q_host": "q_host_err", "u_host": "u_host_err", "p_host": "p_host_err",
}  # fmt: skip
# What tells of a result and is no number of it.
_ASIDE = {"id", "version", "run", "made", "origin"}
_MARKS = {"quality", "quality_text", "flags"}


@dataclass(frozen=True)
class Change:
    """One value of a result before and after, with its errors; None is not known."""

    before: float | None
    after: float | None
    error_before: float | None
    error_after: float | None
    difference: float | None = None
    # In units of the first's error, and of both errors as if they had nothing in common.
    in_errors: float | None = None
    in_both_errors: float | None = None


@dataclass(frozen=True)
class Difference:
    """What became of one result; `row` is the view's row after, or before if it is gone."""

    id: str
    status: str
    row: Row
    changes: Mapping[str, Change] = field(default_factory=dict)
    # Other columns that changed: name -> (before, after).
    others: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    causes: tuple[Cause, ...] = ()
    independent: bool = False

    def sigmas(self, quantity: str) -> float | None:
        """How far a value moved, in its errors."""
        change = self.changes[quantity]
        return change.in_both_errors if self.independent else change.in_errors

    @property
    def most(self) -> tuple[str, float | None] | None:
        """The value that moved most, and how far; one that appeared or vanished is first."""
        ranked = [(name, self.sigmas(name)) for name in self.changes]
        appeared = [(name, None) for name in self.changes if _appeared(self.changes[name])]
        known = [(name, far) for name, far in ranked if far is not None]
        return appeared[0] if appeared else max(known, key=lambda one: abs(one[1]), default=None)

    @property
    def why(self) -> str:
        return "; ".join(map(str, self.causes)) or "nothing that is on record"


@dataclass(frozen=True)
class Comparison:
    """All results that are not what they were, and how many are."""

    before: Moment
    after: Moment
    differences: tuple[Difference, ...]
    n_alike: int


def compare(before: Moment, after: Moment, condition: tuple[str, str], sigmas: float) -> Comparison:
    """What differs between two moments; `condition` chooses results of each in SQL.

    A result has moved if one of its values did by more than so many errors, or appeared or vanished.
    """
    same_archive = before.store.door.identity == after.store.door.identity
    first = results_at(before, condition[0], after if same_archive else None)
    second = results_at(after, condition[1], before if same_archive else None)
    pairs = _unlike(first, second)
    reasons = Reasons.between(before, after, pairs)
    found = [_difference(mine, other, reasons, sigmas) for mine, other in pairs]
    differences = sorted((one for one in found if one is not None), key=_order)
    n_after = count_at(after, condition[1])
    n_alike = n_after - sum(one.status != GONE for one in differences)
    return Comparison(before, after, tuple(differences), n_alike)


def _order(one: Difference) -> tuple[Any, ...]:
    most = one.most
    far = 0.0 if most is None else math.inf if most[1] is None else abs(most[1])
    return ([MOVED, GONE, NEW, MARKED, CHANGED].index(one.status), -far, one.row["mjd_utc"] or 0.0, one.id)


def _unlike(first: pl.DataFrame, second: pl.DataFrame) -> list[tuple[Row | None, Row | None]]:
    """Rows of both by id, where any column that counts is another one; None where there is none."""
    import polars as pl

    compared = [name for name in first.columns if name not in _ASIDE]
    mine = first.with_columns(pl.lit(True).alias("there"))
    other = second.with_columns(pl.lit(True).alias("there"))
    joined = mine.join(other, on="id", how="full", coalesce=True, suffix=".after")
    unlike = pl.any_horizontal([pl.col(name).ne_missing(pl.col(f"{name}.after")) for name in [*compared, "there"]])
    names = [name for name in first.columns if name != "id"]
    pairs: list[tuple[Row | None, Row | None]] = []
    for row in joined.filter(unlike).iter_rows(named=True):
        before = {"id": row["id"], **{name: row[name] for name in names}} if row["there"] else None
        after = {"id": row["id"], **{name: row[f"{name}.after"] for name in names}} if row["there.after"] else None
        pairs.append((before, after))
    return pairs


def _difference(before: Row | None, after: Row | None, reasons: Reasons, sigmas: float) -> Difference | None:
    if before is None or after is None:
        row = after or before
        assert row is not None
        status = NEW if before is None else GONE
        return Difference(row["id"], status, row, causes=reasons.of_status(row, status))
    changes = {name: change for name, error in QUANTITIES.items() if (change := _change(before, after, name, error))}
    others = {
        name: (before[name], after[name])
        for name in before
        if name not in _ASIDE and name not in QUANTITIES and before[name] != after[name]
    }
    causes = reasons.of(before, after, set(others) | set(changes))
    independent = any(cause.text.startswith(RAW_FRAME) for cause in causes)
    found = Difference(before["id"], CHANGED, after, changes, others, causes, independent)
    return Difference(found.id, _status(found, sigmas), after, changes, others, causes, independent)


def _status(one: Difference, sigmas: float) -> str:
    most = one.most
    if most is not None and (most[1] is None or abs(most[1]) > sigmas):
        return MOVED
    if _MARKS & set(one.others):
        return MARKED
    return CHANGED


def _change(before: Row, after: Row, name: str, error_name: str) -> Change | None:
    old, new = before[name], after[name]
    error, other_error = before[error_name], after[error_name]
    if old == new:
        return None
    if old is None or new is None:
        return Change(old, new, error, other_error)
    difference = new - old
    if name == "chi_deg":
        difference = (difference + 90.0) % 180.0 - 90.0
    # Without an error of its own the first is measured by the second's.
    own = error or other_error
    both = math.hypot(error or 0.0, other_error or 0.0)
    return Change(
        old, new, error, other_error, difference, difference / own if own else None, difference / both if both else None
    )


def _appeared(change: Change) -> bool:
    return (change.before is None) != (change.after is None)


@dataclass(frozen=True)
class Reasons:
    """What is needed to say why results differ, read once."""

    causes: Causes
    inputs_before: Mapping[str, Sequence[Row]]
    inputs_after: Mapping[str, Sequence[Row]]
    of_correct: set[str]

    @classmethod
    def between(cls, before: Moment, after: Moment, pairs: Sequence[tuple[Row | None, Row | None]]) -> Reasons:
        rows = [row for pair in pairs for row in pair if row is not None]
        ids = {row["id"] for row in rows}
        inputs = inputs_at(before, ids), inputs_at(after, ids)
        names = {row["origin"] for row in rows} | {_night_item(row) for row in rows}
        names |= {one["input"] for found in inputs for several in found.values() for one in several}
        sides = [Side(Versions(item_versions(m.store, names), software_of_runs(m.store)), m.time_utc)
                 for m in (before, after)]  # fmt: skip
        return cls(Causes(*sides), *inputs, columns_of_correction(after.store))

    def of(self, before: Row, after: Row, columns: set[str]) -> tuple[Cause, ...]:
        """Why a result that is there before and after is not the same."""
        found: set[Cause] = set()
        if columns - self.of_correct - _MARKS:
            frames = [row["input"] for row in self.inputs_after.get(after["id"], ()) if row["role"].startswith("frame")]
            found |= set(self.causes.of(str(after["mode"]), str(after["origin"]), frames))
            found |= self._of_inputs(after["id"])
            found = {_calibration(cause, before, after) for cause in found}
        if columns & self.of_correct:
            found |= set(self.causes.of("correct", _night_item(after)))
        if "flags" in columns:
            found.add(Cause("flags of people"))
        return _telling(found)

    def _of_inputs(self, name: str) -> set[Cause]:
        """Calibrators and frames that are used, or are not, and calibrators whose catalogue magnitude is another."""
        before = {(row["input"], row["role"]): row for row in self.inputs_before.get(name, ())}
        after = {(row["input"], row["role"]): row for row in self.inputs_after.get(name, ())}
        found = set()
        for one, role in sorted(set(before) | set(after)):
            old, new = before.get((one, role)), after.get((one, role))
            if role == "calibrator":
                if old is None or new is None:
                    found.add(Cause(f"calibrator {one} {'added' if old is None else 'dropped'}"))
                elif (old["value"], old["value_err"]) != (new["value"], new["value_err"]):
                    found.add(Cause(f"calibrator {one} {_magnitude(old)} -> {_magnitude(new)}"))
            elif old is None and role == "frame not used":
                found.add(Cause("a frame is not used any more", one, True))
            elif new is None and role == "frame not used":
                found.add(Cause("a frame is used again", one, True))
        return found

    def of_status(self, row: Row, status: str) -> tuple[Cause, ...]:
        """Why a result is new or gone: what the other moment has to say of its frame or group."""
        sides = [self.causes.after, self.causes.before] if status == NEW else [self.causes.before, self.causes.after]
        own, item = (side.versions.at(str(row["mode"]), str(row["origin"]), side.time_utc) for side in sides)
        # The same key would have given the same results: then the item is only on record for another time.
        if item is None or (own is not None and own["key"] == item["key"]):
            was = "were not there, or were" if status == NEW else "are not there any more, or are"
            return (Cause(f"its frames {was} something else"),)
        if item["status"] != "done":
            return (Cause(f"{row['mode']} {'had failed' if status == NEW else 'fails'}: {item['reason']}"),)
        return (Cause("its source was not measured" if status == NEW else "its source is not measured any more"),)


def _calibration(cause: Cause, before: Row, after: Row) -> Cause:
    """The polarimetric calibration by its name, which only the results know."""
    if cause.text != CALIBRATION:
        return cause
    old, new = (row["calibration"] or "none" for row in (before, after))
    return Cause(f"numbers of the calibration {new}" if old == new else f"calibration {old} -> {new}")


def _telling(found: Iterable[Cause]) -> tuple[Cause, ...]:
    """The causes, without those that follow from others unless there is no other."""
    own = sorted(cause for cause in found if not cause.derived)
    return tuple(own) if own else tuple(sorted(found))


def _magnitude(row: Row) -> str:
    if row["value"] is None:
        return "none"
    return f"{row['value']:g}" + ("" if row["value_err"] is None else f" +- {row['value_err']:g}")


def _night_item(row: Row) -> str:
    return str(row["origin"]).rsplit("/", 1)[0] + "/results"
