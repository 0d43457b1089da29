"""mkmaster: combine the calibration frames of a night."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from iop4cli import __version__
from iop4cli.errors import BadFrame
from iop4cli.pipeline.choice import choose_master, geometry, why_none, window_in
from iop4cli.pipeline.step import DONE, Decision, Job, Outcome, Parameter, Step
from iop4cli.pipeline.view import Row, View, parameter_parts


class MkMaster(Step):
    name = "mkmaster"
    version = 1
    # A flat needs its bias and dark, a dark its bias.
    waves = ("bias", "dark", "flat")
    of_nights = True
    tables = {"master": "name", "master_input": "master"}  # noqa: RUF012
    parameters = (
        Parameter("min_frames", 3, "frames", "fewest frames that make a master"),
        Parameter("flat_min_level", 0.02, "of saturation", "a flat frame fainter than this is left out"),
        Parameter("flat_max_level", 0.90, "of saturation", "a flat frame brighter than this is left out"),
        Parameter("max_age_days", 30, "days", "how far, before or after, the bias of another night may be"),
    )

    def plan(self, view: View, wave: str) -> Iterator[Decision]:
        for item, frames in _slots(view, wave).items():
            first = frames[0]
            params = view.parameters(self, first["instrument"])
            names = [frame["name"] for frame in frames]
            instrument = view.instrument(first["instrument"])
            masters: dict[str, Any] = {}
            for kind in instrument.needs(wave):
                choice = choose_master(kind, first, view.rows("master"), params["max_age_days"])
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
                    **parameter_parts(params),
                }
                payload = _payload(view, item, wave, frames, masters, params)
                expected = [{**_master_row(item, wave, first), "key": None, "accepted": True, "n_frames": len(frames)}]
                decision = view.decide(
                    self, item, parts, names, payload=payload, missing=_lost_file(view, item),
                    expected={"master": expected},
                )  # fmt: skip
                if decision.job is not None:
                    expected[0]["key"] = decision.job.key
                yield decision

    def work(self, job: Job) -> Outcome:
        from iop4cli.frames.fits import RawRows, read_pixels
        from iop4cli.science.masters import combine, frame_level

        payload = job.payload
        params, kind = payload["params"], payload["kind"]
        opened: list[tuple[Mapping[str, Any], Any]] = []
        inputs = []
        for frame in payload["frames"]:
            try:
                rows = RawRows(Path(frame["path"]))
                reason = _unfit(kind, frame_level(rows), payload["saturation_adu"], params)
            except BadFrame as error:
                reason = str(error)
            if not reason:
                opened.append((frame, rows))
            inputs.append({"master": job.item, "frame": frame["name"], "used": not reason, "reason": reason or None})
        row = {
            **payload["row"],
            "key": job.key,
            "n_frames": len(opened),
            "n_rejected": len(inputs) - len(opened),
        }
        if len(opened) < params["min_frames"]:
            left_out = "; ".join(f"{i['frame']}: {i['reason']}" for i in inputs if i["reason"])
            reason = f"{len(opened)} usable frames, {params['min_frames']} needed" + (
                f" ({left_out})" if left_out else ""
            )
            rows_out = {"master": [{**row, "accepted": False, "reason": reason}], "master_input": inputs}
            return self.failed(job, reason, rows=rows_out)
        height, width = opened[0][1].shape
        masters = {
            name: read_pixels(Path(path))[y : y + height, x : x + width]
            for name, (path, (x, y)) in payload["masters"].items()
        }
        combined = combine(
            [rows for _, rows in opened], bias=masters.get("bias"), dark=masters.get("dark"),
            exptimes_s=[frame["exptime_s"] or 0.0 for frame, _ in opened],
            per_second=kind == "dark", normalise=kind == "flat",
        )  # fmt: skip
        row["path"] = f"master/{job.item}-{job.key[:8]}.fits"
        row |= {"level": combined.level, "scatter": combined.scatter, "accepted": True, "reason": None}
        if kind == "bias":
            row["read_noise_e"] = combined.scatter * payload["gain_e_per_adu"]
        files = self._written(job, row["path"], combined, [frame["name"] for frame, _ in opened])
        notes = (f"{row['n_rejected']} frames left out",) if row["n_rejected"] else ()
        return self.done(job, rows={"master": [row], "master_input": inputs}, files=files, notes=notes)

    def _written(self, job: Job, path: str, combined: Any, names: Sequence[str]) -> tuple[tuple[Path, Path], ...]:
        from astropy.io.fits import Header

        from iop4cli.frames.fits import temporary_beside, write_image

        payload = job.payload
        final = Path(payload["root"]) / path
        header = Header()
        header["IMAGETYP"] = (f"master {payload['kind']}", "kind of calibration")
        header["INSTRUME"] = payload["row"]["instrument"]
        header["NCOMBINE"] = (combined.n_frames, "frames combined")
        header["BUNIT"] = {"bias": "adu", "dark": "adu/s", "flat": "relative"}[payload["kind"]]
        header["HIERARCH IOP4 KEY"] = job.key
        header["HIERARCH IOP4 VERSION"] = __version__
        header["HIERARCH IOP4 SCATTER"] = (combined.scatter, "of one frame about the mean")
        header["HIERARCH IOP4 CLIPPED"] = (combined.clipped_fraction, "fraction of pixels left out")
        for number, name in enumerate(names, 1):
            header[f"HIERARCH IOP4 INPUT {number}"] = name
        temporary = temporary_beside(final)
        write_image(temporary, header, combined.image, [("UNCERT", combined.uncertainty)])
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
    }  # fmt: skip


def _lost_file(view: View, item: str) -> str:
    for row in view.rows("master"):
        if row["name"] == item and row["path"] and not (view.layout.root / row["path"]).is_file():
            return f"its file {row['path']} is gone"
    return ""


def _unfit(kind: str, level_adu: float, saturation_adu: float, params: Mapping[str, Any]) -> str:
    """Why a calibration frame must not go into a master; empty if it may."""
    share = level_adu / saturation_adu
    if kind == "flat" and share > params["flat_max_level"]:
        return f"saturated: median {level_adu:.0f} ADU"
    if kind == "flat" and share < params["flat_min_level"]:
        return f"too faint: median {level_adu:.0f} ADU"
    if kind != "flat" and share > 0.5:
        return f"too bright for a {kind}: median {level_adu:.0f} ADU"
    return ""
