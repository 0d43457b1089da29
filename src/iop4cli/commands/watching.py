"""What `iop4 watch` says of what happens: results on stdout, words on stderr, calls of hooks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from iop4cli.commands.hooks import Hook
from iop4cli.instruments.registry import Registry
from iop4cli.pipeline.announcing import Announcer
from iop4cli.pipeline.arrivals import Growing
from iop4cli.pipeline.engine import Ended, Waiting
from iop4cli.pipeline.live_notes import ExposureAdviser, FrameNote, frame_notes, width_trend
from iop4cli.pipeline.step import DONE, FAILED, IMPOSSIBLE
from iop4cli.pipeline.watching import Arrived, Held, PassEnded, Trouble
from iop4cli.shell import messages, output

# A trend that goes on, or a star that stays saturated, is said again only after a while.
_SAY_AGAIN_S = 1200.0


@dataclass
class Screen:
    """Renders what happens."""

    announcer: Announcer
    adviser: ExposureAdviser
    json: bool
    on_result: Hook | None = None
    on_alert: Hook | None = None
    _said: dict[str, float] = field(default_factory=dict)

    @property
    def hooks(self) -> list[Hook]:
        return [hook for hook in (self.on_result, self.on_alert) if hook is not None]

    def arrived(self, event: Arrived) -> None:
        for name in event.frames:
            messages.detail(f"{name} has come")

    def held(self, event: Held) -> None:
        messages.detail(f"{event.n_frames} calibration frames wait for the rest of their sequence")

    def waiting(self, event: Waiting) -> None:
        """Somebody's run of the same night is no trouble; what it leaves is done when it has ended."""
        self._once(f"left for later: {', '.join(event.nights)}, for {event.holder}", warning=False)

    def trouble(self, event: Trouble) -> None:
        self._once(event.text, warning=True)

    def ended(self, event: Ended) -> None:
        """What went wrong with an item; blocked ones have said so in an earlier step."""
        if not event.news:
            return
        if event.status in {FAILED, IMPOSSIBLE} or (event.status == DONE and event.reason):
            messages.warn(f"{event.step} {event.item}: {event.reason}")
        else:
            messages.detail(f"{event.step} {event.item}: {event.status}")

    def pass_ended(self, event: PassEnded, registry: Registry) -> None:
        notes = frame_notes(self.announcer.store, event.frames)
        for note in notes:
            messages.notice(frame_line(note, event.growing))
        for note in newest_of_each(notes):
            instrument = registry.by_name(note.instrument)
            if note.saturated and note.target:
                self._once(self.adviser.on_saturation(note, instrument), f"{note.target} {note.band} saturated")
            self._once(width_trend(self.announcer.store, instrument, note), f"{note.instrument} {note.band} width")
        self.announce(registry)

    def announce(self, registry: Registry) -> None:
        """Tell of new results; they count as told when their hooks were called."""
        rows = self.announcer.new_results()
        for row in rows:
            if self.json:
                output.json_row(row)
            elif output.is_terminal():
                output.line(result_line(row))
            else:
                output.line(row["id"])
            if self.on_result is not None:
                self.on_result.call(row)
            if row["alerts"]:
                messages.alert(f"{row['source']} {row['band']}, result {row['id']}: {'; '.join(row['alerts'])}")
                if self.on_alert is not None:
                    self.on_alert.call(row)
        self.announcer.told(rows)
        for row in rows:
            advice = self.adviser.on_result(row, registry.by_name(row["instrument"]))
            if advice:
                messages.notice(advice)

    def tell_of_hooks(self) -> None:
        for hook in self.hooks:
            hook.tell()

    def close(self) -> None:
        for hook in self.hooks:
            hook.close()

    def _once(self, text: str, about: str = "", *, warning: bool = True) -> None:
        now = time.monotonic()
        if not text or now - self._said.get(about or text, -_SAY_AGAIN_S) < _SAY_AGAIN_S:
            return
        self._said[about or text] = now
        (messages.warn if warning else messages.notice)(text)


def newest_of_each(notes: Sequence[FrameNote]) -> list[FrameNote]:
    """The last frame of each instrument, target and band."""
    return list({(note.instrument, note.target, note.band): note for note in notes}.values())


def frame_line(note: FrameNote, growing: Mapping[str, Growing]) -> str:
    """A frame in one line: what it is, how it came out, which angles its group still waits for."""
    said = [f"{clock(note.mjd_utc)} {note.frame.rsplit('/', 1)[1]}: {note.target or 'unknown target'}"]
    said += [note.band] if note.band else []
    said += [f"{note.angle_deg:g} deg"] if note.angle_deg is not None else []
    said += [f"{note.exptime_s:g} s"]
    if note.fwhm_arcsec is not None:
        said.append(f"FWHM {note.fwhm_arcsec:.1f} arcsec")
    if note.sky_e is not None:
        said.append(f"sky {note.sky_e:.0f} e-")
    if note.snr is not None:
        said.append(f"S/N {note.snr:.0f}")
    for one in growing.values():
        if note.mode == "pol" and one.target == note.target and one.band == note.band:
            said.append("missing " + " ".join(f"{angle:g}" for angle in one.missing_deg))
    return ", ".join(said)


def result_line(row: Mapping[str, Any]) -> str:
    """A result in one line, for people."""
    said = [f"{clock(row['mjd_utc'])} {row['source']} {row['band'] or ''} {row['instrument']}".replace("  ", " ")]
    if row["mag"] is not None:
        said.append(f"mag {row['mag']:.3f} +- {row['mag_err']:.3f}")
    if row["p"] is not None:
        said.append(f"p {100 * row['p']:.2f} +- {100 * row['p_err']:.2f} %")
    if row["chi_deg"] is not None:
        said.append(f"chi {row['chi_deg']:.1f} +- {row['chi_err_deg']:.1f} deg")
    if row["mode"] == "pol":
        said.append(f"{row['n_frames']} angles")
    said += [f"[{row['quality_text']}]"] if row["quality_text"] else []
    return "  ".join(said)


def clock(mjd_utc: float) -> str:
    """The time of day, UTC."""
    seconds = round((mjd_utc % 1.0) * 86400.0) % 86400
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
