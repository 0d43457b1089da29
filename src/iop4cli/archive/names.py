"""Which catalogue object the OBJECT of a header means: by whole names, then by the pointing, no guessing."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from iop4cli.sexagesimal import separation_deg

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−﹣－", "-"))
_IGNORED = re.compile(r"[\s+_-]+")
_LAST_WORD = re.compile(r"[\s_]+[^\s_]*$")

Position = tuple[float, float]


@dataclass(frozen=True)
class Match:
    """The source of a frame, or None with the reason; `ambiguous`: what nothing decides between."""

    source: str | None
    ambiguous: tuple[str, ...] = ()
    reason: str = ""
    note: str = ""


def normalise(name: str) -> str:
    """A name without case, blanks, `+`, `-` (of any typographic kind) and `_`."""
    # A lone accent is a blank and a combining mark: without the blank it joins the letter before it.
    return unicodedata.normalize("NFKC", _IGNORED.sub("", spelled(name)))


def spelled(name: str) -> str:
    """A name without case, and with `_` and runs of blanks as one blank: closer than `normalise`.

    Only this tells the blazar PKS 0420-014 from star 4 of its field, PKS 0420-01 4.
    """
    plain = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", plain).translate(_DASHES).replace("_", " ").split())


class NameIndex:
    """Sources by any of their names; made once, it serves any number of frames."""

    def __init__(self, names: Mapping[str, Iterable[str]]) -> None:
        self.names = frozenset(names)
        self._spelled: dict[str, set[str]] = {}
        self._normalised: dict[str, set[str]] = {}
        for name, others in names.items():
            for word in (name, *others):
                if normalise(word):
                    self._spelled.setdefault(spelled(word), set()).add(name)
                    self._normalised.setdefault(normalise(word), set()).add(name)

    def find(self, word: str) -> list[str]:
        """The canonical names that a whole name may mean: as spelled, else ignoring blanks and signs."""
        found = self._spelled.get(spelled(word)) or self._normalised.get(normalise(word)) or set()
        return sorted(found)

    def find_longest(self, text: str) -> list[str]:
        """The same for the longest shortening of a text that is a name."""
        return next((found for shorter in shortenings(text) if (found := self.find(shorter))), [])


def shortenings(text: str) -> Iterable[str]:
    """The text, then without its last word, and so on; words end at a blank or `_`."""
    left = text.translate(_DASHES).strip(" \t\r\n_")
    while left:
        yield left
        shorter = _LAST_WORD.sub("", left).rstrip(" \t\r\n_")
        left = shorter if shorter != left else ""


def match_object(
    object_text: str | None,
    names: Mapping[str, Iterable[str]] | NameIndex,
    *,
    pointing: Position | None = None,
    positions: Mapping[str, Position] | None = None,
    targets: Collection[str] = (),
    field_deg: float = 0.25,
) -> Match:
    """The source that a frame was taken for.

    `names`: canonical name -> other names, or an index of them, made once for many frames; `positions`:
    canonical name -> (ra_deg, dec_deg); `field_deg`: how far from the pointing a source may be.
    The longest shortening of the text that equals a name wins. Of several candidates the only one near the
    pointing is taken, else the only target among them; if no name fits, the only *target* near the pointing.
    All but a plain name are noted.
    """
    positions = positions or {}
    index = names if isinstance(names, NameIndex) else NameIndex(names)
    text = (object_text or "").strip()
    found = index.find_longest(text)
    if len(found) == 1:
        return Match(found[0], note=_far_away(found[0], pointing, positions, field_deg))
    near = _near(pointing, positions, found or sorted(index.names & set(targets)), field_deg)
    said = f"OBJECT {text!r}" if text else "no OBJECT"
    if found:
        if len(near) == 1:
            return Match(near[0], note=f"{said} fits {', '.join(found)}; the pointing decides for {near[0]}")
        wanted = [name for name in near or found if name in targets]
        if len(wanted) == 1:
            return Match(wanted[0], note=f"{said} fits {', '.join(found)}; only {wanted[0]} is a target")
        return Match(None, tuple(near or found), f"{said} is ambiguous: {', '.join(near or found)}")
    if len(near) == 1:
        return Match(near[0], note=f"{said} is no known name; {near[0]} is the only target near the pointing")
    if near:
        return Match(None, tuple(near), f"{said} is no known name, and near the pointing are {', '.join(near)}")
    where = "and no target is near the pointing" if pointing else "and there is no pointing"
    return Match(None, reason=f"{said} is no name or other name in the catalogue, {where}")


def _near(
    pointing: Position | None, positions: Mapping[str, Position], candidates: Iterable[str], field_deg: float
) -> list[str]:
    if pointing is None:
        return []
    return [
        name for name in candidates if name in positions and separation_deg(*pointing, *positions[name]) <= field_deg
    ]


def _far_away(name: str, pointing: Position | None, positions: Mapping[str, Position], field_deg: float) -> str:
    if pointing is None or name not in positions:
        return ""
    away_deg = separation_deg(*pointing, *positions[name])
    return f"the pointing is {away_deg:.2f} deg from {name}" if away_deg > field_deg else ""
