"""What needs no archive: checks of the set-up, and simulated nights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iop4cli.api.frames import frame_of
from iop4cli.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from iop4cli.simulate.night import SimulatedNight


def doctor(archive: str | Path | None = None) -> pl.DataFrame:
    """Check program, archive (that one, or the nearest, if any), store, index files, instruments and files.

    A row for each check: check, status (ok, warning, bad), text.
    """
    from iop4cli.commands.checks import Checks

    checks = Checks(None if archive is None else Path(archive).expanduser())
    return frame_of(list(checks.run()), ("check", "status", "text"))


def simulate_night(
    folder: str | Path, *, instrument: str = "AndorT90", mode: str = "both", night: str = "2022-09-08",
    bad: Sequence[str] = (), index: bool = False, **recipe: Any,
) -> SimulatedNight:  # fmt: skip
    """Write a raw night with a known truth into `folder` (`iop4 simulate`).

    `bad` are kinds of bad input to add, or ("all",); with `index` the folder gets index files of the fields too. The
    rest are fields of `iop4cli.simulate.recipe.NightRecipe`, which tells their units: seed, targets, size_px, ...
    """
    from iop4cli.simulate.damage import damage_kinds, damage_night
    from iop4cli.simulate.errors import SimulationError
    from iop4cli.simulate.index import build_index
    from iop4cli.simulate.night import NightRecipe
    from iop4cli.simulate.night import simulate_night as simulate

    to = Path(folder).expanduser()
    try:
        made = simulate(to, NightRecipe(instrument, mode, night, **recipe))
        kinds = damage_kinds() if "all" in bad else tuple(bad)
        if kinds:
            damage_night(made.night_folder, kinds)
        if index:
            build_index(to / "index", sorted({row.source for row in made.truth if row.is_target}))
    except SimulationError as error:
        raise UsageError(str(error)) from error
    return made
