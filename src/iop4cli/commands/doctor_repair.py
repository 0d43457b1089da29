"""iop4 doctor --repair: ask, mend, tell."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from iop4cli.shell import messages

if TYPE_CHECKING:
    from iop4cli.archive.layout import Layout
    from iop4cli.archive.store import Store
    from iop4cli.pipeline.examination import Trouble


def mend(store: Store, layout: Layout, troubles: Sequence[Trouble], *, yes: bool, forget_lost: bool) -> int:
    """Mend what can be, each kind after a yes; returns how many kinds are not mended."""
    from iop4cli.pipeline.examination import FORGET
    from iop4cli.pipeline.repair import IN_WORDS, repair
    from iop4cli.pipeline.session import new_run_id

    n_left, run_id = 0, new_run_id()
    for trouble in troubles:
        what = f"{trouble.kind} ({len(trouble.names)})"
        if not trouble.mend or (trouble.mend == FORGET and not forget_lost):
            messages.notice(f"{what}: not mended: {trouble.text}")
            n_left += 1
            continue
        way = IN_WORDS[trouble.mend]
        if not yes and not sys.stdin.isatty():
            messages.notice(f"{what}: would {way}; say --yes")
            n_left += 1
        elif yes or _agreed(f"{what}: {way}?"):
            left = repair(store, layout, trouble, run_id)
            messages.notice(f"{what}: mended" if not left else f"{what}: a run is at work on {len(left)} of them")
            n_left += bool(left)
        else:
            n_left += 1
    return n_left


def _agreed(question: str) -> bool:
    messages.notice(f"{question} [y/N]")
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
