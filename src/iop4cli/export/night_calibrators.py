"""The part of a night's page about calibrators that may not be what the catalogue says."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from iop4cli.export.night_facts import Calibrators, Doubtful, NightFacts
from iop4cli.export.night_words import counted, measured
from iop4cli.export.report_page import Block, Heading, Listing, Paragraph, table

_MOST_COMMANDS = 6
_CURES = {
    "offset": "Offset: the magnitude in the catalogue is wrong, or another star is measured.",
    "variable": "Variable: the star changes by more than its errors, and is not fit to calibrate.",
    "trend": "Trend: the star changes over the months, or one of those that it was measured against.",
}


def blocks(facts: NightFacts) -> Iterator[Block]:
    """A line if all are as they should be; nothing if none could be judged."""
    found = facts.calibrators
    if not found.doubtful:
        if found.n_judged:
            nobody = f"None of the {found.n_judged} calibrators" if found.n_judged > 1 else "No calibrator"
            yield Paragraph(f"{nobody} of these targets is doubtful by its results of all nights.", "note")
        return
    yield Heading("Doubtful calibrators")
    yield Paragraph(
        "By their results of all nights, each measured against the other calibrators of its field "
        f"({counted(found.n_judged, 'star')} judged). “In zero points”: in how many of this night's results of "
        "targets it counted; one that disagrees with several others is left out.",
        "note",
    )
    several = len({one.instrument for one in found.doubtful}) > 1
    yield table(
        ("calibrator", "of", "instrument", "band", "doubt", "nights", "this night (mag)", "in zero points"),
        [
            (
                one.source, ", ".join(one.targets), one.instrument if several else "", one.band, _doubt(one),
                str(one.n_nights), "" if one.tonight_mag is None else f"{one.tonight_mag:+.3f}",
                f"{one.n_used} of {one.n_zero_points}",
            )
            for one in found.doubtful
        ],
    )  # fmt: skip
    noted: dict[str, list[str]] = {}
    for one in found.doubtful:
        if one.note:
            noted.setdefault(one.note, []).append(f"{one.source} in {one.band}")
    notes = [f"{', '.join(stars)}: {note}." for note, stars in noted.items()]
    verdicts = {word for one in found.doubtful for word in one.verdict}
    yield Listing((*notes, *(text for word, text in _CURES.items() if word in verdicts)))
    stars = [shlex.quote(source) for source in dict.fromkeys(one.source for one in found.doubtful)]
    yield Paragraph(f"Look at {', '.join(f'“iop4 catalog health {star}”' for star in stars[:_MOST_COMMANDS])}.")
    yield Paragraph(
        f"“iop4 plot health {stars[0]}” draws it against time; “iop4 catalog edit {stars[0]}” mends the magnitude or "
        "takes the star from the calibrators, and “iop4 run” then measures again what rests on it.",
        "note",
    )


def news(found: Calibrators) -> tuple[str, ...]:
    """The same in one line, for the top of the page."""
    if not found.doubtful:
        return ()
    bands: dict[str, list[str]] = {}
    for one in found.doubtful:
        left_out = "" if one.n_used else ", but in no zero point of this night"
        bands.setdefault(one.source, []).append(f"{' and '.join(one.verdict)} in {one.band}{left_out}")
    said = "; ".join(f"{source} ({', '.join(words)})" for source, words in bands.items())
    return (f"Doubtful calibrator{'s' if len(bands) > 1 else ''}: {said}.",)


def _doubt(one: Doubtful) -> str:
    said = []
    if "offset" in one.verdict:
        how = "fainter" if one.mean_mag > 0 else "brighter"
        said.append(f"offset: {measured(abs(one.mean_mag), one.mean_err_mag, 3)} mag {how} than catalogued")
    if "variable" in one.verdict:
        scatter = "" if one.scatter_mag is None else f": scatter {one.scatter_mag:.3f} mag"
        chi2 = "" if one.chi2_red is None else f" (reduced χ² {one.chi2_red:.1f})"
        said.append(f"variable{scatter}{chi2}")
    if "trend" in one.verdict and one.trend_mag_yr is not None:
        how = "fainter" if one.trend_mag_yr > 0 else "brighter"
        said.append(f"trend: {measured(abs(one.trend_mag_yr), one.trend_err_mag_yr, 3)} mag {how} each year")
    return "; ".join(said)
