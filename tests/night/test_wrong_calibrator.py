"""A comparison star whose catalogue magnitude is wrong is named, and does not move its target."""

from __future__ import annotations

import pytest

from iop4cli.archive.catalog_store import read_sources, write_sources
from iop4cli.strict_toml import FrozenTable
from tests.night.archives import Archive

pytestmark = pytest.mark.night
OFF_MAG = 0.3


def test_a_wrong_catalogue_magnitude_is_found_and_the_target_is_unmoved(reduced: Archive) -> None:
    from dataclasses import replace

    before = {row["id"]: row for row in reduced.results().values() if row["source"] == "0716+714"}
    counts = reduced.sql(
        "select input as name, count(*) as n from measurement_input where role = 'calibrator' and measurement in "
        "(select id from measurement where source = '0716+714') group by 1 order by n desc, name"
    )
    assert len(counts) >= 4
    wrong = counts[0]["name"]
    (source,) = (one for one in read_sources(reduced.store) if one.name == wrong)
    mags = {band: (mag + OFF_MAG, err) for band, (mag, err) in source.mags.items()}
    write_sources(reduced.store, [replace(source, mags=FrozenTable(mags))])
    reduced.iop4("run", "-j1")
    for name, row in reduced.results().items():
        if name in before:
            assert abs(row["mag"] - before[name]["mag"]) < row["mag_err"]
    rows = reduced.iop4("catalog", "health", "--json").rows
    bad = {row["source"] for row in rows if row["verdict"] != "good"}
    assert bad == {wrong}
    assert abs(rows[0]["mean_mag"] + OFF_MAG) < 4 * rows[0]["mean_err_mag"]
