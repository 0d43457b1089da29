"""The picture of the archive from which steps plan: rows of the store, the catalogue, instruments, parameters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from iop4cli.archive.layout import Layout
from iop4cli.archive.people import quoted
from iop4cli.archive.store import Store
from iop4cli.pipeline.items import Folders, Items, done_row
from iop4cli.pipeline.master_reach import MasterReach
from iop4cli.pipeline.parts import difference
from iop4cli.pipeline.shelf import Shelf
from iop4cli.pipeline.step import BLOCKED, CURRENT, DONE, DUE, IMPOSSIBLE, Decision, Job, Step, digest
from iop4cli.pipeline.surroundings import Surroundings

if TYPE_CHECKING:
    import datetime

    from iop4cli.archive.index_files import IndexFile
    from iop4cli.archive.source import Source
    from iop4cli.pipeline.arrivals import Underway
    from iop4cli.pipeline.calibrations import DatedCalibration
    from iop4cli.pipeline.sky_catalog import SkyCatalog
    from iop4cli.pipeline.targets import Targets

Row = dict[str, Any]


@dataclass
class View:
    """One consistent look at the store. `nights` limits it to epochs `TELESCOPE/NIGHT` (None: all).

    `underway` says what is not finished yet while frames arrive (None: nobody watches, all that is there counts).
    """

    store: Store
    surroundings: Surroundings
    nights: frozenset[str] | None = None
    force: bool = False
    dry_run: bool = False
    # What was done in this run by the step before it (step, item): it is not meant by `force` again.
    passed: Collection[tuple[str, str]] = ()
    underway: Underway | None = None
    _tables: dict[str, list[Row]] = field(default_factory=dict)
    _pending: dict[str, set[str]] = field(default_factory=dict)
    _fields: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def layout(self) -> Layout:
        return self.surroundings.layout

    def rows(self, table: str) -> list[Row]:
        """The rows of a product table for the nights in view; of masters also those near enough in time to matter."""
        if table not in self._tables:
            self._tables[table] = self.store.rows(f"select * from {table}{self._where(table)}")
        return self._tables[table]

    def rows_of(self, table: str, names: Iterable[str]) -> list[Row]:
        """The rows of a product table that belong to these items only; nothing is kept."""
        wanted = sorted(set(names))
        if not wanted:
            return []
        column = _NAME_COLUMN[table]
        return self.store.rows(f"select * from {table} where list_contains(?, {column})", [wanted])

    def _where(self, table: str) -> str:
        if table in {"master", "master_input", "master_structure"}:
            near = self._reach.condition()
            return near if table == "master" or not near else f" where master in (select name from master{near})"
        column = _NAME_COLUMN.get(table)
        if self.nights is None or column is None:
            return ""
        if not self.nights:
            return " where false"
        inside = " or ".join(f"starts_with({column}, {quoted(night + '/')})" for night in sorted(self.nights))
        return f" where {inside}"

    @cached_property
    def _reach(self) -> MasterReach:
        return MasterReach.of(self)

    @property
    def first_nights(self) -> Mapping[str, datetime.date] | None:
        """The first night in view of each telescope; None: all nights are."""
        return self._reach.first_nights

    def shelf(self) -> Shelf:
        """The masters to choose from, as they are now."""
        near = self.rows("master")
        return Shelf(near, lambda: near if self.nights is None else self._all_masters(near))

    def _all_masters(self, near: Sequence[Row]) -> list[Row]:
        known = {row["name"] for row in near}
        return [*near, *(row for row in self.store.rows("select * from master") if row["name"] not in known)]

    @cached_property
    def items(self) -> Items:
        """What steps did before."""
        return Items(self._items_of)

    def _items_of(self, step: str) -> list[Row]:
        of_nights = f"select name, key, parts, status, reason, notes, step from item{self._where('item')}"
        return self.store.rows(f"select * exclude step from ({of_nights}) where step = {quoted(step)}")

    @cached_property
    def files(self) -> Folders:
        """Which files of the archive are there."""
        return Folders(self.layout.root)

    @cached_property
    def frames(self) -> dict[str, Row]:
        return {row["name"]: row for row in self.rows("frame")}

    @cached_property
    def masters(self) -> dict[str, Row]:
        """The masters that a frame in view may have, by name."""
        return {row["name"]: row for row in self.rows("master")}

    @cached_property
    def reduced(self) -> dict[str, Row]:
        return {row["frame"]: row for row in self.rows("reduced")}

    @cached_property
    def wcs(self) -> dict[str, Row]:
        """The ordinary beam's WCS by frame."""
        return {row["frame"]: row for row in self.rows("wcs") if row["beam"] == "O"}

    @cached_property
    def wcs_extraordinary(self) -> dict[str, Row]:
        """The extraordinary beam's WCS by frame, where there are two."""
        return {row["frame"]: row for row in self.rows("wcs") if row["beam"] == "E"}

    @cached_property
    def calibrations(self) -> list[DatedCalibration]:
        """The archive's own polarimetric calibrations, the oldest first."""
        from iop4cli.pipeline.calibrations import from_rows

        return from_rows(self.rows("calibration"))

    @cached_property
    def index_files(self) -> list[IndexFile]:
        from iop4cli.archive.index_files import index_files

        return index_files(self.surroundings.index_folders)

    @cached_property
    def catalog(self) -> dict[str, Source]:
        from iop4cli.archive.catalog_store import read_sources

        return {source.name: source for source in read_sources(self.store)}

    @cached_property
    def sky_catalog(self) -> SkyCatalog:
        from iop4cli.pipeline.sky_catalog import SkyCatalog

        return SkyCatalog.of(self.catalog.values())

    @cached_property
    def targets(self) -> Targets:
        from iop4cli.pipeline.targets import Targets

        return Targets(self.catalog)

    def solved_fields(self, instrument: str) -> list[Row]:
        """Frames of all nights that index files solved: rows of `wcs` with what tells whether they may serve."""
        if instrument not in self._fields:
            self._fields[instrument] = self.store.rows(
                "select w.*, e.dx_px as way_x_px, e.dy_px as way_y_px, i.key, f.binning_x, f.width_px, f.height_px, "
                "f.mjd_utc, f.exptime_s, f.target, f.object, f.flipped from wcs w join frame f on f.name = w.frame "
                "join item i on i.name = w.frame and i.step = 'solve' "
                "left join wcs e on e.frame = w.frame and e.beam = 'E' "
                "where w.beam = 'O' and w.method = 'index' and f.instrument = ? order by w.frame",
                [instrument],
            )
        return self._fields[instrument]

    def lights(self) -> list[Row]:
        """Classified science frames, by name."""
        return [self.frames[name] for name in sorted(self.frames) if _is_light(self.frames[name])]

    def instrument(self, name: str) -> Any:
        return self.surroundings.registry.by_name(name)

    def parameters(self, step: Step, instrument_name: str | None = None) -> dict[str, Any]:
        params = self.instrument(instrument_name).params if instrument_name else None
        return self.surroundings.parameters.of(step, params)

    def pending(self, step: str, item: str) -> bool:
        """In a dry run: whether an earlier step would first have to do this item."""
        return item in self._pending.get(step, ())

    def finished(self, step: str, item: str) -> Row | None:
        """What the step left of an item if it succeeded."""
        row = self.items.get(step, item)
        return row if row is not None and row["status"] == DONE else None

    def reason(self, step: str, item: str) -> str:
        """Why the step has no product for the item."""
        row = self.items.get(step, item)
        if row is None:
            return f"{step} has not been run on it"
        return row["reason"] or f"{step}: {row['status']}"

    def key(self, step: str, item: str) -> str:
        row = self.items.get(step, item)
        return str(row["key"]) if row is not None and row["key"] else "none"

    def after(self, decisions: Iterable[Decision]) -> View:
        """This moment, with the frames of these decisions alone, as if what is due there had been done."""
        view, jobs = copy(self), [decision.job for decision in decisions if decision.job is not None]
        view.items = self.items.with_done(jobs)
        view.frames = {job.item: self.frames[job.item] for job in jobs}
        return view

    def expect(self, decisions: Iterable[Decision]) -> None:
        """Let later waves of a dry run plan as if these were done."""
        expected: dict[str, list[Mapping[str, Any]]] = {}
        for decision in decisions:
            if decision.job is None:
                continue
            self._pending.setdefault(decision.step, set()).add(decision.item)
            self.items.of(decision.step)[decision.item] = done_row(decision.job)
            for table, rows in decision.expected.items():
                expected.setdefault(table, []).extend(rows)
        for table, rows in expected.items():
            self._replace_rows(table, rows)

    def _replace_rows(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        column = _NAME_COLUMN.get(table, "name")
        names = {row[column] for row in rows}
        kept = [row for row in self.rows(table) if row[column] not in names]
        self._tables[table] = kept + [dict(row) for row in rows]
        for cached in ("frames", "masters", "reduced", "wcs"):
            self.__dict__.pop(cached, None)

    # The three answers of a plan.

    def decide(
        self,
        step: Step,
        item: str,
        parts: Mapping[str, str],
        frames: Iterable[str],
        *,
        payload: Callable[[], Mapping[str, Any]] = dict,
        missing: str = "",
        expected: Callable[[], Mapping[str, Sequence[Mapping[str, Any]]]] = dict,
    ) -> Decision:
        """Due or up to date: by the parts of the key, each compared. `missing` names a lost file.

        What the job is given, and what rows are expected of it, is asked for only if it is due.
        """
        full = {"step": f"{step.name} {step.version}", **parts}
        key = digest(full)
        stored = self.items.get(step.name, item)
        why = self._why_due(step, item, stored, key, full, missing)
        if not why:
            return Decision(step.name, item, CURRENT, "up to date", tuple(frames))
        job = Job(step.name, item, key, full, why, payload())
        return Decision(step.name, item, DUE, why, tuple(frames), job, expected())

    def _why_due(
        self, step: Step, item: str, stored: Row | None, key: str, parts: Mapping[str, str], missing: str
    ) -> str:
        if stored is None:
            return "new"
        if self.force and (step.name, item) not in self.passed:
            return "forced"
        if stored["key"] != key:
            return difference(stored, parts)
        return missing if missing and stored["status"] == DONE else ""

    def waiting(self, step: Step, item: str, upstream: str, frames: Iterable[str]) -> Decision:
        """In a dry run: due because an earlier step is, whose product is not known yet."""
        job = Job(step.name, item, "pending", {}, f"{upstream} is due")
        return Decision(step.name, item, DUE, job.why, tuple(frames), job)

    def impossible(self, step: Step, item: str, why: str, frames: Iterable[str]) -> Decision:
        return Decision(step.name, item, IMPOSSIBLE, why, tuple(frames))

    def blocked(self, step: Step, item: str, upstream: str, upstream_item: str, frames: Iterable[str]) -> Decision:
        """An earlier step failed on this; its own reason is what counts."""
        why = self.reason(upstream, upstream_item)
        return Decision(step.name, item, BLOCKED, f"{upstream}: {why}", tuple(frames))


_NAME_COLUMN = {
    "item": "name", "frame": "name", "reduced": "frame", "wcs": "frame", "detection": "frame", "aperture": "frame",
    "growth": "frame", "field_star": "frame", "measurement": "origin", "measurement_input": "origin",
    "correction": "origin",
}  # fmt: skip


def _is_light(row: Row) -> bool:
    return row["status"] == DONE and row["kind"] == "light"
