"""Names that servers say: which of them may become a file in the archive."""

from __future__ import annotations

# A folder's entry has 255 bytes on every common file system; the temporary name beside it takes some of them.
_LONGEST_BYTES = 230


def refusal(name: str) -> str:
    """Why a name is not to be used, or nothing. What passes is one entry of a folder and plain to read."""
    if not name:
        return "the name is empty"
    if name in (".", "..") or "/" in name or "\\" in name:
        return "the name leads to another folder"
    if not name.isprintable():
        return "the name has control characters, or is not in the encoding of this archive"
    if name.startswith("."):
        return "the name is hidden"
    if name != name.strip():
        return "the name begins or ends with a blank"
    if len(name.encode("utf-8")) > _LONGEST_BYTES:
        return f"the name is longer than {_LONGEST_BYTES} bytes"
    return ""


def last_part(name: str) -> str:
    """What a pattern of file names is held against, for a name that may lead elsewhere."""
    return name.replace("\\", "/").rsplit("/", 1)[-1]


def shown(name: str) -> str:
    """A name that may be anything, in characters that can be printed, and not too many."""
    text = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode("ascii")
        for letter in name
    )
    return text if len(text) <= 120 else f"{text[:100]}... ({len(text)} characters)"
