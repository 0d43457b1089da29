"""What the store holds about one thing: a frame, a master, a group, a result or a source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iop4cli.archive.epochs import NameGlob, parse_frame_name
from iop4cli.archive.names import NameIndex
from iop4cli.archive.people import quoted
from iop4cli.archive.queries import item_query
from iop4cli.archive.results import RESULT_ID, suggestion
from iop4cli.archive.selection import parse_name
from iop4cli.archive.store import Store
from iop4cli.errors import Iop4Error, NoSuchItem

if TYPE_CHECKING:
    from iop4cli.instruments.registry import Registry

Row = dict[str, Any]
Tables = dict[str, list[Row]]
_FOLDERS = ("raw/", "reduced/", "master/")


@dataclass(frozen=True)
class Thing:
    """Something with a history; `kind` is frame, master, group, result or source."""

    kind: str
    name: str


class Names:
    """All names of an archive, read once."""

    def __init__(self, store: Store, registry: Registry) -> None:
        found = store.tables(
            {
                "frame": "select name, filename from frame",
                "master": "select name, path from master",
                "group": """
                    select distinct name from item
                    where step = 'pol' and name not in (select name from frame)""",
                "result": "select id as name from measurement",
                "source": "select name, other_names from source",
                "measured": "select distinct source as name from measurement",
            }
        )
        self._registry = registry
        self._by_kind = {kind: {row["name"] for row in found[kind]} for kind in ("frame", "master", "group", "result")}
        self._paths = {str(row["path"]): row["name"] for row in found["master"] if row["path"]}
        self._files: dict[str, set[str]] = {}
        for row in found["frame"]:
            self._files.setdefault(row["filename"], set()).add(row["name"])
        self._sources = NameIndex({row["name"]: row["other_names"] or () for row in found["source"]})
        self._words = {word for row in found["source"] for word in (row["name"], *(row["other_names"] or ()))}
        self._measured = {row["name"] for row in found["measured"]}

    def find(self, said: str) -> list[Thing]:
        """What a name, path or pattern means; what means nothing is an error with the nearest name."""
        things = self._file(said) or self._source(said) if "/" not in said else self._path(said)
        if RESULT_ID.fullmatch(said) and said in self._by_kind["result"]:
            return [Thing("result", said)]
        if things:
            return things
        known = set().union(*self._by_kind.values()) | self._words | set(self._files)
        raise NoSuchItem(f"nothing in this archive is called {said!r}{suggestion(said, known)}")

    def _file(self, said: str) -> list[Thing]:
        return [Thing("frame", name) for name in sorted(self._files.get(said, ()))]

    def _source(self, said: str) -> list[Thing]:
        found = self._sources.find(said) or sorted(self._measured & {said})
        return [Thing("source", name) for name in found]

    def _path(self, said: str) -> list[Thing]:
        if said in self._paths:
            return [Thing("master", self._paths[said])]
        name = said
        for folder in _FOLDERS:
            name = name.removeprefix(folder)
        try:
            item = parse_name(name, self._registry)
        except NoSuchItem:
            raise
        except Iop4Error:
            return self._source(said)
        found = []
        for kind in ("frame", "master", "group"):
            for known in sorted(self._by_kind[kind]):
                fits = item.matches(parse_frame_name(known)) if isinstance(item, NameGlob) else known == str(item)
                if fits:
                    found.append(Thing(kind, known))
        if not found and any(name.startswith(f"{item}/") for name in self._by_kind["frame"]):
            raise NoSuchItem(
                f"{said} is a whole night: see `iop4 status {said}`, or `iop4 show '{said}/*'` for all of it"
            )
        return found


def items_of_frame(store: Store, name: str) -> list[str]:
    """The items of steps that a frame has part in: itself, its group, its night's results."""
    rows = store.rows(
        "select distinct i.origin, c.origin as results from measurement_input i "
        "left join correction c on c.measurement = i.measurement where i.input = ? and i.role like 'frame%'",
        [name],
    )
    return sorted({name, *(row[column] for row in rows for column in ("origin", "results") if row[column])})


_RESULT = "id, source, mode, band, mjd_utc, mag, mag_err, p, p_err, chi_deg, chi_err_deg, quality_text, flags"


