"""Nights copied from a reduced one, made up to date: each plan says what is due, and that is put on record."""

from __future__ import annotations

import json
import os
from pathlib import Path
from unittest.mock import patch

from iop4cli.archive.layout import PRODUCT_FOLDERS, find_archive
from iop4cli.archive.store import Batch, Store
from iop4cli.commands.opening import opened_at
from iop4cli.pipeline.step import DONE, Job, Step
from iop4cli.pipeline.steps import STEP_NAMES, step_named
from iop4cli.pipeline.view import View
from tests.bench.many_nights import EPOCH
from tests.bench.processes import own_environment


def bring_up_to_date(root: Path) -> None:
    """Give what is due the key that it would have when done, step by step, as each rests on the one before."""
    _link_products(root)
    # Index files and settings as the commands have them.
    with patch.dict(os.environ, own_environment(root)):
        opened = opened_at(find_archive(root))
        for step in map(step_named, STEP_NAMES):
            for wave in step.waves:
                view = View(opened.store, opened.surroundings())
                with opened.store.reading():
                    due = [decision.job for decision in step.plan(view, wave) if decision.job is not None]
                _put_on_record(opened.store, step, due)


def _put_on_record(store: Store, step: Step, due: list[Job]) -> None:
    known = {row["name"]: row for row in store.rows(f"select * from item where step = '{step.name}'")}
    done = [
        {**known[job.item], "key": job.key, "parts": json.dumps(dict(job.parts)), "status": DONE, "reason": ""}
        for job in due
    ]
    if not done:
        return
    store.write([Batch("item", done)])
    if step.name == "mkmaster":
        store.write([], "update master set key = i.key from item i where i.step = 'mkmaster' and i.name = master.name;")


def _link_products(root: Path) -> None:
    telescope = EPOCH.split("/", 1)[0]
    for top in PRODUCT_FOLDERS:
        for night in (root / "raw" / telescope).iterdir():
            folder = root / top / telescope / night.name
            if folder.is_dir():
                continue
            folder.mkdir(parents=True)
            for product in (root / top / EPOCH).iterdir():
                os.link(product, folder / product.name)
