"""Ten years from one reduced night: every row of it again for each other night, with numbers of their own.

Frames of other nights are hard links to those of the first one. Keys are those of the first night, so that other
nights are due; what is asked of the first night is answered as in a real archive.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path

from iop4cli.archive.create import create_archive
from iop4cli.archive.store import Store
from iop4cli.simulate.night import NightRecipe, simulate_night

EPOCH, NIGHT = "OSN-T090/2022-09-08", "2022-09-08"
_AT_ONCE = 100
# Tables whose rows are products or bookkeeping of a night.
TABLES = (
    "item", "frame", "master", "master_input", "master_structure", "reduced", "wcs", "detection", "aperture", "growth",
    "field_star", "measurement", "measurement_input", "correction", "log",
)  # fmt: skip
_IDS = {("measurement", "id"), ("measurement_input", "measurement"), ("correction", "measurement")}
# What does not vary from night to night.
_SETTINGS = {
    "angle_deg", "exptime_s", "scale_arcsec_per_px", "crpix1", "crpix2", "radius_px", "annulus_in_px", "annulus_out_px",
    "aperture_arcsec", "radius_deg", "q_inst", "u_inst", "value", "value_err",
}  # fmt: skip


def make_night(folder: Path, groups: int) -> None:
    """The night that is copied: 7 bias, 25 flats (5 of each of 5 filters) and 10 light frames at the least."""
    create_archive(folder)
    recipe = NightRecipe("AndorT90", "both", NIGHT, 1, targets=("BL Lacertae", "3C 454.3"), groups_per_target=groups)
    simulate_night(folder, recipe)


def add_nights(root: Path, n_nights: int, sources_times: int = 1, n_before: int = 1) -> None:
    """Nights before the first one till there are so many, of which the archive has `n_before`.

    Each source's results of the new ones `sources_times` times, under other names.
    """
    store = Store(root / "iop4.duckdb")
    columns = {
        table: store.rows(
            "select column_name as name, data_type as type from duckdb_columns() "
            f"where table_name = '{table}' order by column_index"
        )
        for table in TABLES
    }
    for first in range(n_before, n_nights, _AT_ONCE):
        nights = f"generate_series({first}, {min(first + _AT_ONCE, n_nights) - 1}) g(back)"
        store.write([], "".join(_copied(table, columns[table], nights, sources_times) for table in TABLES))
    for back in range(n_before, n_nights):
        night = datetime.date.fromisoformat(NIGHT) - datetime.timedelta(days=back)
        _link_frames(root, f"{root}/raw/OSN-T090/{night}")


def _link_frames(root: Path, folder: str) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    for frame in (root / "raw" / EPOCH).iterdir():
        os.link(frame, f"{folder}/{frame.name}")


def _copied(table: str, columns: list[dict[str, str]], nights: str, sources_times: int) -> str:
    times = sources_times if any((table, column["name"]) in _IDS for column in columns) else 1
    values = ", ".join(f"{_value(table, column['name'], column['type'])} as {column['name']}" for column in columns)
    return (
        f"insert into {table} by name select {values} from {table} t, {nights}, "
        f"generate_series(0, {times - 1}) a(again) where {_of_first(table)};"
    )


def _of_first(table: str) -> str:
    name = {
        "master": "name", "master_input": "master", "master_structure": "master", "measurement": "origin",
        "measurement_input": "origin", "correction": "origin", "item": "name", "frame": "name", "log": "item",
    }.get(table, "frame")  # fmt: skip
    return f"starts_with(t.{name}, '{EPOCH}/')"


def _value(table: str, name: str, kind: str) -> str:
    column = f"t.{name}"
    if (table, name) in _IDS:
        return f"md5({column} || back || ' ' || again)[1:12]"
    if name == "night":
        return f"{column} - back::int"
    if name in {"mjd_utc", "bjd_tdb"}:
        return f"{column} - back"
    if name == "source" and table == "measurement":
        return f"case when again = 0 then {column} else {column} || ' ' || again end"
    if kind == "DOUBLE" and name not in _SETTINGS:
        return f"{column} * (1 + 0.001 * (random() - 0.5))"
    if kind == "FLOAT[]":
        return f"list_transform({column}, lambda x: (x * (1 + 0.001 * (random() - 0.5)))::float)"
    if kind == "VARCHAR":
        return f"replace({column}, '{EPOCH}', 'OSN-T090/' || (date '{NIGHT}' - back::int)::text)"
    return column
