"""The record of a run of steps: who ran what, when, and how it ended."""

from __future__ import annotations

import socket
from datetime import datetime

from iop4cli import __version__
from iop4cli.archive.people import who
from iop4cli.archive.store import Batch, Store, utc_now
from iop4cli.pipeline.engine import Tally
from iop4cli.pipeline.step import DONE


def record_run(store: Store, run_id: str, started: datetime, tally: Tally, command: str) -> None:
    """One row for a run that did something; `started` is in UTC without a zone."""
    n_done = tally.counts[DONE]
    if n_done + tally.n_troubles == 0:
        return
    row = {
        "id": run_id, "started": started, "finished": utc_now(), "command": command, "version": __version__,
        "host": socket.gethostname(), "who": who(), "exit_code": tally.exit_code, "n_done": n_done,
        "n_failed": tally.n_news_failed,
    }  # fmt: skip
    store.write([Batch("run", [row])])
