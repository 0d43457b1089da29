"""How the headers of one instrument are read: the `[headers]` part of its TOML file, as data."""

import re
from dataclasses import dataclass
from typing import Literal

from iop4cli.strict_toml import EMPTY, FrozenTable

Kind = Literal["bias", "dark", "flat", "light"]
Mode = Literal["phot", "pol"]
# No detector has so many pixels in a row.
MOST_PX = 1_000_000
# A frame that was exposed for longer than a day is of no night.
LONGEST_EXPOSURE_S = 86400.0


def check_pattern(pattern: str, key: str) -> None:
    """A ValueError that names the key, if the regular expression is not one."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{key}: {pattern!r} is not a regular expression: {error}") from None


def check_keywords(keywords: tuple[str, ...], key: str = "keywords") -> None:
    """A ValueError that names the key, if one of the words cannot be a FITS keyword."""
    for keyword in keywords:
        if not re.fullmatch(r"[A-Z0-9_-]+( [A-Z0-9_-]+)*", keyword):
            raise ValueError(f"{key}: {keyword!r} is not a FITS keyword in capitals")


@dataclass(frozen=True)
class TextRule:
    """A word from a header: the first of `keywords` that is there and not blank.

    `pattern` (search, any case) picks its first group, or all it matched; `mapping` turns a full match
    (any case) into another word. A value that fits neither is a problem.
    """

    keywords: tuple[str, ...] = ()
    pattern: str | None = None
    mapping: FrozenTable[str, str] = EMPTY
    default: str | None = None
    required: bool = False

    def __post_init__(self) -> None:
        check_keywords(self.keywords)
        if self.pattern is not None:
            check_pattern(self.pattern, "pattern")
        for pattern in self.mapping:
            check_pattern(pattern, f"mapping.{pattern}")


@dataclass(frozen=True)
class NumberRule:
    """A number from a header; `unit` says what a plain or base-60 value is in.

    For right ascensions `unit = "hours"` means a plain number is in hours too; a base-60 right ascension is
    always in hours.
    """

    keywords: tuple[str, ...] = ()
    pattern: str | None = None
    unit: Literal["", "s", "ms", "deg", "hours", "px", "arcsec"] = ""
    default: float | None = None
    required: bool = False

    def __post_init__(self) -> None:
        check_keywords(self.keywords)
        if self.pattern is not None:
            check_pattern(self.pattern, "pattern")


@dataclass(frozen=True)
class TimeSource:
    """One way a header tells the time.

    `iso` without an offset is UTC, unless `utc_offset_hours` says what its clock shows; `iso-with-offset`
    must have one. `time_keyword`: where the time of day is, if the keyword holds only the date.
    """

    keyword: str
    format: Literal["jd", "mjd", "iso", "iso-with-offset"]
    reference: Literal["start", "mid", "end"] = "start"
    time_keyword: str | None = None
    utc_offset_hours: float = 0.0

    def __post_init__(self) -> None:
        check_keywords((self.keyword,), "keyword")


@dataclass(frozen=True)
class TimeRule:
    """The sources of the time in order of trust, and one that only checks them.

    The check never stands in for a missing source: its time is offered to a person instead.
    """

    sources: tuple[TimeSource, ...]
    check: TimeSource | None = None
    check_tolerance_s: float = 2.0

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("sources: at least one is needed")


@dataclass(frozen=True)
class KindRule:
    """A frame whose kind is `when` is a `kind` if *all* patterns (any case) are in header and file name."""

    when: Kind
    kind: Kind
    keywords: FrozenTable[str, str] = EMPTY
    filename: str | None = None

    def __post_init__(self) -> None:
        check_keywords(tuple(self.keywords), "keywords")
        for keyword, pattern in self.keywords.items():
            check_pattern(pattern, f"keywords.{keyword}")
        if self.filename is not None:
            check_pattern(self.filename, "filename")
        if not self.keywords and self.filename is None:
            raise ValueError("keywords: a rule needs a keyword or a filename to look at")


@dataclass(frozen=True)
class FilterRule:
    """From the filter to the band.

    `bands`: pattern (full match, capitals matter) -> band, where `\\1` is its first group. `other_bands` are
    whole filter names (any case) that are bands of their own, without magnitudes in the usual systems.
    `none`: what means "no filter" on bias, dark and flat frames.
    """

    keywords: tuple[str, ...]
    bands: FrozenTable[str, str] = EMPTY
    other_bands: tuple[str, ...] = ()
    none: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_keywords(self.keywords)
        for pattern, template in self.bands.items():
            check_pattern(pattern, f"bands.{pattern}")
            try:
                re.sub(f"(?:{pattern})|", template, "")
            except (re.error, IndexError) as error:
                raise ValueError(f"bands.{pattern}: {template!r} is not to be had from it: {error}") from None


@dataclass(frozen=True)
class HeaderRules:
    """Every rule of one instrument's headers. Without an angle of the analyser all is photometry."""

    kind: TextRule
    filter: FilterRule
    exptime_s: NumberRule
    time: TimeRule
    kind_rules: tuple[KindRule, ...] = ()
    mode: TextRule | None = None
    angle_deg: NumberRule | None = None
    object: TextRule = TextRule(keywords=("OBJECT",))
    ra: NumberRule | None = None
    dec: NumberRule | None = None
    width_px: NumberRule = NumberRule(keywords=("NAXIS1",), required=True)
    height_px: NumberRule = NumberRule(keywords=("NAXIS2",), required=True)
    binning_x: NumberRule = NumberRule(keywords=("XBINNING",))
    binning_y: NumberRule = NumberRule(keywords=("YBINNING",))
    window_x0: NumberRule = NumberRule(keywords=("XORGSUBF",), default=0.0)
    window_y0: NumberRule = NumberRule(keywords=("YORGSUBF",), default=0.0)
    scale_arcsec_per_px: NumberRule | None = None
    # There is such a word: the rows of the image are in reverse, which mirrors the sky (y becomes -y).
    flipped: TextRule | None = None

    def __post_init__(self) -> None:
        for name, allowed in (("kind", Kind), ("mode", Mode)):
            rule, words = getattr(self, name), allowed.__args__  # type: ignore[attr-defined]
            for word in () if rule is None else (*rule.mapping.values(), rule.default):
                if word is not None and word not in words:
                    raise ValueError(f"{name}: {word!r} is not one of {', '.join(words)}")
