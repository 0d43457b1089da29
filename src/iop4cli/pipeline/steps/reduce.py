"""reduce: from a raw light frame to electrons with pixel bits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iop4cli import __version__
from iop4cli.archive.layout import product_name
from iop4cli.pipeline.choice import Choice, angle_matters, why_none, window_in
from iop4cli.pipeline.parts import parameter_parts
from iop4cli.pipeline.passing import go_on
from iop4cli.pipeline.step import DONE, Decision, Job, Outcome, Parameter, Step
from iop4cli.pipeline.view import Row, View

if TYPE_CHECKING:
    import numpy as np

    from iop4cli.frames.fits import MasterImage, ReducedImage


class Reduce(Step):
    name = "reduce"
    version = 2
    tables = {"reduced": "frame"}  # noqa: RUF012
    undoes = ("solve",)
    passes_to = "solve"
    parameters = (Parameter("max_age_days", 30, "days", "how far, before or after, a master of another night may be"),)

    def plan(self, view: View, wave: str) -> Iterator[Decision]:
        shelf = view.shelf()
        for frame in view.lights():
            name = frame["name"]
            instrument = view.instrument(frame["instrument"])
            params = view.parameters(self, frame["instrument"])
            chosen = {
                kind: shelf.choose(kind, frame, params["max_age_days"], angle_matters=angle_matters(instrument, frame))
                for kind in instrument.needs("light")
            }
            lacking = [why_none(kind, frame, choice) for kind, choice in chosen.items() if choice.master is None]
            if lacking:
                yield view.impossible(self, name, "; ".join(lacking), [name])
                continue
            parts = {
                "raw frame": frame["checksum"][:16],
                "exposure": f"{frame['exptime_s']} s at {frame['mjd_utc']}",
                "detector": instrument.digest("detector"),
                "window": f"{frame['width_px']}x{frame['height_px']}+{frame['window_x0']}+{frame['window_y0']}",
                **{f"master {kind}": f"{choice.name} {choice.key}" for kind, choice in chosen.items()},
                **parameter_parts(params),
            }
            lost = "" if view.files.has(f"reduced/{product_name(name)}") else "its file is gone"
            yield view.decide(
                self, name, parts, [name], payload=partial(_payload, view, frame, chosen), missing=lost,
                expected=partial(_expected, view, name, chosen),
            )  # fmt: skip

    def work(self, job: Job) -> Outcome:
        from iop4cli.frames.fits import temporary_beside, write_reduced

        image, row = _reduced(job)
        rows, notes = {"reduced": [row]}, tuple(job.payload["notes"])
        then = None if job.then is None else go_on(job.then, image)
        if then is not None and then.status == DONE:
            return self.done(job, rows=rows, notes=notes, then=then)
        final = Path(job.payload["final"])
        temporary = temporary_beside(final)
        write_reduced(temporary, image)
        return self.done(job, rows=rows, files=((temporary, final),), notes=notes, then=then)

    def product_files(self, view: View, item: str) -> list[Path]:
        return [view.layout.reduced_frame(item)]


STEP = Reduce()


def _reduced(job: Job) -> tuple[ReducedImage, dict[str, Any]]:
    """The image with its header, and its row of the table `reduced`."""
    import numpy as np

    from iop4cli.frames.fits import ReducedImage
    from iop4cli.frames.quality import Pixel, byte
    from iop4cli.frames.raw import read_raw
    from iop4cli.frames.reduced import reduced_header
    from iop4cli.science.medians import median_of
    from iop4cli.science.reduction import reduce_image

    payload = job.payload
    raw = read_raw(Path(payload["raw"]))
    detector = payload["detector"]
    height, width = raw.adu.shape
    masters = {kind: _master(path).cut(x, y, width, height) for kind, (path, (x, y)) in payload["masters"].items()}
    defects = np.zeros(raw.adu.shape, np.uint8)
    for master in masters.values():
        defects |= master.dq
    pixels = {kind: master.image for kind, master in masters.items()}
    reduced = reduce_image(
        raw.adu, exptime_s=payload["exptime_s"], gain_e_per_adu=detector["gain_e_per_adu"],
        saturation_adu=detector["saturation_adu"], linear_limit_adu=detector["linear_limit_adu"],
        bias=pixels.get("bias", _level(detector["bias_level_adu"], raw.adu)),
        dark_adu_per_s=pixels.get("dark"), flat=pixels.get("flat"), defects=defects,
    )  # fmt: skip
    names = {kind: payload["row"][kind] for kind in ("bias", "dark", "flat")}
    provenance = {
        "frame": job.item, "key": job.key, "version": __version__, **names, "notes": payload["notes"],
        "gain_e_per_adu": detector["gain_e_per_adu"], "mjd_utc": payload["mjd_utc"],
        "exptime_s": payload["exptime_s"],
    }  # fmt: skip
    row = {
        **payload["row"],
        "level_e": median_of(reduced.electrons[::4, ::4]),
        "n_saturated": int(np.count_nonzero((reduced.dq & byte(Pixel.SATURATED)) != 0)),
        "n_bad": int(np.count_nonzero((reduced.dq & byte(Pixel.BAD | Pixel.DEAD | Pixel.HOT)) != 0)),
    }
    return ReducedImage(reduced.electrons, reduced.dq, reduced_header(raw.header, provenance)), row


def _expected(view: View, name: str, chosen: Mapping[str, Choice]) -> dict[str, list[dict[str, Any]]]:
    return {"reduced": [_reduced_row(view, name, chosen)]}


def _reduced_row(view: View, name: str, chosen: Mapping[str, Choice]) -> dict[str, Any]:
    path = view.layout.relative(view.layout.reduced_frame(name))
    notes = [note for choice in chosen.values() for note in choice.notes]
    return {
        "frame": name, "path": path, "version": __version__, "master_notes": "; ".join(notes) or None,
        "level_e": None, "n_saturated": None, "n_bad": None,
        **{kind: (chosen[kind].name if kind in chosen else None) for kind in ("bias", "dark", "flat")},
    }  # fmt: skip


def _payload(view: View, frame: Row, chosen: Mapping[str, Choice]) -> dict[str, Any]:
    detector = view.instrument(frame["instrument"]).detector
    row = _reduced_row(view, frame["name"], chosen)
    paths = {
        kind: (str(view.layout.root / str(choice.master["path"])), window_in(choice.master, frame))
        for kind, choice in chosen.items()
        if choice.master is not None
    }
    return {
        "raw": str(view.layout.raw_frame(frame["name"])), "final": str(view.layout.reduced_frame(frame["name"])),
        "exptime_s": frame["exptime_s"], "mjd_utc": frame["mjd_utc"], "masters": paths, "row": row,
        "notes": [note for choice in chosen.values() for note in choice.notes],
        "detector": {
            "gain_e_per_adu": detector.gain_e_per_adu, "saturation_adu": detector.saturation_adu,
            "linear_limit_adu": detector.linear_limit_adu, "bias_level_adu": detector.bias_level_adu,
        },
    }  # fmt: skip


def _level(bias_level_adu: float | None, adu: np.ndarray) -> np.ndarray | None:
    """The bias of a camera that takes none: the level that its file gives."""
    import numpy as np

    return None if bias_level_adu is None else np.full(adu.shape, bias_level_adu, np.float32)


@lru_cache(maxsize=12)
def _master(path: str) -> MasterImage:
    """A master is read once by each worker; its name holds its key, so it cannot change."""
    from iop4cli.frames.fits import read_master

    return read_master(Path(path))
