"""Which nights a report is about."""

from __future__ import annotations

from collections.abc import Sequence

from iop4cli.archive.epochs import Epoch, FrameName, parse_night
from iop4cli.archive.layout import Layout
from iop4cli.archive.selection import parse_name
from iop4cli.archive.store import Store
from iop4cli.errors import NoSuchItem
from iop4cli.instruments.registry import Registry
from iop4cli.pipeline.night_report import nights_known


def reported_nights(
    store: Store, layout: Layout, registry: Registry, names: Sequence[str] | None, since: str | None, until: str | None
) -> list[Epoch]:
    """The nights asked for, the oldest first; a name that no night with frames bears is an error.

    Without names those between `since` and `until`, or the newest.
    """
    first, last = parse_night(since) if since else "", parse_night(until) if until else "9999"
    known = nights_known(store, layout)
    within = [epoch for epoch in known if first <= epoch.night <= last]
    if names is None:
        return within if since or until else [epoch for epoch in known if epoch.night == known[-1].night]
    chosen: set[Epoch] = set()
    for name in names:
        item = parse_name(name if "/" in name else f"*/{parse_night(name)}", registry)
        if isinstance(item, Epoch):
            fitting = {item} & set(known)
        elif isinstance(item, FrameName):
            fitting = {item.epoch} & set(known)
        else:
            fitting = {epoch for epoch in known if item.matches_epoch(epoch)}
        if not fitting:
            raise NoSuchItem(f"{name}: this archive has no frame of it; `iop4 status` lists the nights")
        chosen |= fitting
    return [epoch for epoch in within if epoch in chosen]
