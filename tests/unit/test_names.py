"""OBJECT finds its source by whole names only; epochs and frames have one name however they are written."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from iop4cli.archive.epochs import (
    BadName,
    Epoch,
    FrameName,
    NameGlob,
    parse_epoch,
    parse_frame_name,
    parse_item,
    parse_night,
)
from iop4cli.archive.names import NameIndex, match_object, normalise, shortenings

NAMES = {
    "2200+420": ("BL Lacertae", "BL Lac"),
    "0827+243": ("OJ 248",),
    "1510-089": ("PKS 1510−08",),
    "3C 66A": (),
    "3C 66A C1": (),
    "Hiltner 960": (),
}
POSITIONS = {"2200+420": (330.68, 42.28), "0827+243": (127.717, 24.183), "Hiltner 960": (305.9, 39.35)}
TARGETS = frozenset({"2200+420", "0827+243"})
ALIASES = {"t090": "OSN-T090", "t90": "OSN-T090", "osn-t090": "OSN-T090"}


def canonical(text: str) -> str:
    return ALIASES[text.lower()]


@pytest.mark.parametrize(
    "text, source",
    [
        ("2200+420 22.48 deg", "2200+420"),
        ("BLLAC_R", "2200+420"),
        ("bl lac", "2200+420"),
        ("BL_Lac", "2200+420"),
        ("OJ248_R_full", "0827+243"),
        ("Hiltner960_R", "Hiltner 960"),
        ("PKS 1510-08", "1510-089"),
        ("3C66A C1", "3C 66A C1"),
        ("3C66A C7", "3C 66A"),
    ],
)
def test_what_observers_write_finds_its_source(text: str, source: str) -> None:
    assert match_object(text, NAMES).source == source
    assert match_object(text, NameIndex(NAMES)) == match_object(text, NAMES)


@pytest.mark.parametrize("text", ["foo+bar", "OJ", "3C", "C1", "BL", "my BL Lac", "2200+42", "", "  ", "+", "_", None])
def test_a_part_of_a_name_finds_nothing(text: str | None) -> None:
    match = match_object(text, NAMES)
    assert match.source is None
    assert match.reason


def test_two_candidates_are_ambiguous_unless_the_pointing_decides() -> None:
    names = {"A": ("twin",), "B": ("twin",)}
    positions = {"A": (10.0, 0.0), "B": (20.0, 0.0)}
    undecided = match_object("twin", names)
    assert undecided.source is None
    assert undecided.ambiguous == ("A", "B")
    decided = match_object("twin", names, pointing=(20.1, 0.0), positions=positions)
    assert decided.source == "B"
    assert "pointing" in decided.note
    assert match_object("twin", names, pointing=(15.0, 0.0), positions=positions).ambiguous == ("A", "B")


def test_the_spelling_tells_a_blazar_from_star_4_of_its_field() -> None:
    names = {"0420-014": ("PKS 0420-014",), "PKS 0420-01 4": ()}
    assert normalise("PKS 0420-014") == normalise("PKS 0420-01 4")
    assert match_object("PKS 0420-014 R", names).source == "0420-014"
    assert match_object("pks_0420-01_4", names).source == "PKS 0420-01 4"
    assert match_object("PKS0420-014", names).ambiguous == ("0420-014", "PKS 0420-01 4")
    assert match_object("PKS0420-014", names, targets={"0420-014"}).source == "0420-014"


def test_the_pointing_alone_finds_the_only_target_of_the_field_and_says_so() -> None:
    match = match_object("test", NAMES, pointing=(330.7, 42.3), positions=POSITIONS, targets=TARGETS)
    assert match.source == "2200+420"
    assert match.note


def test_the_pointing_alone_never_finds_what_is_no_target() -> None:
    match = match_object("test", NAMES, pointing=(305.9, 39.35), positions=POSITIONS, targets=TARGETS)
    assert match.source is None


def test_a_pointing_far_from_the_named_source_is_noted_and_the_name_counts() -> None:
    match = match_object("BL Lac", NAMES, pointing=(127.717, 24.183), positions=POSITIONS, targets=TARGETS)
    assert match.source == "2200+420"
    assert "deg from" in match.note


letters = st.text("abcdefXYZ0123456789", min_size=1, max_size=8)


@given(
    st.lists(letters, min_size=1, max_size=4),
    st.lists(st.sampled_from(["", " ", "+", "-", "_", "−"]), min_size=4),
)
def test_blanks_signs_and_case_never_matter(parts: list[str], joints: list[str]) -> None:
    joined = "".join(part + joint for part, joint in zip(parts, [*joints, ""], strict=False))
    assert normalise(joined.swapcase()) == normalise("".join(parts))


@given(st.text(max_size=30))
@example("A´")
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text("ab _-\t", max_size=20))
def test_each_shortening_is_a_shorter_beginning_of_the_last(text: str) -> None:
    found = list(shortenings(text))
    assert all(longer.startswith(shorter) and longer != shorter for longer, shorter in pairwise(found))
    assert bool(found) == bool(text.strip(" _\t"))


@given(st.text("ab c+_-", max_size=20))
def test_only_a_prefix_ending_at_a_word_can_match(text: str) -> None:
    match = match_object(text, {"abc": ("b+a",)})
    if match.source is not None:
        assert any(normalise(shorter) in {"abc", "ba"} for shorter in shortenings(text))
        head = normalise(text)
        assert head.startswith(("abc", "ba"))


@given(letters, letters)
def test_no_name_is_found_by_a_piece_of_it(name: str, tail: str) -> None:
    assume(normalise(name + tail) != normalise(name))
    assert match_object(name, {name + tail: ()}).source is None
    assert match_object(name + tail, {name: ()}).source is None


@given(st.dates(date(1970, 1, 1), date(2069, 12, 31)))
def test_all_spellings_of_a_night_are_one(day: date) -> None:
    spellings = (day.isoformat(), day.strftime("%Y%m%d"), day.strftime("%y%m%d"))
    # strftime does not pad years below 1000, which are not drawn here.
    assert {parse_epoch(f"{place}/{night}", canonical) for night in spellings for place in ("T090", "OSN-T090")} == {
        Epoch("OSN-T090", day.isoformat())
    }


@pytest.mark.parametrize(
    "text", ["2022-13-01", "220230", "2022-9-8", "20220908x", "٢٠٢٢٠٩٠٨", "", "2022-W01-1", "0220908"]
)
def test_what_is_no_night_is_refused(text: str) -> None:
    with pytest.raises(BadName):
        parse_night(text)


def test_a_frame_name_becomes_canonical_and_reads_back() -> None:
    frame = parse_frame_name("T90/220908/BLLac-0001R0.fit", canonical)
    assert str(frame) == "OSN-T090/2022-09-08/BLLac-0001R0.fit"
    assert parse_frame_name(str(frame), canonical) == frame


@pytest.mark.parametrize(
    "text",
    [
        "T90/220908/..",
        "T90/220908/../x",
        "../220908/x",
        "T90/220908/",
        "T90//x",
        "/etc/passwd",
        "T90/220908/a\nb",
    ],
)
def test_no_name_leads_out_of_the_archive(text: str) -> None:
    with pytest.raises((BadName, KeyError)):
        parse_frame_name(text, canonical)


@pytest.mark.parametrize(
    "pattern, fits",
    [
        ("T090/2022-09-*", True),
        ("T090/2209*", True),
        ("T090/202209??", True),
        ("OSN-*/220908/*", True),
        ("T090/220908/BLLac*", True),
        ("T090/220908/bllac*", False),
        ("T090/2210*", False),
        ("OSN-T150/*", False),
    ],
)
def test_globs_choose_frames(pattern: str, fits: bool) -> None:
    glob = parse_item(pattern, lambda text: ALIASES.get(text.lower(), text))
    assert isinstance(glob, NameGlob)
    assert glob.matches(FrameName("OSN-T090", "2022-09-08", "BLLac-0001R0.fit")) is fits


def test_a_file_name_with_brackets_is_found_by_its_own_name() -> None:
    glob = parse_item("T090/220908/field[1]?.fit", canonical)
    assert isinstance(glob, NameGlob)
    assert glob.matches(FrameName("OSN-T090", "2022-09-08", "field[1]?.fit"))


def test_items_are_told_apart() -> None:
    assert isinstance(parse_item("T090/220908", canonical), Epoch)
    assert isinstance(parse_item("T090/220908/", canonical), Epoch)
    assert isinstance(parse_item("T090/220908/x.fit", canonical), FrameName)
    with pytest.raises(BadName):
        parse_item("x.fit", canonical)
