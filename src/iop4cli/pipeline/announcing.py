"""Results that are new since somebody was last told, beside the last thirty days of their source."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iop4cli.archive.asking import check_condition
from iop4cli.archive.store import Store, utc_now
from iop4cli.errors import UsageError
from iop4cli.frames.fits import sync
from iop4cli.unfinished import written_whole

DAYS = 30
# Rows bear the moment at which their batch was begun; a batch may be committed after one that was begun later.
_LATE_S = 120.0
# What an alert may name besides the columns of `results`.
_COMPARED = f"""
    select r.*, m.made as made_utc,
      (select median(o.mag) from results o where {{same}} and o.mag is not null) as mag_{DAYS}d,
      (select count(o.mag) from results o where {{same}}) as n_mag_{DAYS}d,
      (select median(o.p) from results o where {{same}} and o.p is not null) as p_{DAYS}d,
      (select count(o.p) from results o where {{same}}) as n_p_{DAYS}d,
      (select median(o.chi_deg) from results o where {{same}} and o.chi_deg is not null) as chi_{DAYS}d_deg
    from results r join measurement m on m.id = r.id""".format(
    same=f"o.source = r.source and o.band = r.band and o.flags is null "
    f"and o.mjd_utc >= r.mjd_utc - {DAYS} and o.mjd_utc < r.mjd_utc"
)


# What was there before is a result that others of its night have changed (better masters), and no news.
_FRESH = (
    "select m.id from measurement m where m.made >= ? "
    "and not exists (select 1 from measurement_past o where o.id = m.id)"
)


@dataclass
class Announcer:
    """Finds new results of targets (`everything`: of all sources), each once, over restarts.

    `path` keeps what was announced: the moment up to which, and the ids that were made shortly before it.
    """

    store: Store
    path: Path
    alerts: Sequence[str] = ()
    everything: bool = False
    _until: datetime.datetime | None = None
    _told: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Take up where the last watch ended; the first one of an archive begins now."""
        self._check_alerts()
        try:
            said = json.loads(self.path.read_text(encoding="utf-8"))
            self._until = datetime.datetime.fromisoformat(said["until_utc"])
            self._told = dict(said["told"])
        except (OSError, ValueError, KeyError, TypeError):
            self._until = utc_now()
            self._save()

    def new_results(self) -> list[dict[str, Any]]:
        """Rows of `results` in order of time, with medians of the days before and `alerts`: which conditions hold."""
        assert self._until is not None
        since = self._until - datetime.timedelta(seconds=_LATE_S)
        fresh = [
            row["id"] for row in self.store.rows(f"{_FRESH} {self._whose()}", [since]) if row["id"] not in self._told
        ]
        if not fresh:
            return []
        conditions = "".join(f", ({alert}\n) as alert_{i}" for i, alert in enumerate(self.alerts))
        question = f"select *{conditions} from ({_COMPARED}) where list_contains(?, id) order by mjd_utc, source, id"
        rows = self.store.rows(question, [fresh])
        for row in rows:
            row["alerts"] = [text for i, text in enumerate(self.alerts) if row.pop(f"alert_{i}")]
        return rows

    def told(self, rows: Sequence[dict[str, Any]]) -> None:
        """These are announced."""
        if not rows:
            return
        self._told |= {row["id"]: row["made_utc"].isoformat() for row in rows}
        self._until = max(row["made_utc"] for row in rows)
        oldest = (self._until - datetime.timedelta(seconds=2 * _LATE_S)).isoformat()
        self._told = {name: made for name, made in self._told.items() if made >= oldest}
        self._save()

    def _whose(self) -> str:
        if self.everything:
            return ""
        # What calibrates others and is nobody's target is measured in every field.
        return (
            "and (m.source not in (select calibrator from calibrates) "
            "or exists (select 1 from measurement_input i join frame f on f.name = i.input "
            "where i.measurement = m.id and f.target = m.source))"
        )

    def _check_alerts(self) -> None:
        """A condition that cannot be asked is an error at once, not at the first result."""
        for alert in self.alerts:
            question = f"select ({alert}\n)::boolean as told from ({_COMPARED}) where false"
            try:
                check_condition(alert)
                self.store.answer(question)
            except UsageError as error:
                raise UsageError(f"--alert {alert!r}: {error}") from error

    def _save(self) -> None:
        assert self._until is not None
        self.path.parent.mkdir(parents=True, exist_ok=True)
        said = json.dumps({"until_utc": self._until.isoformat(), "told": self._told})
        with written_whole(self.path) as temporary:
            temporary.write_text(said, encoding="utf-8")
            sync(temporary)
