"""All instruments that are known here: those that come with the program and those that users add."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from iop4cli import strict_toml
from iop4cli.errors import UsageError
from iop4cli.instruments.headers import read_night
from iop4cli.instruments.model import Instrument, Recognition
from iop4cli.nearest import did_you_mean, nearest
from iop4cli.share import share_dir

Header = Mapping[str, object]


class InstrumentError(UsageError):
    """An instrument's file that cannot be used, or a name that no instrument has."""


class UnknownInstrument(InstrumentError):
    """A header that no instrument recognises."""


class AmbiguousInstrument(InstrumentError):
    """A header that several instruments recognise."""


def load_instrument(path: Path) -> Instrument:
    """One instrument from its TOML file; an InstrumentError names file, line and key."""
    try:
        return strict_toml.build(strict_toml.read(path), Instrument, source_file=str(path))
    except strict_toml.TomlError as error:
        raise InstrumentError(str(error)) from None


def parse_instrument(text: str, file: str = "<text>") -> Instrument:
    """One instrument from TOML text."""
    try:
        return strict_toml.build(strict_toml.parse(text, file), Instrument, source_file=file)
    except strict_toml.TomlError as error:
        raise InstrumentError(str(error)) from None


@dataclass(frozen=True)
class Registry:
    """The instruments by name."""

    instruments: Mapping[str, Instrument]

    @classmethod
    def load(cls, extra_folders: Iterable[Path] = ()) -> "Registry":
        """The shipped ones, each replaced by one of the same name in a later folder (if it exists)."""
        found: dict[str, Instrument] = {}
        for folder in (share_dir() / "instruments", *extra_folders):
            here: dict[str, Instrument] = {}
            for path in sorted(folder.glob("*.toml")):
                instrument = load_instrument(path)
                if instrument.name in here:
                    other = here[instrument.name].source_file
                    raise InstrumentError(f"{path}: name: {instrument.name!r} is already that of {other}")
                here[instrument.name] = instrument
            found |= here
        return cls.of(found.values())

    @classmethod
    def of(cls, instruments: Iterable[Instrument]) -> "Registry":
        """A registry of these; an InstrumentError if one alias means two telescopes."""
        by_name = {instrument.name: instrument for instrument in instruments}
        owners: dict[str, str] = {}
        for instrument in by_name.values():
            for alias in (instrument.telescope, *instrument.telescope_aliases):
                owner = owners.setdefault(alias.casefold(), instrument.telescope)
                if owner != instrument.telescope:
                    file = instrument.source_file
                    raise InstrumentError(
                        f"{file}: telescope_aliases: {alias!r} already means {owner}, not {instrument.telescope}"
                    )
        return cls(dict(sorted(by_name.items())))

    def by_name(self, name: str) -> Instrument:
        """The instrument of that name, any case."""
        if name in self.instruments:
            return self.instruments[name]
        for instrument in self.instruments.values():
            if instrument.name.casefold() == name.casefold():
                return instrument
        raise InstrumentError(f"no instrument {name!r}{did_you_mean(name, self.instruments)}")

    def telescope(self, name_or_alias: str) -> str:
        """The archive folder of a telescope, from its name or an alias, any case."""
        known: dict[str, str] = {}
        for instrument in self.instruments.values():
            for alias in (instrument.telescope, *instrument.telescope_aliases):
                known[alias.casefold()] = instrument.telescope
        try:
            return known[name_or_alias.casefold()]
        except KeyError:
            folders = set(known.values())
            raise InstrumentError(f"no telescope {name_or_alias!r}{did_you_mean(name_or_alias, folders)}") from None

    def recognise(
        self, header: Header, night: str | None = None, overrides: Mapping[str, str] | None = None
    ) -> Instrument:
        """The one instrument that a header is from; `night`: that of its epoch, else the header's."""
        if overrides and overrides.get("instrument"):
            return self.by_name(overrides["instrument"])
        certain: list[Instrument] = []
        other_nights: list[str] = []
        for instrument in self.instruments.values():
            for entry in instrument.recognise:
                if not _keywords_match(entry, header):
                    continue
                when = night or read_night(header, instrument.site, instrument.headers.time)
                if entry.on(when):
                    certain.append(instrument)
                    break
                other_nights.append(f"{instrument.name} {_validity(entry)}, and the night is {when or 'unknown'}")
        if len(certain) == 1:
            return certain[0]
        if certain:
            names = ", ".join(instrument.name for instrument in certain)
            raise AmbiguousInstrument(
                f"{_said(header)} fits {names}: iop4 classify --set instrument=NAME FRAME, or make their "
                f"[[recognise]] entries differ"
            )
        raise UnknownInstrument(self._unknown(header, other_nights))

    def _unknown(self, header: Header, other_nights: list[str]) -> str:
        if other_nights:
            return f"{_said(header)} is {'; '.join(other_nights)}: iop4 classify --set instrument=NAME FRAME"
        by_words = {
            " ".join(entry.keywords.values()): instrument.name
            for instrument in self.instruments.values()
            for entry in instrument.recognise
        }
        found = nearest(f"{header.get('TELESCOP', '')} {header.get('INSTRUME', '')}".strip(), by_words)
        hint = f"the nearest is {by_words[found]} ({found})" if found else f"known: {', '.join(self.instruments)}"
        return f"{_said(header)} is no known instrument; {hint}"


def _keywords_match(entry: Recognition, header: Header) -> bool:
    return all(
        re.fullmatch(pattern, str(header.get(keyword, "")).strip(), re.IGNORECASE)
        for keyword, pattern in entry.keywords.items()
    )


def _validity(entry: Recognition) -> str:
    since = f"since {entry.since}" if entry.since else ""
    until = f"until {entry.until}" if entry.until else ""
    return f"only {since} {until}".replace("  ", " ").strip()


def _said(header: Header) -> str:
    return " ".join(f"{name}={header[name]!r}" if name in header else f"no {name}" for name in ("TELESCOP", "INSTRUME"))
