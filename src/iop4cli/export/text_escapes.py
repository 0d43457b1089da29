"""Text that a format cannot hold, written with backslashes: one rule for ECSV, VOTable, FITS, Markdown and LaTeX."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

# Whatever else than ASCII without backslashes and without spaces at the ends may change.
_NOT_PLAIN = r"[^\x20-\x7e]|\\|^ | $"


def escaped(text: str, *, ascii_only: bool = False) -> str:
    r"""What is not printable (line breaks, control characters) as in Python's strings, `\n` or `\x07`.

    Backslashes are doubled and spaces at either end are `\x20`, so that `unescaped` gives the text back.
    """
    if text.isprintable() and "\\" not in text and text == text.strip() and (text.isascii() or not ascii_only):
        return text
    inner = text.strip(" ")
    before = len(text) - len(text.lstrip(" ")) if inner else len(text)
    after = len(text) - before - len(inner)
    middle = "".join(
        one if one.isprintable() and one != "\\" and (one.isascii() or not ascii_only) else _escape(one)
        for one in inner
    )
    return "\\x20" * before + middle + "\\x20" * after


def unescaped(text: str) -> str:
    """The text that `escaped` was given."""
    if "\\" not in text:
        return text
    # Beyond latin-1 a letter becomes an escape first, for the codec takes bytes.
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape")


def _escape(letter: str) -> str:
    if letter == "\\":
        return "\\\\"
    return letter.encode("unicode_escape").decode("ascii")


def escaped_column(texts: pl.Series, *, ascii_only: bool = False) -> pl.Series:
    """`escaped` of a column; nearly all of its texts stay as they are, and only the others are looked at one by one."""
    import polars as pl

    if not texts.str.contains(_NOT_PLAIN).any():
        return texts
    unlike = texts.filter(texts.str.contains(_NOT_PLAIN)).unique()
    news = [escaped(text, ascii_only=ascii_only) for text in unlike]
    return texts.replace(unlike, pl.Series(news, dtype=pl.String))