def about_frame(store: Store, name: str) -> Tables:
    """Everything about a frame."""
    own = quoted(name)
    inputs = f"select measurement from measurement_input where input = {own} and role like 'frame%'"
    return store.tables(
        {
            "frame": f"select * from frame where name = {own}",
            "override": f"select field, value, who, time_utc from override where frame = {own} order by 1",
            "item": item_query(items_of_frame(store, name)),
            "reduced": f"select * from reduced where frame = {own}",
            "wcs": f"select * from wcs where frame = {own} order by beam",
            "aperture": f"select * from aperture where frame = {own} order by source, beam",
            "master_input": f"select * from master_input where frame = {own} order by master",
            "results": f"select {_RESULT}, origin from results where id in ({inputs}) order by source, id",
        }
    )


def masters_with(store: Store, frame: str) -> list[Row]:
    """The masters that a calibration frame is part of, or was left out of with the reason."""
    return store.rows("select master, used, reason from master_input where frame = ? order by master", [frame])


def about_master(store: Store, name: str) -> Tables:
    """Everything about a master."""
    own = quoted(name)
    return store.tables(
        {
            "master": f"select * from master where name = {own}",
            "override": f"select field, value, who, time_utc from override where frame = {own} order by 1",
            "item": item_query([name]),
            "master_input": f"""
                select frame, used, reason from master_input where master = {own}
                order by used desc, frame""",
            "reduced": f"select frame from reduced where {own} in (bias, dark, flat) order by frame",
            "masters": f"select name from master where bias = {own} order by name",
        }
    )


def about_group(store: Store, name: str) -> Tables:
    """Everything about a polarimetric group."""
    own = quoted(name)
    return store.tables(
        {
            "item": item_query([name, "/".join(name.split("/")[:2]) + "/results"]),
            "frames": f"""
                select distinct f.name, f.angle_deg, f.mjd_utc, f.exptime_s, r.bias, r.dark, r.flat,
                    w.fwhm_arcsec
                from measurement_input i join frame f on f.name = i.input
                left join reduced r on r.frame = f.name left join wcs w on w.frame = f.name and w.beam = 'O'
                where i.origin = {own} and i.role like 'frame%' order by f.mjd_utc""",
            "results": f"select {_RESULT}, calibration from results where origin = {own} order by source",
            "place": f"""
                select telescope, night, instrument, band from measurement where origin = {own} limit 1""",
        }
    )


def about_result(store: Store, result_id: str) -> Tables:
    """Everything about a result."""
    own = quoted(result_id)
    found = store.tables(
        {
            "result": f"select * from results where id = {own}",
            "flag": f"select reason, who, time_utc from flag where measurement = {own} order by time_utc",
            "frames": f"""
                select i.input as name, i.role, i.value as transparency, i.value_err as transparency_err,
                    f.angle_deg, f.mjd_utc, f.exptime_s, a.flux_e, a.flux_err_e, a.radius_px, a.bits,
                    e.flux_e as flux_extraordinary_e, e.flux_err_e as flux_extraordinary_err_e,
                    w.method as solved_by, w.reference as solved_with,
                    r.bias, r.dark, r.flat, r.master_notes
                from measurement_input i join measurement m on m.id = i.measurement
                left join frame f on f.name = i.input left join reduced r on r.frame = i.input
                left join aperture a on a.frame = i.input and a.source = m.source and a.beam = 'O'
                left join aperture e on e.frame = i.input and e.source = m.source and e.beam = 'E'
                left join wcs w on w.frame = i.input and w.beam = 'O'
                where i.measurement = {own} and i.role like 'frame%' order by f.mjd_utc, i.input""",
            "calibrators": f"""
                select i.input as name, s.mag, s.mag_err
                from measurement_input i join measurement m on m.id = i.measurement
                left join source_mag s on s.source = i.input and s.band = m.band
                where i.measurement = {own} and i.role = 'calibrator' order by 1""",
        }
    )
    frames = [row["name"] for row in found["frames"]]
    origins = [row["origin"] for row in found["result"]]
    nights = ["/".join(name.split("/")[:2]) + "/results" for name in origins]
    return {**found, "item": store.rows(item_query([*frames, *origins, *nights]))}


def about_source(store: Store, name: str) -> Tables:
    """Everything about a source of the catalogue."""
    own = quoted(name)
    return store.tables(
        {
            "source": f"select * from source where name = {own}",
            "mags": f"select band, mag, mag_err from source_mag where source = {own} order by band",
            "calibrators": f"select calibrator as name from calibrates where target = {own} order by 1",
            "calibrates": f"select target as name from calibrates where calibrator = {own} order by 1",
            "results": f"""
                select {_RESULT}, telescope, night, instrument from results where source = {own}
                order by mjd_utc, id""",
        }
    )


def plain_names(rows: Iterable[Row], column: str = "name") -> list[str]:
    return [str(row[column]) for row in rows]
