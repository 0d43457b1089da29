"""TOML is read strictly: what is wrong is named with file, line, key and the nearest known key."""

import datetime
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iop4cli.strict_toml import EMPTY, FrozenTable, TomlError, build, parse, read
from iop4cli.toml_lines import key_lines


@dataclass(frozen=True)
class Lamp:
    colour: Literal["red", "blue"]
    power_w: float = 5.0

    def __post_init__(self) -> None:
        if self.power_w < 0:
            raise ValueError("power_w: must not be negative")


@dataclass(frozen=True)
class Room:
    name: str
    lamps: tuple[Lamp, ...] = ()
    size: tuple[int, int] | None = None
    painted: datetime.date | None = None
    extra: FrozenTable[str, bool | int | float | str] = EMPTY
    open: bool = False


def problems(text: str) -> list[str]:
    with pytest.raises(TomlError) as caught:
        build(parse(text, "room.toml"), Room)
    return [str(problem) for problem in caught.value.problems]


def test_a_good_file_becomes_a_hashable_object() -> None:
    text = 'name = "a"\nsize = [1, 2]\npainted = 2022-09-08\n[[lamps]]\ncolour = "red"\npower_w = 3\n'
    text += "[extra]\nx = true"
    room = build(parse(text, "room.toml"), Room)
    assert room == Room("a", (Lamp("red", 3.0),), (1, 2), datetime.date(2022, 9, 8), FrozenTable(x=True))
    assert isinstance(room.lamps[0].power_w, float)
    assert hash(room) == hash(pickle.loads(pickle.dumps(room)))


def test_an_unknown_key_is_named_with_its_line_and_the_nearest_known() -> None:
    (said,) = problems('name = "a"\n\n[[lamps]]\ncolour = "red"\n[[lamps]]\ncolour = "blue"\npowr_w = 2')
    assert said == "room.toml:7: lamps[1].powr_w: unknown key; did you mean 'power_w'?"


def test_a_wrong_type_says_what_is_expected() -> None:
    assert problems('name = "a"\nopen = 1') == ["room.toml:2: open: must be true or false, not 1"]
    assert problems('name = "a"\nsize = [1, true]') == ["room.toml:2: size[1]: must be a whole number, not True"]
    assert problems('name = "a"\nsize = [1]') == ["room.toml:2: size: must have 2 values, not 1"]


def test_a_missing_key_and_a_wrong_choice_are_both_told() -> None:
    said = problems('[[lamps]]\ncolour = "green"')
    assert set(said) == {
        "room.toml:2: lamps[0].colour: 'green' is not one of red, blue",
        "room.toml: name: is missing",
    }


def test_a_check_of_the_dataclass_points_to_its_key() -> None:
    assert problems('name = "a"\nlamps = [\n  { colour = "red", power_w = -1 },\n]') == [
        "room.toml:2: lamps[0].power_w: must not be negative"
    ]


@pytest.mark.parametrize(
    "text, line", [('name = "a"\nsize = [1,\n', 2), ('name = "a"\nname = "b"\n', 2), ("\n\nx = = 1", 3)]
)
def test_a_syntax_error_has_file_and_line(text: str, line: int) -> None:
    with pytest.raises(TomlError) as caught:
        parse(text, "room.toml")
    assert caught.value.problems[0].file == "room.toml"
    assert caught.value.problems[0].line == line
    assert "not valid TOML" in str(caught.value)


def test_a_file_that_is_not_there_is_the_same_kind_of_error(tmp_path: Path) -> None:
    with pytest.raises(TomlError, match="cannot be read"):
        read(tmp_path / "none.toml")


def test_not_a_number_is_refused() -> None:
    (said,) = problems('name = "a"\n[[lamps]]\ncolour = "red"\npower_w = nan')
    assert "finite" in said


def test_a_frozen_table_cannot_be_changed() -> None:
    table = FrozenTable(a=1)
    with pytest.raises(TypeError):
        table["a"] = 2
    with pytest.raises(TypeError):
        table |= {"b": 1}
    assert table == {"a": 1}


def test_brackets_hashes_and_quotes_in_strings_do_not_shift_lines() -> None:
    text = "a = \"[ # not a comment\"\nb = '''\n[x]\n'''\nc = [ # one ]\n  1,\n]\n[t.\"q.r\"] # ]\nd = 1\n"
    assert key_lines(text) == {"a": 1, "b": 2, "c": 5, "t.q.r": 8, "t.q.r.d": 9}


words = st.text("abcxyz_-", min_size=1, max_size=6)


@given(
    st.lists(
        st.tuples(words, st.lists(words, min_size=1, max_size=4, unique=True)),
        min_size=1,
        unique_by=lambda t: t[0],
    )
)
def test_each_key_is_found_on_the_line_where_it_was_written(tables: list[tuple[str, list[str]]]) -> None:
    lines: list[str] = []
    expected: dict[str, int] = {}
    for table, keys in tables:
        lines.append(f"[{table}]")
        for key in keys:
            lines.append(f"{key} = [\n  1, # ]\n]")
            expected[f"{table}.{key}"] = len("\n".join(lines).splitlines()) - 2
    document = parse("\n".join(lines), "x.toml")
    assert {key: document.line_of(key) for key in expected} == expected
