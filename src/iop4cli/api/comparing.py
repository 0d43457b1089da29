"""Two runs, or two archives, beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from iop4cli.api.choosing import Filters, selection
from iop4cli.api.frames import frame_of
from iop4cli.archive.layout import CONFIG_NAME

if TYPE_CHECKING:
    import polars as pl

    from iop4cli.api.archive import Archive
    from iop4cli.archive.moments import Moment


def differences(
    archive: Archive, before: str | Path | Archive | None, after: str | Path | Archive | None, sigma: float,
    everything: bool, filters: Filters,
) -> pl.DataFrame:  # fmt: skip
    """A row for each result that is not what it was; archives are told from runs by being folders of that kind."""
    from iop4cli.archive.results import condition_of
    from iop4cli.commands.diffing import COLUMNS, line_of
    from iop4cli.pipeline.differences import CHANGED, compare

    (here, first), (there, second) = _moments(archive, before, after)
    asked = selection((), filters)
    condition = (
        condition_of(asked, first.store, here.opened().surroundings().registry),
        condition_of(asked, second.store, there.opened().surroundings().registry),
    )
    found = compare(first, second, condition, sigma).differences
    return frame_of([line_of(one) for one in found if everything or one.status != CHANGED], COLUMNS)


def _moments(
    archive: Archive, before: str | Path | Archive | None, after: str | Path | Archive | None
) -> tuple[tuple[Archive, Moment], tuple[Archive, Moment]]:
    one, other = _archive(before), _archive(after)
    if one is not None or other is not None:
        # One archive alone is compared with this one, which comes first.
        pair = (archive, one) if other is None else (one or archive, other)
        return _as_it_is(pair[0]), _as_it_is(pair[1])  # type: ignore[arg-type]
    if after is None:
        before, after = ("last-1", "last") if before is None else (before, "last")
    return _end_of_run(archive, str(before or "last-1")), _end_of_run(archive, str(after))


def _archive(said: str | Path | Archive | None) -> Archive | None:
    from iop4cli.api.archive import Archive

    if said is None or isinstance(said, Archive):
        return said
    is_folder = isinstance(said, Path) or "/" in said or (Path(said) / CONFIG_NAME).is_file()
    return Archive(said) if is_folder else None


def _as_it_is(archive: Archive) -> tuple[Archive, Moment]:
    from iop4cli.archive.moments import Moment

    return archive, Moment(archive.opened().store, str(archive.path))


def _end_of_run(archive: Archive, said: str) -> tuple[Archive, Moment]:
    from iop4cli.archive.moments import end_of_run

    return archive, end_of_run(archive.opened().store, said)
