"""The photometric system of an instrument's band, and how it stands to the catalogue's."""

import re
from dataclasses import dataclass, field

# Of the catalogue's magnitudes, and of a band whose instrument says nothing else.
CATALOGUE_SYSTEM = "Johnson-Cousins"
_COLOUR = re.compile(r"([A-Za-z][A-Za-z0-9']*)-([A-Za-z][A-Za-z0-9']*)")


@dataclass(frozen=True)
class BandSystem:
    """`[photometry.R]`: what a band's magnitudes are of.

    `colour_term` times the `colour` (catalogue magnitudes, like "V-R") is the band's magnitude less the catalogue's,
    up to a constant that the zero point takes; None if it is not known. A source whose colour the catalogue does not
    know is taken to have the mean colour of its calibrators within `unknown_colour_err`.
    """

    system: str = CATALOGUE_SYSTEM
    colour: str | None = None
    colour_term: float | None = None
    colour_term_err: float = 0.0
    unknown_colour_err: float = 0.3
    source: str = field(default="", metadata={"prose": True})

    def __post_init__(self) -> None:
        if not self.system.strip():
            raise ValueError("system: is empty")
        if (self.colour is None) != (self.colour_term is None):
            missing = "colour" if self.colour is None else "colour_term"
            raise ValueError(f"{missing}: is missing; colour and colour_term go together")
        if self.colour is not None:
            bands = _COLOUR.fullmatch(self.colour)
            if bands is None or bands[1] == bands[2]:
                raise ValueError(f'colour: {self.colour!r} is not a difference of two bands like "V-R"')
        if self.colour_term is not None and abs(self.colour_term) > 1:
            raise ValueError(f"colour_term: {self.colour_term:g} is more than 1 mag a mag: not the same band")
        for name in ("colour_term_err", "unknown_colour_err"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: must not be negative")

    @property
    def colour_bands(self) -> tuple[str, str] | None:
        """The two bands of the colour, first less second; None without a colour term."""
        if self.colour is None:
            return None
        first, second = self.colour.split("-")
        return first, second
