"""The nearest known word to one that nobody knows, for error messages."""

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like `word`, ignoring case, or None if none is much alike."""
    by_fold = {name.casefold(): name for name in sorted(known)}
    found = difflib.get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, else `; known: a, b, c`, to be put at the end of a message."""
    words = sorted(known)
    found = nearest(word, words)
    if found is not None:
        return f"; did you mean {found!r}?"
    return f"; known: {', '.join(words)}" if words else ""
