"""A filter means the same in SQL and in Python, and pages are all rows, each once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iop4cli.archive import terms
from iop4cli.archive.listings import FRAMES, LOG, MASTERS, SOURCES, results_listing
from iop4cli.archive.pages import Listing, question_of, read_all, read_page
from iop4cli.archive.results import result_columns
from iop4cli.archive.store import Batch, Store
from iop4cli.errors import UsageError

COLUMNS = ("name", "band", "mag", "n_frames")
ROWS = [
    {"name": f"{word}-{number:03d}", "band": band, "mag": mag, "n_frames": number}
    for number, (word, band, mag) in enumerate(
        (word, band, mag)
        for word in ("BLLac", "S5 0716", "it's", "100%", "a_b")
        for band in ("R", "V", None)
        for mag in (None, 12.5, 15.0)
    )
]
SEARCHED = ("name", "band")


@pytest.fixture(scope="module")
def store(module_folder: Callable[[str], Path]) -> Store:
    made = Store(module_folder("terms") / "iop4.duckdb")
    made.create()
    masters = [{**row, "level": row["mag"]} for row in ROWS]
    made.write([Batch("master", [{k: v for k, v in row.items() if k != "mag"} for row in masters])])
    return made


LISTING = Listing(
    "m", "(select name, band, level as mag, n_frames from master)", "name", COLUMNS, COLUMNS, SEARCHED, "name"
)


def names(store: Store, text: str) -> list[str]:
    return [row[0] for row in read_all(store, question_of(store, LISTING, text), ["name"]).rows]


@settings(max_examples=40)  # each opens the store twice
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["bllac", "'S5 0716'", '"it\'s"', "100%", "a_b", "x", "-01", "R"]),
            st.builds(
                lambda column, operator, value: f"{column}{operator}{value}",
                st.sampled_from(COLUMNS),
                st.sampled_from(["=", "!=", "<", ">", "<=", ">=", "~"]),
                st.sampled_from(["R", "v", "12.5", "20", "none", "NULL", "lac", "'S5 0716-009'", "%", '"it\'s"']),
            ),
        ),
        max_size=3,
    )
)
def test_sql_and_python_choose_the_same_rows(store: Store, parts: list[str]) -> None:
    text = " ".join(parts)
    said = terms.parsed(text, COLUMNS)
    assert names(store, text) == sorted(row["name"] for row in ROWS if terms.fits(row, said, SEARCHED))


def test_where_is_sql_and_can_only_read(store: Store) -> None:
    assert names(store, "where mag < 13 or name like 'a\\_b%' escape '\\'") == sorted(
        row["name"] for row in ROWS if (row["mag"] or 99) < 13 or row["name"].startswith("a_b")
    )
    for wrong in ("where nothing = 1", "where true; drop table master", "where (", "bnad=R"):
        with pytest.raises(UsageError):
            names(store, wrong)


@pytest.mark.parametrize("order", ["name", "band", "mag"])
@pytest.mark.parametrize("descending", [False, True])
def test_pages_are_all_rows_each_once_in_order(store: Store, order: str, descending: bool) -> None:
    from dataclasses import replace

    question = replace(question_of(store, LISTING, ""), order=order, descending=descending)
    found = []
    for first in range(0, len(ROWS) + 7, 7):
        page = read_page(store, question, COLUMNS, first, 7)
        assert (page.first, page.total) == (first, len(ROWS))
        found += [row["name"] for row in page.rows]
    assert sorted(found) == sorted(row["name"] for row in ROWS)
    assert found == [row[0] for row in read_all(store, question, ["name"]).rows]
    by_name = {row["name"]: row[order] for row in ROWS}
    known = [by_name[name] for name in found if by_name[name] is not None]
    assert known == sorted(known, reverse=descending)
    assert all(by_name[name] is None for name in found[len(known) :])  # what is not known comes last


def test_every_listing_has_the_columns_that_it_says(tmp_path: Path) -> None:
    store = Store(tmp_path / "iop4.duckdb")
    store.create()
    results = results_listing(result_columns(store))
    for listing in (FRAMES, MASTERS, SOURCES, LOG, results):
        assert set(listing.shown) | set(listing.searched) | {listing.order} <= {*listing.columns, listing.key}
        assert read_page(store, question_of(store, listing, "word"), listing.columns, 0, 5).total == 0
