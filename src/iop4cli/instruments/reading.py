"""One header being read: values by rule, where each came from, and what was wrong on the way."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from iop4cli.instruments.model import Instrument
from iop4cli.instruments.overrides import OVERRIDES, OverrideError, parse_override
from iop4cli.instruments.rules import NumberRule, TextRule
from iop4cli.sexagesimal import parse_angle


@dataclass
class Reading:
    """A header, the rules to read it by, and what has been learned and gone wrong so far."""

    raw_header: Mapping[str, object]
    filename: str
    instrument: Instrument
    raw_overrides: Mapping[str, str]
    frame_name: str
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        rules = self.instrument.headers
        self.overrides: dict[str, Any] = {}
        for name, text in sorted(self.raw_overrides.items()):
            try:
                self.overrides[name] = parse_override(name, text)
            except OverrideError as error:
                self.problem(name, f"override {error}")
        # A filter or object that people give is read by the same rules as the header's own.
        self.header = dict(self.raw_header)
        for name, keywords in (("filter", rules.filter.keywords), ("object", rules.object.keywords)):
            if name in self.overrides:
                self.header.update(dict.fromkeys(keywords, self.overrides[name]))

    def problem(self, name: str, text: str) -> None:
        """Record what makes the frame fail."""
        self.problems.append((name, text))

    def note(self, text: str) -> None:
        """Record what people may want to know."""
        self.notes.append(text)

    def mend(self, setting: str) -> str:
        """The command that says it instead of the header, if people may."""
        if setting.partition("=")[0] not in OVERRIDES:
            return "the file is no image that can be used"
        return f"iop4 classify --set {setting} {self.frame_name}"

    def overridden(self, name: str, override: str) -> bool:
        """Whether people gave this value, which is then its origin."""
        if override in self.overrides:
            self.origins[name] = "override"
        return override in self.overrides

    def words(self, keywords: tuple[str, ...]) -> list[tuple[str, str]]:
        """(keyword, stripped text) of the keywords that are there and not blank, in order."""
        found = ((keyword, str(self.header.get(keyword, "")).strip()) for keyword in keywords)
        return [(keyword, word) for keyword, word in found if word and self.header[keyword] is not None]

    def text(self, name: str, rule: TextRule, override: str) -> str | None:
        """A word by its rule; None with a problem if it cannot be read or is required and missing."""
        if self.overridden(name, override):
            return self.overrides[override]
        for keyword, word in self.words(rule.keywords):
            picked = _pick(rule.pattern, word)
            if picked is None:
                continue
            self.origins[name] = f"{keyword} = {word}"
            if not rule.mapping:
                return picked
            for pattern, meaning in rule.mapping.items():
                if re.fullmatch(pattern, picked, re.IGNORECASE):
                    return meaning
            known = ", ".join(rule.mapping)
            self.problem(name, f"{keyword} is {word!r}, none of {known}: {self.mend(f'{override}={override.upper()}')}")
            return None
        if rule.default is not None:
            self.origins[name] = "default"
        else:
            self.origins[name] = "missing"
            if rule.required:
                self.missing(name, rule.keywords, f"{override}={override.upper()}")
        return rule.default

    def number(self, name: str, rule: NumberRule, override: str) -> float | None:
        """A finite number by its rule; None with a problem if it is not one or is required and missing."""
        if self.overridden(name, override):
            return self.overrides[override]
        for keyword, word in self.words(rule.keywords):
            picked = _pick(rule.pattern, word)
            if picked is None:
                continue
            self.origins[name] = f"{keyword} = {word}"
            try:
                number, _ = parse_angle(picked.replace("_", "-"))
            except ValueError:
                number = math.nan
            if math.isfinite(number):
                return number / 1000 if rule.unit == "ms" else number
            self.problem(name, f"{keyword} is {word!r}, not a number: {self.mend(f'{override}=VALUE')}")
            return None
        if rule.default is not None:
            self.origins[name] = "default"
        elif rule.required:
            self.missing(name, rule.keywords, f"{override}=VALUE")
        return rule.default

    def missing(self, name: str, keywords: tuple[str, ...], setting: str) -> None:
        """Record that none of the keywords is there."""
        self.origins[name] = "missing"
        self.problem(name, f"{' or '.join(keywords)} is missing: {self.mend(setting)}")


def _pick(pattern: str | None, word: str) -> str | None:
    """The first group of the pattern (or all it matched) in a word; the word itself without a pattern."""
    if pattern is None:
        return word
    found = re.search(pattern, word, re.IGNORECASE)
    if found is None:
        return None
    return found[1] if found.re.groups and found[1] is not None else found[0]
