"""The part of a night's page that says how good the night was: masters, seeing, transparency, astrometry."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from statistics import median

from iop4cli.export.night_facts import Master, NightFacts, Sample, ZeroPoints
from iop4cli.export.night_words import at_time, band_of, counted, frames_in_words, number
from iop4cli.export.plots.night import samples_svg
from iop4cli.export.report_page import Block, Drawing, Heading, Listing, Paragraph, table

_GROUPS_SHOWN = 20


def blocks(facts: NightFacts) -> Iterator[Block]:
    yield from _masters(facts)
    yield from _sky(facts)
    yield from _astrometry(facts)


def _masters(facts: NightFacts) -> Iterator[Block]:
    yield Heading("Masters")
    if facts.masters:
        yield table(
            ("kind", "band", "angle (deg)", "frames", "level", "scatter", "last good: level, scatter", "state"),
            [_master(one) for one in facts.masters],
            [index for index, one in enumerate(facts.masters) if not one.accepted],
        )  # fmt: skip
        yield Paragraph("Scatter is that of one frame about the master; flats are relative to their level.", "note")
    else:
        yield Paragraph("None was made of frames of this night.")
    if facts.left_out:
        yield Paragraph("Frames left out of masters:")
        yield Listing(
            tuple(
                f"{frames_in_words([frame], facts.epoch)} of {frames_in_words([master], facts.epoch)}: {reason}"
                for master, frame, reason in facts.left_out
            )
        )
    if facts.fallbacks:
        yield Paragraph("Frames reduced with masters that are less than ideal:")
        yield Listing(
            tuple(
                f"{note}: {counted(len(frames), 'frame')} ({frames_in_words(frames, facts.epoch)})"
                for note, frames in facts.fallbacks
            )
        )


def _master(one: Master) -> tuple[str, ...]:
    level, scatter = {"flat": (3, 4), "dark": (3, 3)}.get(one.kind, (1, 2))
    unit = f" {one.unit}" if one.unit else ""
    frames = "" if one.n_frames is None else f"{one.n_frames}"
    if one.n_rejected:
        frames += f" ({one.n_rejected} left out)"
    last = ", ".join(filter(None, (number(one.last_level, level), number(one.last_scatter, scatter))))
    return (
        one.kind, one.band or "", "" if one.angle_deg is None else f"{one.angle_deg:g}", frames,
        number(one.level, level, unit), number(one.scatter, scatter, unit),
        f"{last} ({one.last_night})" if one.last_night else "none before",
        "accepted" if one.accepted else f"rejected: {one.reason or 'nobody said why'}",
    )  # fmt: skip


def _sky(facts: NightFacts) -> Iterator[Block]:
    yield Heading("Seeing and transparency")
    if facts.seeing:
        fwhm = [one.value for one in facts.seeing]
        yield Paragraph(
            f"Seeing: FWHM {median(fwhm):.2f} arcsec (median of {counted(len(fwhm), 'frame')}), "
            f"{min(fwhm):.2f} to {max(fwhm):.2f} arcsec."
        )
    else:
        yield Paragraph("Seeing: not known, for no frame is solved.")
    if facts.zero_points:
        yield table(
            ("instrument", "band", "mode", "n", "zero point (mag)", "faintest", f"{facts.days_before} days before"),
            [_zero_points(one) for one in facts.zero_points],
        )
    yield from _group_light(facts)
    if facts.seeing:
        yield Drawing("Seeing through the night.", partial(_seeing_svg, samples=facts.seeing))
    if facts.zero_points:
        yield Drawing(
            "Zero points through the night; fainter is downward, as clouds make them.",
            partial(_zero_point_svg, zero_points=facts.zero_points),
        )


def _group_light(facts: NightFacts) -> Iterator[Block]:
    # Two beams at once need none: there it is not measured.
    known = [one for one in facts.group_light if one.rms is not None]
    if not known:
        return
    worst = sorted(known, key=lambda one: -(one.rms or 0.0))[:_GROUPS_SHOWN]
    shown = [one for one in known if one in worst]
    yield Paragraph("Transparency within groups of polarimetry, by field stars (1 is the group's mean):")
    yield table(
        ("source", "band", "time", "stars", "rms (%)", "lowest", "highest"),
        [
            (one.source, band_of(one.band), at_time(one.time), "" if one.n_stars is None else str(one.n_stars),
             "" if one.rms is None else number(100 * one.rms, 1), number(one.lowest, 3), number(one.highest, 3))
            for one in shown
        ],
    )  # fmt: skip
    if len(shown) < len(known):
        yield Paragraph(f"These changed most; {counted(len(known) - len(shown), 'other group')} changed less.", "note")


def _zero_points(one: ZeroPoints) -> tuple[str, ...]:
    values = [sample.value for sample in one.samples]
    before = "" if one.before is None else f"{one.before:.2f} ({counted(one.n_nights_before, 'night')})"
    return (one.instrument, band_of(one.band), one.mode, str(len(values)), f"{median(values):.2f}",
            f"{min(values):.2f}", before)  # fmt: skip


def _seeing_svg(prefix: str, samples: tuple[Sample, ...]) -> str:
    return samples_svg(prefix, "FWHM (arcsec)", [("", samples)])


def _zero_point_svg(prefix: str, zero_points: tuple[ZeroPoints, ...]) -> str:
    groups = [(f"{one.band} {one.mode} {one.instrument}", one.samples) for one in zero_points]
    return samples_svg(prefix, "zero point (mag)", groups)


def _astrometry(facts: NightFacts) -> Iterator[Block]:
    yield Heading("Astrometry")
    solved = facts.astrometry
    if not solved.n_tried:
        yield Paragraph("No frame was there to be solved.")
        return
    rms = ""
    if solved.rms_arcsec is not None and solved.worst_rms_arcsec is not None:
        rms = f"; residuals {solved.rms_arcsec:.3f} arcsec rms (median), {solved.worst_rms_arcsec:.3f} at most"
    methods = ", ".join(f"{name} {n}" for name, n in solved.methods)
    yield Paragraph(
        f"{solved.n_solved} of {counted(solved.n_tried, 'frame')} solved"
        + (f" ({methods})" if methods else "")
        + rms
        + "."
    )
