"""A night's facts as a page: what needs a look first, then what was taken, what came of it, and how good it is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from statistics import median

from iop4cli.export import night_calibrators, night_quality
from iop4cli.export.night_facts import Compared, NightFacts, Result, Series, Taken
from iop4cli.export.night_words import at_time, band_of, counted, frames_in_words, measured, seconds, without_night
from iop4cli.export.plots.night import source_svg
from iop4cli.export.report_page import Block, Drawing, Heading, Listing, Numbers, Page, Paragraph, table

# Longer tables are read by nobody; what is left out is named, and `iop4 export` has it.
_MOST_ROWS = 60


def night_page(facts: NightFacts) -> Page:
    return Page(_title(facts), _lead(facts), tuple(_blocks(facts)))


def subject(facts: NightFacts) -> str:
    """The page in one line, for a mail."""
    state = "needs a look" if facts.concerns else "all well"
    moved = f", {counted(len(facts.news), 'source')} moved" if facts.news else ""
    return f"iop4 {facts.epoch}: {state}, {counted(facts.n_target_results, 'result')}{moved}"


def _title(facts: NightFacts) -> str:
    return f"{facts.epoch.telescope}, night of {facts.epoch.night}"


def _lead(facts: NightFacts) -> Paragraph:
    if facts.concerns:
        return Paragraph(f"Needs a look: {'; '.join(facts.concerns)}.", "bad")
    return Paragraph("All well.", "good")


def _blocks(facts: NightFacts) -> Iterator[Block]:
    news = [f"Moved: {one}" for one in facts.news]
    n_remarks = sum(bool(one.quality or one.flags) for one in facts.results)
    if n_remarks:
        bear = "bears a remark" if n_remarks == 1 else "bear remarks"
        news.append(f"{n_remarks} of {counted(len(facts.results), 'result')} of targets {bear} on quality.")
    news += night_calibrators.news(facts.calibrators)
    if news:
        yield Listing(tuple(news))
    bad = facts.n_failed + facts.n_impossible
    yield Numbers(
        (
            (str(facts.n_frames), "frames" if facts.n_frames != 1 else "frame"),
            (str(facts.n_groups), "groups of polarimetry" if facts.n_groups != 1 else "group of polarimetry"),
            (str(facts.n_target_results), f"results of targets (of {facts.n_results})"),
            (str(bad), "failed or impossible"),
        )
    )
    yield from _troubles(facts)
    yield from _results(facts)
    yield from night_calibrators.blocks(facts)
    yield from _uncalibrated(facts)
    yield from _taken(facts)
    yield from night_quality.blocks(facts)
    yield from _said(facts)
    yield Paragraph(
        f"Times are UTC. Errors are one sigma; those of p and χ are without the calibration's share. {DASH_MEANS} "
        f"Made {facts.made:%Y-%m-%d %H:%M} UTC by iop4.",
        "note",
    )


DASH_MEANS = "– is what is not known."

_ADVICE = {
    ("classify", "failed"): "Copy or fetch the file again; "
    "“iop4 classify --set FIELD=VALUE FRAME” where a header lies.",
    ("mkmaster", "failed"): "“iop4 show MASTER” tells each frame's fate.",
    ("mkmaster", "done"): "“iop4 show MASTER”; “iop4 mkmaster --accept MASTER” if it is good all the same.",
    ("mkmaster", "impossible"): "Take or fetch the missing calibration frames, then “iop4 run”.",
    ("reduce", "impossible"): "Take or fetch the missing calibration frames, then “iop4 run”; "
    "“iop4 status --why FRAME” lists the masters that were passed over.",
    ("solve", "failed"): "“iop4 show FRAME”; “iop4 index” tells whether index files of the field are here.",
    ("solve", "impossible"): "“iop4 index” tells whether index files of the field are here.",
    ("phot", "impossible"): "“iop4 catalog” adds sources and calibrators of the field.",
    ("pol", "impossible"): "“iop4 show FRAME” tells which angles are missing.",
}  # fmt: skip


def _troubles(facts: NightFacts) -> Iterator[Block]:
    """Grouped by reason, as `iop4 status --why` does."""
    if not facts.troubles.by_reason and not facts.troubles.blocked:
        return
    yield Heading("What failed, and why")
    rows = []
    for one in facts.troubles.by_reason:
        said = "done, but" if one.status == "done" else one.status
        advice = _ADVICE.get((one.step, one.status), "")
        rows.append(
            (one.step, said, without_night(one.reason, facts.epoch), frames_in_words(one.names, facts.epoch), advice)
        )
    if rows:
        yield table(("step", "status", "why", "what", "what to do"), rows)
    blocked = tuple(facts.troubles.blocked)
    if blocked:
        steps = sorted({step for steps in facts.troubles.blocked.values() for step in steps})
        yield Paragraph(
            f"Not done for that reason ({', '.join(steps)}): {frames_in_words(blocked, facts.epoch)}.", "note"
        )


def _results(facts: NightFacts) -> Iterator[Block]:
    yield Heading("Results of targets")
    if not facts.results:
        yield Paragraph("There are none.")
        return
    yield from _beside(facts)
    for source in dict.fromkeys(one.source for one in facts.series):
        series = [one for one in facts.series if one.source == source]
        own = [[one for one in some if one.source == source and not one.flags] for some in _both(facts)]
        yield Drawing(
            f"{source}: this night (full), and the medians of the nights in {facts.days_before} days before (hollow).",
            partial(_source, night=facts.epoch.night, days=facts.days_before, series=series, now=own[0], before=own[1]),
        )
    shown = facts.results[:_MOST_ROWS]
    yield table(
        ("source", "band", "time", "mode", "mag", "p (%)", "χ (deg)", "quality", "flagged"),
        [
            (
                one.source, band_of(one.band), at_time(one.time), one.mode, measured(one.mag, one.mag_err, 3),
                measured(one.p, one.p_err, 2, 100.0), measured(one.chi_deg, one.chi_err_deg, 1),
                one.quality or "good", one.flags,
            )
            for one in shown
        ],
        [number for number, one in enumerate(shown) if one.flags],
    )  # fmt: skip
    if len(facts.results) > len(shown):
        yield Paragraph(
            f"{len(facts.results) - len(shown)} more: “iop4 export --targets {facts.epoch}” has all.", "note"
        )


def _source(prefix: str, night: str, days: int, series: list[Series], now: list[Result], before: list[Result]) -> str:
    return source_svg(prefix, night, days, series, now, before)


def _both(facts: NightFacts) -> tuple[tuple[Result, ...], tuple[Result, ...]]:
    return facts.results, facts.before


def _beside(facts: NightFacts) -> Iterator[Block]:
    rows: list[tuple[str, ...]] = []
    marked = []
    for one in facts.series:
        for what, compared, digits, factor in (
            ("mag", one.mag, 3, 1.0),
            ("p (%)", one.p, 2, 100.0),
            ("χ (deg)", one.chi_deg, 1, 1.0),
        ):
            if compared.now is None:
                continue
            if compared.moved:
                marked.append(len(rows))
            rows.append((one.source, band_of(one.band), what, *_compared(compared, digits, factor)))
    yield Paragraph(
        f"Medians of the night beside those of the {facts.days_before} days before. The error of a median contains "
        "how much the source varied. “Moved”: by more than 3 sigma, and by 0.1 mag, 2 % in p or 10 deg.",
        "note",
    )
    days = f"{facts.days_before} days before"
    yield table(("source", "band", "what", "night", days, "difference", "in sigma", "remark"), rows, marked)


def _compared(compared: Compared, digits: int, factor: float) -> tuple[str, str, str, str, str]:
    now, before = compared.now, compared.before
    assert now is not None
    tonight = measured(now.value, now.error, digits, factor)
    if before is None or compared.difference is None:
        return tonight, "", "", "", "first"
    nights = f" ({counted(before.n_nights, 'night')})"
    return (
        tonight, measured(before.value, before.error, digits, factor) + nights,
        f"{factor * compared.difference:+.{digits}f}", "" if compared.sigmas is None else f"{compared.sigmas:.1f}",
        "moved" if compared.moved else "",
    )  # fmt: skip


def _uncalibrated(facts: NightFacts) -> Iterator[Block]:
    if not facts.uncalibrated:
        return
    yield Heading("Without calibrators or magnitude")
    yield table(
        ("source", "band", "mode", "results", "why"),
        [(one.source, band_of(one.band), one.mode, str(one.n), one.reason) for one in facts.uncalibrated],
    )


def _taken(facts: NightFacts) -> Iterator[Block]:
    yield Heading("What was taken")
    if not facts.taken:
        yield Paragraph("No frame is classified.")
        return
    lights = [one for one in facts.taken if one.kind == "light"]
    if lights:
        yield table(
            ("target", "mode", "band", "frames", "angles (deg)", "exposure (s)", "from", "to"),
            [(one.target or "not named", one.mode, *_frames(one)) for one in lights],
        )
        times = [one.since for one in lights if one.since], [one.until for one in lights if one.until]
        if all(times):
            exposed = sum(one.n_frames * median(one.exptimes_s) for one in lights if one.exptimes_s) / 3600
            span = f"{min(times[0]):%H:%M} to {max(times[1]):%H:%M} UTC"
            yield Paragraph(f"Light was taken from {span}, some {exposed:.1f} h exposed.", "note")
    others = [one for one in facts.taken if one.kind != "light"]
    if others:
        yield table(
            ("calibration", "band", "frames", "angles (deg)", "exposure (s)", "from", "to"),
            [(one.kind, *_frames(one)) for one in others],
        )


def _frames(one: Taken) -> tuple[str, ...]:
    angles = ", ".join(f"{angle:g}" for angle in one.angles_deg)
    times = (f"{time:%H:%M}" if time else "" for time in (one.since, one.until))
    return (one.band or "", str(one.n_frames), angles, seconds(one.exptimes_s), *times)


def _said(facts: NightFacts) -> Iterator[Block]:
    if not facts.said:
        return
    yield Heading("Said by people")
    yield table(
        ("who", "when", "about", "what"),
        [
            (one.who, f"{one.time:%Y-%m-%d %H:%M}" if one.time else "", without_night(one.about, facts.epoch), one.text)
            for one in facts.said
        ],
    )
