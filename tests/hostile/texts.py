"""Text that means something to a shell, SQL, a terminal, a page, a plot, a path, a parser or a number."""

from __future__ import annotations

from hypothesis import strategies as st

WORDS = (
    "'; drop table flag; --", '"; drop table flag; --', "$(touch owned)", "`touch owned`", "; touch owned #", "| cat",
    "../../../etc/passwd", "/etc/passwd", "..", ".", "", " ", "\n", "\r\n", "\t", "\x1b]0;owned\x07", "\x1b[2J",
    "\x00", "\x7f", "\u2028", "\u202e", "\ufeff", "\ud800", "\U0001f600", "e\u0301", "<script>alert(1)</script>",
    "&amp;", "]]>", "$\\frac", "$x^", "\\input{x}", "%s%n", "{0}", "{x!r}", "${HOME}", "=cmd|'/C calc'!A0", "@SUM(1)",
    "+1", "-1", "--help", "-", "NaN", "inf", "-inf", "1e400", "9" * 400, "0x10", "1_000", "\u0663", "null", "true",
    "[]", "{}", '{"name": 1}', '{"name": "x", "status": []}', '{"id": {}}', "[" * 2000, "{" * 2000, '{"a":' * 2000,
    "OSN-T090/2022-03-10", "OSN-T090/220310/x.fit", "T/2022-03-10/../x", "*/*/*", "[a/2022-03-10", "[!/[!/[",
    "T090/99999999", "0000-00-00", "BL Lac", "00:00:61", "99:99:99", "-00:00:00.0e9", "''", '"""', "'''", "# x",
    "[[source]]", "x = 1", "x.y.z = 1",
)  # fmt: skip


def hostile_text() -> st.SearchStrategy[str]:
    """One of the words, some of them one after the other, or any text at all."""
    word = st.sampled_from(WORDS)
    any_text = st.text(st.characters(codec=None), max_size=40)  # with lone surrogates: bytes that were no UTF-8
    return word | any_text | st.lists(word | st.text(max_size=5), min_size=1, max_size=4).map("".join)


def broken_toml(good: str) -> st.SearchStrategy[str]:
    """A good file in which some values, or whole lines, are something else."""
    lines = good.splitlines()
    values = st.sampled_from(
        ("9" * 400, "-1", "0", "nan", "inf", "1e400", '""', "[]", "{}", "true", "2022-13-45", "1979-05-27", '"("',
         '"../../x"', '"\\u001b[2J"', "[[[1]]]", '["", 1]', "'$(x)'", '"(a+)+$"', "\x00", "")
    )  # fmt: skip

    def replaced(changes: dict[int, str]) -> str:
        kept = list(lines)
        for number, value in changes.items():
            key, equals, _ = kept[number].partition("=")
            kept[number] = f"{key}= {value}" if equals else value
        return "\n".join(kept)

    places = st.integers(0, len(lines) - 1)
    return st.dictionaries(places, values | hostile_text(), min_size=1, max_size=3).map(replaced)
