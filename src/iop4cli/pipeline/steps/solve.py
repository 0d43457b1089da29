"""solve: stars of a reduced frame, and where on the sky they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iop4cli.archive.rows import Rows
from iop4cli.pipeline.growth import growth_rows
from iop4cli.pipeline.parts import parameter_parts
from iop4cli.pipeline.references import beams_of, calibrators_of, neighbours, solved_field_frames
from iop4cli.pipeline.solutions import cards_of, detection_rows, wcs_rows
from iop4cli.pipeline.solve_waves import PART_OF, failed_before, index_part, key_of, parts_of
from iop4cli.pipeline.step import CURRENT, DONE, Decision, Job, Outcome, Parameter, Step, digest
from iop4cli.pipeline.targets import field_deg
from iop4cli.pipeline.view import Row, View

if TYPE_CHECKING:
    from iop4cli.frames.fits import ReducedImage
    from iop4cli.pipeline.astrometer import Astrometer, Solved


# Kinds of sources that are bright and alone on a subframe.
STANDARD_KINDS = ("polarised", "unpolarised")

_SAID_OF = {
    "track": "tracked from",
    "quads": "found by quads in",
    "pairs": "found by the target and its neighbours in",
    "central pair": "taken for the target by its place near the middle",
}


class Solve(Step):
    name = "solve"
    version = 4
    # What index files could not solve is then matched to the night's solved frames of the same field.
    # What that leaves of a sequence with two beams is matched to its solved neighbours.
    waves = ("index", "track", "sequence")
    tables = {"wcs": "frame", "detection": "frame", "growth": "frame"}  # noqa: RUF012
    parameters = (
        Parameter("detection_sigmas", 5.0, "sky sigmas", "threshold of a pixel that belongs to a star"),
        Parameter("min_area_px", 5, "pixels", "fewest connected pixels of a star"),
        Parameter("mesh_px", 64, "pixels", "cell of the background mesh"),
        Parameter("usual_fwhm_arcsec", 2.0, "arcsec", "usual width of a star: what is three times narrower is none"),
        Parameter("max_stars", 60, "stars", "brightest stars offered to the solver"),
        Parameter("scale_tolerance", 0.05, "fraction", "how far the pixel scale may be from the header's"),
        Parameter("position_radius_fields", 1.5, "fields", "how far the centre may be from the pointing"),
        Parameter("min_matched", 4, "stars", "fewest matched stars of a solution"),
        Parameter("track_min_matched", 3, "stars", "fewest stars in common with a solved frame"),
        Parameter("track_hours", 24.0, "h", "how far in time that solved frame may be"),
    )

    def plan(self, view: View, wave: str) -> Iterator[Decision]:
        for frame in view.lights():
            name = frame["name"]
            if view.pending("reduce", name) and wave == "index":
                yield view.waiting(self, name, "reduce", [name])
            elif view.finished("reduce", name) is None:
                if wave == "index":
                    yield view.blocked(self, name, "reduce", name, [name])
            elif wave == "index":
                decision = self._by_index(view, frame)
                if decision is not None:
                    yield decision
            else:
                yield from self._by_reference(view, frame, wave)

    def _by_index(self, view: View, frame: Row) -> Decision | None:
        from iop4cli.archive.index_files import choose

        name = frame["name"]
        params = _parameters(view, self, frame["instrument"])
        hints = _hints(view, frame, params)
        beams = beams_of(view, frame)
        side_px = min(frame["width_px"], frame["height_px"])
        files = choose(
            view.index_files,
            hints["scale_arcsec_per_px"],
            side_px,
            hints["ra_deg"],
            hints["dec_deg"],
            hints["radius_deg"],
        )
        parts = {
            "reduced frame": view.key("reduce", name),
            "hints": digest([hints, beams]),
            "index files": _digest_of(tuple(f.digest for f in files)) if files else "none",
            **parameter_parts(params),
        }
        stored = view.items.get(self.name, name)
        before = "" if stored is None or view.force else index_part(stored)
        if before and (not files or before == key_of(self, parts)):
            return None  # solved otherwise: a later wave's to judge
        if not files and _solved_otherwise_alike(view, stored, parts):
            # Without index files (a cron job that lacks IOP4_INDEX_PATH) what was solved with them stays good.
            return Decision(self.name, name, CURRENT, "up to date", (name,))
        # Without index files a frame of two beams may still be found in another, which those of larger quads solve.
        if not files and (beams is None or not view.index_files):
            return view.impossible(self, name, _no_index(view, hints), [name])

        def payload() -> dict[str, Any]:
            why_none = {} if files else {"no_index": _no_index(view, hints)}
            return _payload(view, frame, params, hints) | {"index_files": [str(f.path) for f in files]} | why_none

        return view.decide(self, name, parts, [name], payload=payload)

    def _by_reference(self, view: View, frame: Row, wave: str) -> Iterator[Decision]:
        """Only for frames that the earlier waves did not solve."""
        name = frame["name"]
        stored = view.items.get(self.name, name)
        if stored is None or view.pending(self.name, name):
            return
        dual = beams_of(view, frame) is not None
        failed = failed_before(stored, wave)
        if not failed or (wave == "sequence" and not dual):
            return
        params = _parameters(view, self, frame["instrument"])
        references = neighbours(view, frame) if wave == "sequence" else solved_field_frames(view, frame, params, dual)
        if not references and (wave == "sequence" or not dual):
            if PART_OF[wave] in parts_of(stored):
                yield Decision(self.name, name, CURRENT, "up to date", (name,))
            return
        parts = {
            **failed,
            "reduced frame": view.key("reduce", name),
            "reference": " ".join(f"{row['frame']} {row['key']}" for row in references) or "none",
            **parameter_parts(params),
        }
        if wave == "track" and parts_of(stored).get(PART_OF["sequence"]) == key_of(self, parts):
            return  # solved by its neighbours: the next wave's to judge

        def payload() -> dict[str, Any]:
            return _payload(view, frame, params, _hints(view, frame, params)) | {
                "references": references, "wave": wave, "index_reason": stored["reason"] or "",
            }  # fmt: skip

        yield view.decide(self, name, parts, [name], payload=payload)

    def prepare(self, view: View, jobs: Sequence[Job]) -> list[Job]:
        """Give each frame that the index files did not solve the stars of its references."""
        references = {row["frame"] for job in jobs for row in job.payload.get("references", ())}
        stars: dict[str, list[Row]] = {}
        for row in view.rows_of("detection", references):
            stars.setdefault(row["frame"], []).append(row)
        ready = []
        for job in jobs:
            if "references" not in job.payload:
                ready.append(job)
                continue
            known = [
                {"name": row["frame"], "wcs": row, "stars": stars.get(row["frame"], [])}
                for row in job.payload["references"]
            ]
            ready.append(replace(job, payload={**job.payload, "references": known}))
        return ready

    def work(self, job: Job) -> Outcome:
        from iop4cli.frames.fits import read_reduced, with_new_cards

        path = Path(job.payload["path"])
        return self._of(job, read_reduced(path), partial(with_new_cards, path))

    def work_on(self, job: Job, image: ReducedImage) -> Outcome:
        from iop4cli.frames.fits import write_reduced

        return self._of(job, image, lambda temporary, cards: write_reduced(temporary, image, cards))

    def _of(self, job: Job, image: ReducedImage, write: Callable[[Path, list[tuple[str, Any, str]]], None]) -> Outcome:
        """`write` makes the file under a temporary name, with these cards in its header."""
        from iop4cli.frames.fits import temporary_beside
        from iop4cli.pipeline import found_stars
        from iop4cli.pipeline.astrometer import Astrometer, NotSolved

        payload, final = job.payload, Path(job.payload["path"])
        height, width = image.electrons.shape
        stars = found_stars.take(job, image)
        astrometer = Astrometer(stars, (height, width), payload)
        reasons = [payload["index_reason"]] if "references" in payload else []
        for way in _ways(astrometer, payload):
            try:
                solved = way()
            except NotSolved as reason:
                reasons.append(str(reason))
                continue
            notes = () if solved.method == "index" else (f"{_SAID_OF[solved.method]} {solved.reference or ''}".strip(),)
            wcs = wcs_rows(job.item, solved, stars, (height, width))
            rows: dict[str, Rows] = {
                "wcs": wcs,
                "detection": detection_rows(job.item, stars, solved),
                "growth": growth_rows(job.item, image.electrons, image.dq, stars),
            }
            temporary = temporary_beside(final)
            write(temporary, cards_of(solved, wcs))
            return self.done(job, rows=rows, files=((temporary, final),), notes=notes)
        found_stars.keep(job, stars)
        return self.failed(job, " | ".join(dict.fromkeys(reasons)))


STEP = Solve()


def _parameters(view: View, step: Step, instrument_name: str) -> dict[str, Any]:
    """The step's parameters, with what the instrument's file says of detection and astrometry as defaults."""
    astrometry = view.instrument(instrument_name).astrometry
    given = view.surroundings.parameters.given.get(step.name, {})
    values = view.parameters(step, instrument_name)
    for name, said in (
        ("detection_sigmas", astrometry.detection_sigma),
        ("usual_fwhm_arcsec", astrometry.typical_fwhm_arcsec),
        ("max_stars", astrometry.max_stars),
        ("scale_tolerance", astrometry.scale_tolerance),
        ("position_radius_fields", astrometry.position_radius_fields),
    ):
        if name not in given and name not in view.instrument(instrument_name).params.get(step.name, {}):
            values[name] = said
    return values


def _hints(view: View, frame: Row, params: Mapping[str, Any]) -> dict[str, Any]:
    """Where to look: the header's pointing, else the target's place in the catalogue."""
    ra, dec = frame["ra_deg"], frame["dec_deg"]
    source = view.catalog.get(frame["target"] or "")
    if (ra is None or dec is None) and source is not None:
        ra, dec = source.ra_deg, source.dec_deg
    radius = None if ra is None else params["position_radius_fields"] * field_deg(frame)
    return {
        "scale_arcsec_per_px": frame["scale_arcsec_per_px"], "scale_tolerance": params["scale_tolerance"],
        "ra_deg": ra, "dec_deg": dec, "radius_deg": radius,
    }  # fmt: skip


def _no_index(view: View, hints: Mapping[str, Any]) -> str:
    folders = ", ".join(str(folder) for folder in view.surroundings.index_folders) or "none"
    if not view.index_files:
        return (
            f"no astrometry.net index files in the folders searched ({folders}): "
            "`iop4 index add DIR` (or IOP4_INDEX_PATH) says where they are, `iop4 index fetch` gets those needed"
        )
    where = "anywhere" if hints["ra_deg"] is None else f"at RA {hints['ra_deg']:.3f}, Dec {hints['dec_deg']:.3f}"
    return (
        f"none of the {len(view.index_files)} index files covers the field {where} at this scale ({folders}): "
        "`iop4 index fetch` gets what is needed"
    )


@lru_cache(maxsize=1024)
def _digest_of(texts: tuple[str, ...]) -> str:
    """The same for all frames of a field."""
    return digest(texts)


def _solved_otherwise_alike(view: View, stored: Row | None, parts: Mapping[str, str]) -> bool:
    """Whether a frame was solved from the same image with the same hints and parameters."""
    if stored is None or stored["status"] != DONE or view.force:
        return False
    before = parts_of(stored)
    alike = {"step": f"{STEP.name} {STEP.version}", **parts}
    return all(before.get(name) == value for name, value in alike.items() if name != "index files")


def _payload(view: View, frame: Row, params: Mapping[str, Any], hints: Mapping[str, Any]) -> dict[str, Any]:
    source = view.catalog.get(frame["target"] or "")
    return {
        "path": str(view.layout.reduced_frame(frame["name"])), "hints": dict(hints), "params": dict(params),
        "beams": beams_of(view, frame), "target": None if source is None else (source.ra_deg, source.dec_deg),
        "night": frame["name"].rpartition("/")[0], "exptime_s": frame["exptime_s"],
        "standard": source is not None and source.kind in STANDARD_KINDS,
        "calibrators": [] if source is None else calibrators_of(view, source.name),
    }  # fmt: skip


def _ways(astrometer: Astrometer, payload: Mapping[str, Any]) -> list[Callable[[], Solved]]:
    """The ways to a solution to be tried, in order."""
    from iop4cli.pipeline.placer import by_place, by_place_in

    if "references" not in payload:
        return [astrometer.by_index]
    if payload["beams"] is None or payload["wave"] == "sequence":
        return [partial(astrometer.by_shift, reference) for reference in payload["references"]]
    references = payload["references"]
    return [
        *(partial(astrometer.by_quads, reference) for reference in references),
        *(partial(by_place_in, astrometer, reference) for reference in references),
        *(() if references else (partial(by_place, astrometer),)),
    ]
