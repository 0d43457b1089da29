"""The past of one result: its numbers since it was first measured, and what made each of them another one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from iop4cli.archive.moments import Moment, history_of
from iop4cli.archive.store import Store
from iop4cli.pipeline.differences import Reasons

_KEPT = ("made", "run", "command", "mag", "mag_err", "p", "p_err", "chi_deg", "chi_err_deg", "calibration")
# Times of the store are whole microseconds.
_INSTANT = timedelta(microseconds=1)


def past_of_result(store: Store, result_id: str) -> list[dict[str, Any]]:
    """A row for each set of numbers, oldest first; `until` is when others replaced them, `changed` why these came."""
    rows = history_of(store, result_id)
    past: list[dict[str, Any]] = []
    for before, row in zip([None, *rows], rows, strict=False):
        changed = [] if before is None else _causes(store, before, row)
        told = {name: row[name] for name in _KEPT}
        past.append({**told, "software": row["version"], "until": row["replaced"], "changed": changed})
    return past


def _causes(store: Store, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    earlier = Moment(store, "before", _just_before(before["replaced"]))
    later = Moment(store, "after", after["made"])
    reasons = Reasons.between(earlier, later, [(before, after)])
    return [str(cause) for cause in reasons.of(before, after, {"mag"})]


def _just_before(replaced: datetime) -> datetime:
    return replaced - _INSTANT
