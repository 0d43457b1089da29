"""Who is to be cited: the entries of share/references, found by codes of the catalogues or by name and year."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from iop4cli import __version__
from iop4cli.export.latex_table import latex_text
from iop4cli.share import share_dir

# The paper of the pipeline whose work this one takes over, and that of the astrometry.
PIPELINE = ("EscuderoPedrosa2024", "Lang2010")
# The estimator without bias, and the intervals of angles.
POLARIMETRY = ("Plaszczynski2014", "NaghizadehKhouei1993")
_ENTRY = re.compile(r"^@\w+\{(?P<key>[^,]+),\n(?P<body>.*?)^\}\n", re.DOTALL | re.MULTILINE)
_FIELD = re.compile(r"^  (\w+) = \{(.*)\},$", re.MULTILINE)
_SEPARATORS = re.compile(r"[\s;,]+")
_PART_OF_TABLE = re.compile(r"\.\d+$")


@dataclass(frozen=True)
class Reference:
    """One entry: its BibTeX as it stands in the file."""

    key: str
    bibtex: str
    fields: Mapping[str, str]

    @property
    def cited(self) -> str:
        return self.fields["cited"]

    def is_named_in(self, text: str) -> bool:
        """Whether a text names its first author and year, or its code."""
        code, author = self.fields.get("code"), re.match(r"\{([^}]*)\}", self.fields.get("author", ""))
        if author is None:
            return code is not None and re.search(rf"\b{re.escape(code)}\b", text) is not None
        return re.search(rf"\b{re.escape(author[1])}\b.*\b{self.fields['year']}\b", text) is not None


@lru_cache(maxsize=1)
def known_references() -> Mapping[str, Reference]:
    """The entries of the shipped file by their keys."""
    text = (share_dir() / "references" / "references.bib").read_text(encoding="utf-8")
    return {
        found["key"]: Reference(found["key"], found[0], dict(_FIELD.findall(found["body"])))
        for found in _ENTRY.finditer(text)
    }


def references_of(text: str) -> list[Reference]:
    """What the reference of a source or a calibration names: codes of our tables (`R98 GP01`, `N07.4`) or a text."""
    by_code = {one.fields["code"]: one for one in known_references().values() if "code" in one.fields}
    codes = [_PART_OF_TABLE.sub("", word) for word in _SEPARATORS.split(text) if word]
    if codes and all(code in by_code for code in codes):
        return [by_code[code] for code in dict.fromkeys(codes)]
    return [one for one in known_references().values() if one.is_named_in(text)]


def in_full(text: str) -> str:
    """A reference with its codes spelt out; a text of people as it is."""
    found = references_of(text)
    if found and not any(one.is_named_in(text) and one.fields.get("author") for one in found):
        return "; ".join(one.cited for one in found)
    return text


def bibtex(keys: Sequence[str], texts: Iterable[str]) -> str:
    """The entries of `keys` and of what `texts` name, this program first; a text that names none is an entry itself."""
    known = known_references()
    chosen = dict.fromkeys(keys)
    unknown = []
    for text in dict.fromkeys(text for text in texts if text):
        found = references_of(text)
        chosen.update(dict.fromkeys(one.key for one in found))
        if not found:
            unknown.append(text)
    blocks = [_program()] + [_without_ours(known[key].bibtex) for key in chosen]
    blocks += [f"@misc{{reference{n},\n  note = {{{latex_text(text)}}},\n}}\n" for n, text in enumerate(unknown, 1)]
    return "\n".join(blocks)


def _program() -> str:
    return (
        f"@misc{{iop4cli,\n  author = {{{{The iop4 developers}}}},\n  title = {{{{iop4cli}}}},\n"
        f"  note = {{version {__version__}}},\n}}\n"
    )


def _without_ours(entry: str) -> str:
    return "".join(line for line in entry.splitlines(keepends=True) if not line.startswith(("  code =", "  cited =")))
