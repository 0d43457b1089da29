"""mkmaster: combine the calibration frames of a night, and judge the masters beside those of other nights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iop4cli import __version__
from iop4cli.errors import BadFrame
from iop4cli.pipeline.choice import geometry, why_none, window_in
from iop4cli.pipeline.judging import COMPARE, judged, judgements, with_kept_rows
from iop4cli.pipeline.parts import parameter_parts
from iop4cli.pipeline.step import DONE, Decision, Job, Outcome, Parameter, Step
from iop4cli.pipeline.view import Row, View

if TYPE_CHECKING:
    import numpy as np

    from iop4cli.science.masters import Combined


class MkMaster(Step):
    name = "mkmaster"
    version = 3
    # A flat needs its bias and dark, a dark its bias; each kind is judged before the next is made with it.
    waves = ("bias", f"{COMPARE}bias", "dark", f"{COMPARE}dark", "flat", f"{COMPARE}flat")
    of_nights = True
    tables = {"master": "name", "master_input": "master", "master_structure": "master"}  # noqa: RUF012
    parameters = (
        Parameter("min_frames", 3, "frames", "fewest frames that make a master"),
        Parameter("flat_min_level", 0.02, "of saturation", "a flat frame fainter than this is left out"),
        Parameter("flat_max_level", 0.90, "of saturation", "a flat frame brighter than this is left out"),
        Parameter("max_flat_noise", 3.0, "", "most that flat frames may scatter, over read noise and photons"),
        Parameter("max_age_days", 30, "days", "how far, before or after, the bias of another night may be"),
        Parameter("compare_days", 60, "days", "how old the last good master may be that a new one is compared with"),
        Parameter("max_level_change", 20.0, "frame sigmas", "most that a bias or dark may be above or below that"),
        Parameter("max_structure_change", 1.0, "frame sigmas", "most that a bias or dark may differ from it, rms"),
        Parameter("max_scatter_ratio", 1.5, "", "most that bias frames may scatter, over those of it, or its inverse"),
        Parameter("max_flat_change", 0.02, "fraction", "most that a flat may differ from it, rms"),
    )
    # What only the judgement needs makes no master anew.
    _JUDGING = ("compare_days", "max_level_change", "max_structure_change", "max_scatter_ratio", "max_flat_change")

    def plan(self, view: View, wave: str) -> Iterator[Decision]:
        if wave.startswith(COMPARE):
            yield from judgements(self, view, wave.removeprefix(COMPARE))
            return
        shelf = view.shelf()
        for item, frames in _slots(view, wave).items():
            first = frames[0]
            params = view.parameters(self, first["instrument"])
            names = [frame["name"] for frame in frames]
            instrument = view.instrument(first["instrument"])
            masters: dict[str, Any] = {}
            for kind in instrument.needs(wave):
                choice = shelf.choose(kind, first, params["max_age_days"])
                if choice.master is None:
                    yield view.impossible(self, item, why_none(kind, first, choice), names)
                    break
                masters[kind] = choice
            else:
                parts = {
                    "frames": " ".join(sorted(frame["checksum"][:12] for frame in frames)),
                    "exposures": " ".join(f"{frame['exptime_s']}" for frame in frames),
                    "detector": instrument.digest("detector"),
                    **{kind: choice.key for kind, choice in masters.items()},
                    **parameter_parts({name: params[name] for name in params if name not in self._JUDGING}),
                }
                expected = [{**_master_row(item, wave, first), "key": None, "accepted": True, "n_frames": len(frames)}]
                decision = view.decide(
                    self, item, parts, names, payload=partial(_payload, view, item, wave, frames, masters, params),
                    missing=_lost_file(view, item), expected=partial(dict, master=expected),
                )  # fmt: skip
                if decision.job is not None:
                    expected[0]["key"] = decision.job.key
                yield decision

    def prepare(self, view: View, jobs: Sequence[Job]) -> list[Job]:
        return with_kept_rows(view, jobs)

    def work(self, job: Job) -> Outcome:
        if "standing" in job.payload:
            return judged(self, job)
        payload, kind = job.payload, job.payload["kind"]
        opened, inputs = _fit_frames(job)
        row = {
            **payload["row"],
            "key": job.key,
            "n_frames": len(opened),
            "n_rejected": len(inputs) - len(opened),
        }
        needed = payload["params"]["min_frames"]
        if len(opened) < needed:
            left_out = "; ".join(f"{i['frame']}: {i['reason']}" for i in inputs if i["reason"])
            reason = f"{len(opened)} usable frames, {needed} needed" + (f" ({left_out})" if left_out else "")
            rows_out = {"master": [{**row, "accepted": False, "reason": reason}], "master_input": inputs}
            return self.failed(job, reason, rows=rows_out)
        from iop4cli.science.master_checks import structure, structure_noise

        combined, dq = _combined(job, opened)
        row |= {
            "path": f"master/{job.item}-{job.key[:8]}.fits", "level": combined.level, "scatter": combined.scatter,
            "noise_ratio": combined.noise_ratio, "n_bad": int((dq != 0).sum()), "accepted": True, "reason": None,
        }  # fmt: skip
        if kind == "bias":
            row["read_noise_e"] = combined.scatter * payload["gain_e_per_adu"]
        flaw = _too_noisy(kind, combined.noise_ratio, payload["params"])
        if flaw:
            row |= {"accepted": False, "reason": flaw, "flaw": flaw}
        shape = {
            "master": job.item, "cells": structure(combined.image).tolist(),
            "cell_noise": structure_noise(combined.uncertainty),
        }  # fmt: skip
        files = self._written(job, row["path"], combined, dq, [frame["name"] for frame, _ in opened])
        notes = (f"{row['n_rejected']} frames left out",) if row["n_rejected"] else ()
        rows = {"master": [row], "master_input": inputs, "master_structure": [shape]}
        return self.done(job, rows=rows, files=files, notes=notes, reason=flaw)

    def _written(
        self, job: Job, path: str, combined: Combined, dq: np.ndarray, names: Sequence[str]
    ) -> tuple[tuple[Path, Path], ...]:
        from astropy.io.fits import Header

        from iop4cli.frames.fits import temporary_beside, write_image
        from iop4cli.frames.quality import Pixel
        from iop4cli.frames.reduced import ascii_text

        payload = job.payload
        final = Path(payload["root"]) / path
        header = Header()
        header["IMAGETYP"] = (f"master {payload['kind']}", "kind of calibration")
        header["INSTRUME"] = ascii_text(payload["row"]["instrument"])
        header["NCOMBINE"] = (combined.n_frames, "frames combined")
        header["BUNIT"] = {"bias": "adu", "dark": "adu/s", "flat": "relative"}[payload["kind"]]
        header["HIERARCH IOP4 KEY"] = job.key
        header["HIERARCH IOP4 VERSION"] = __version__
        header["HIERARCH IOP4 SCATTER"] = (combined.scatter, "of one frame about the mean")
        header["HIERARCH IOP4 CLIPPED"] = (combined.clipped_fraction, "fraction of pixels left out")
        for bit in (Pixel.BAD, Pixel.DEAD, Pixel.HOT):
            header[f"HIERARCH IOP4 DQ {bit.name}"] = (int(bit), "bit of the DQ extension")
        for number, name in enumerate(names, 1):
            header[f"HIERARCH IOP4 INPUT {number}"] = ascii_text(name)
        temporary = temporary_beside(final)
        write_image(temporary, header, combined.image, [("UNCERT", combined.uncertainty), ("DQ", dq)])
        return ((temporary, final),)

    def product_files(self, view: View, item: str) -> list[Path]:
        return [view.layout.root / row["path"] for row in view.rows("master") if row["name"] == item and row["path"]]


STEP = MkMaster()


def _slots(view: View, kind: str) -> dict[str, list[Row]]:
    """Frames by the master they go into, each named TELESCOPE/NIGHT/kind-..."""
    slots: dict[str, list[Row]] = {}
    for name in sorted(view.frames):
        frame = view.frames[name]
        if frame["status"] == DONE and frame["kind"] == kind:
            slots.setdefault(f"{frame['telescope']}/{frame['night']}/{_stem(kind, frame)}", []).append(frame)
    return slots


def _stem(kind: str, frame: Row) -> str:
    words = [kind, frame["instrument"]]
    if kind == "flat":
        words.append(frame["band"] or "noband")
        if frame["angle_deg"] is not None:
            words.append(f"{frame['angle_deg']:+g}deg")
    width, height, bin_x, bin_y, x0, y0 = geometry(frame)
    words.append(f"{width}x{height}" + (f"b{bin_x}{bin_y}" if (bin_x, bin_y) != (1, 1) else ""))
    if x0 or y0:
        words.append(f"at{x0},{y0}")
    return "-".join(words)


def _master_row(item: str, kind: str, frame: Row) -> dict[str, Any]:
    copied = (
        "telescope",
        "instrument",
        "width_px",
        "height_px",
        "binning_x",
        "binning_y",
        "window_x0",
        "window_y0",
    )
    row = {name: frame[name] for name in copied}
    is_flat = kind == "flat"
    return row | {
        "name": item, "kind": kind, "night": str(frame["night"]), "band": frame["band"] if is_flat else None,
        "angle_deg": frame["angle_deg"] if is_flat else None, "exptime_s": frame["exptime_s"], "level": None,
        "scatter": None, "read_noise_e": None, "reason": None, "bias": None, "path": None, "n_rejected": 0,
        "noise_ratio": None, "n_bad": None, "flaw": None,
    }  # fmt: skip


def _payload(
    view: View,
    item: str,
    kind: str,
    frames: Sequence[Row],
    masters: Mapping[str, Any],
    params: Mapping[str, Any],
) -> dict[str, Any]:
    detector = view.instrument(frames[0]["instrument"]).detector
    row = _master_row(item, kind, frames[0])
    row["bias"] = masters["bias"].name if "bias" in masters else None
    return {
        "kind": kind, "row": row, "params": dict(params), "root": str(view.layout.root),
        "frames": [
            {"name": frame["name"], "path": str(view.layout.raw_frame(frame["name"])), "exptime_s": frame["exptime_s"]}
            for frame in frames
        ],
        "masters": {
            name: (str(view.layout.root / str(choice.master["path"])), window_in(choice.master, frames[0]))
            for name, choice in masters.items()
        },
        "saturation_adu": detector.saturation_adu, "gain_e_per_adu": detector.gain_e_per_adu,
        "read_noise_e": detector.read_noise_e,
    }  # fmt: skip


def _lost_file(view: View, item: str) -> str:
    row = view.masters.get(item)
    if row is None or not row["path"]:
        return ""
    return "" if view.files.has(row["path"]) else f"its file {row['path']} is gone"


def _fit_frames(job: Job) -> tuple[list[tuple[Mapping[str, Any], Any]], list[dict[str, Any]]]:
    """The frames that may go into the master, opened; and of all frames whether, and why not."""
    from iop4cli.frames.raw import RawRows
    from iop4cli.science.master_checks import frame_statistics, unfit_frames

    payload = job.payload
    opened, unreadable = [], []
    for frame in payload["frames"]:
        try:
            rows = RawRows(Path(frame["path"]))
            opened.append((frame, rows, frame_statistics(rows, payload["saturation_adu"])))
        except BadFrame as error:
            unreadable.append({"master": job.item, "frame": frame["name"], "used": False, "reason": str(error)})
    reasons = unfit_frames(
        payload["kind"], [statistics for _, _, statistics in opened],
        [frame["exptime_s"] or 0.0 for frame, _, _ in opened], payload["saturation_adu"], payload["params"],
    )  # fmt: skip
    inputs = unreadable + [
        {"master": job.item, "frame": frame["name"], "used": not reason, "reason": reason or None}
        for (frame, _, _), reason in zip(opened, reasons, strict=True)
    ]
    fit = [(frame, rows) for (frame, rows, _), reason in zip(opened, reasons, strict=True) if not reason]
    return fit, sorted(inputs, key=lambda row: str(row["frame"]))


def _combined(job: Job, opened: Sequence[tuple[Mapping[str, Any], Any]]) -> tuple[Combined, np.ndarray]:
    """The master and its pixel bits."""
    import numpy as np

    from iop4cli.frames.fits import read_master
    from iop4cli.science.defects import defects, harmful_dark_rate
    from iop4cli.science.masters import PixelNoise, combine

    payload, kind = job.payload, job.payload["kind"]
    height, width = opened[0][1].shape
    used = {
        name: read_master(Path(path), uncertainty=True).cut(x, y, width, height)
        for name, (path, (x, y)) in payload["masters"].items()
    }
    gain, read_noise_e = payload["gain_e_per_adu"], payload["read_noise_e"]
    exptimes_s = [frame["exptime_s"] or 0.0 for frame, _ in opened]
    combined = combine(
        [rows for _, rows in opened], bias=used["bias"].image if "bias" in used else None,
        dark=used["dark"].image if "dark" in used else None,
        masters_uncertainty=used["bias"].uncertainty if "bias" in used else None,
        exptimes_s=exptimes_s, per_second=kind == "dark", normalise=kind == "flat",
        noise=PixelNoise(read_noise_e / gain, gain) if read_noise_e > 0 else None, n_threads=job.cores,
    )  # fmt: skip
    hot_rate = harmful_dark_rate(float(np.mean(exptimes_s)), gain, read_noise_e / gain)
    dq = defects(kind, combined.image, combined.uncertainty, combined.noisy, hot_rate)
    return combined, dq


def _too_noisy(kind: str, noise_ratio: float | None, params: Mapping[str, Any]) -> str:
    if kind != "flat" or noise_ratio is None or noise_ratio <= params["max_flat_noise"]:
        return ""
    return f"its frames differ {noise_ratio:.1f} times as much as read noise and photons explain"
