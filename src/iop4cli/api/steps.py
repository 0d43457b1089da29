"""The steps of the pipeline as methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Unpack

from iop4cli.api.choosing import Item, selection
from iop4cli.api.run import Run
from iop4cli.api.running import Flags, How, filters_of, run_steps
from iop4cli.errors import UsageError

if TYPE_CHECKING:
    from iop4cli.commands.opening import Opened
    from iop4cli.pipeline.engine import Event
    from iop4cli.pipeline.view import View


class Steps:
    """What has an archive can do the steps: alone, each with the arguments of `How`, or all of them with `run`."""

    def opened(self, flags: Flags | None = None) -> Opened:
        """The archive with its settings, and these flags over them."""
        raise NotImplementedError

    def view(self) -> View:
        """The archive as the pipeline sees it."""
        from iop4cli.pipeline.view import View

        opened = self.opened()
        return View(opened.store, opened.surroundings())

    def run(
        self, *items: Item, source: str | None = None, instrument: str | None = None, band: str | None = None,
        mode: str | None = None, since: str | None = None, until: str | None = None, where: str | None = None,
        force: bool = False, dry_run: bool = False, jobs: int | None = None, executor: str | None = None,
        params: Mapping[str, Any] | None = None, on_event: Callable[[Event], object] | None = None,
    ) -> Run:  # fmt: skip
        """All seven steps in order: what is due of the items that the filters let through.

        `params` are parameters of the steps, like {"phot.radius_fwhm": 1.5}; the other arguments are those of `How`.
        """
        from iop4cli.pipeline.steps import STEP_NAMES

        how = How(
            source=source, instrument=instrument, band=band, mode=mode, since=since, until=until, where=where,
            force=force, dry_run=dry_run, jobs=jobs, executor=executor, params=params, on_event=on_event,
        )  # fmt: skip
        return run_steps(self.opened, "run", STEP_NAMES, items, how)

    def classify(self, *items: Item, set: Mapping[str, str] | None = None, **how: Unpack[How]) -> Run:
        """Read the headers of raw frames; `set` notes what is true where those of the items lie ("" takes it back)."""
        if set:
            from iop4cli.pipeline.said import override_headers

            if not items:
                raise UsageError("set needs the frames it holds for")
            if how.get("dry_run"):
                raise UsageError("set writes what you say: leave out dry_run")
            override_headers(self.view(), selection(items, filters_of(how)), set)
        return run_steps(self.opened, "classify", ("classify",), items, how)

    def mkmaster(self, *items: Item, **how: Unpack[How]) -> Run:
        """Combine the bias, dark and flat frames of each night, and judge the masters."""
        return run_steps(self.opened, "mkmaster", ("mkmaster",), items, how)

    def reduce(self, *items: Item, **how: Unpack[How]) -> Run:
        """Reduce raw light frames to electrons."""
        return run_steps(self.opened, "reduce", ("reduce",), items, how)

    def solve(self, *items: Item, **how: Unpack[How]) -> Run:
        """Find where on the sky reduced frames are."""
        return run_steps(self.opened, "solve", ("solve",), items, how)

    def phot(self, *items: Item, **how: Unpack[How]) -> Run:
        """Measure apertures, and the magnitudes of photometric frames."""
        return run_steps(self.opened, "phot", ("phot",), items, how)

    def pol(self, *items: Item, **how: Unpack[How]) -> Run:
        """Measure the polarisation of groups of frames."""
        return run_steps(self.opened, "pol", ("pol",), items, how)

    def correct(self, *items: Item, **how: Unpack[How]) -> Run:
        """Judge each result beside the others of its night, and take its host galaxy off."""
        return run_steps(self.opened, "correct", ("correct",), items, how)
