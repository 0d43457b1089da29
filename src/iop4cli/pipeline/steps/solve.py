"""solve: stars of a reduced frame, and where on the sky they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iop4cli.pipeline.solutions import detection_rows, moved, wcs_of, wcs_row, with_wcs
from iop4cli.pipeline.step import CURRENT, DONE, FAILED, Decision, Job, Outcome, Parameter, Step, digest
from iop4cli.pipeline.targets import field_deg
from iop4cli.pipeline.view import Row, View, parameter_parts

if TYPE_CHECKING:
    from iop4cli.science.detection import Detections
    from iop4cli.science.solving import Solution


class Solve(Step):
    name = "solve"
    version = 1
    # What index files could not solve is then matched to the night's solved frames of the same field.
    waves = ("index", "track")
    tables = {"wcs": "frame", "detection": "frame"}  # noqa: RUF012
    parameters = (
        Parameter("detection_sigmas", 5.0, "sky sigmas", "threshold of a pixel that belongs to a star"),
        Parameter("min_area_px", 5, "pixels", "fewest connected pixels of a star"),
        Parameter("mesh_px", 64, "pixels", "cell of the background mesh"),
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
                yield from self._by_tracking(view, frame)

    def _by_index(self, view: View, frame: Row) -> Decision | None:
        from iop4cli.archive.index_files import choose

        name = frame["name"]
        params = _parameters(view, self, frame["instrument"])
        hints = _hints(view, frame, params)
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
            "hints": digest(hints),
            "index files": digest([f.digest for f in files]) if files else "none",
            **parameter_parts(params),
        }
        stored = view.items.get((self.name, name))
        if stored is not None and not view.force and _index_part(stored) == _index_key(self, parts):
            return None  # tracked: the other wave's to judge
        if not files and stored is not None and _index_part(stored) and not view.force:
            return None
        if not files and _solved_otherwise_alike(view, stored, parts):
            # Without index files (a cron job that lacks IOP4_INDEX_PATH) what was solved with them stays good.
            return Decision(self.name, name, CURRENT, "up to date", (name,))
        if not files:
            return view.impossible(self, name, _no_index(view, hints), [name])
        payload = {
            "wave": "index", "path": str(view.layout.reduced_frame(name)), "hints": hints, "params": params,
            "index_files": [str(f.path) for f in files],
        }  # fmt: skip
        return view.decide(self, name, parts, [name], payload=payload)

    def _by_tracking(self, view: View, frame: Row) -> Iterator[Decision]:
        """Only for frames that the index files did not solve."""
        name = frame["name"]
        stored = view.items.get((self.name, name))
        if stored is None or view.pending(self.name, name):
            return
        tracked = bool(_index_part(stored))
        if not tracked and stored["status"] != FAILED:
            return
        params = _parameters(view, self, frame["instrument"])
        references = _solved_nearby(view, frame, params)
        index_key = _index_part(stored) or stored["key"]
        if not references:
            if tracked:
                yield Decision(self.name, name, CURRENT, "up to date", (name,))
            return
        reference = references[0]
        parts = {
            "by index files": index_key,
            "reduced frame": view.key("reduce", name),
            "reference": f"{reference['name']} {view.key(self.name, reference['name'])}",
            **parameter_parts(params),
        }
        payload = {
            "wave": "track", "path": str(view.layout.reduced_frame(name)), "params": params,
            "hints": _hints(view, frame, params), "reference": reference["name"], "wcs": view.wcs[reference["name"]],
            "index_reason": (stored["reason"] or "").split(" | ")[0],
        }  # fmt: skip
        yield view.decide(self, name, parts, [name], payload=payload)

    def prepare(self, view: View, jobs: Sequence[Job]) -> list[Job]:
        """Give each frame to be tracked the stars of its reference."""
        references = {job.payload["reference"] for job in jobs if job.payload["wave"] == "track"}
        stars: dict[str, list[Row]] = {}
        for row in view.rows_of("detection", references):
            stars.setdefault(row["frame"], []).append(row)
        return [
            replace(job, payload={**job.payload, "stars": stars.get(job.payload["reference"], [])})
            if job.payload["wave"] == "track"
            else job
            for job in jobs
        ]

    def work(self, job: Job) -> Outcome:
        from iop4cli.frames.fits import read_reduced
        from iop4cli.science.detection import detect

        payload, params = job.payload, job.payload["params"]
        path = Path(payload["path"])
        image = read_reduced(path)
        stars = detect(
            image.electrons, image.dq, threshold_sigmas=params["detection_sigmas"], min_area_px=params["min_area_px"],
            mesh_px=params["mesh_px"],
        )  # fmt: skip
        if payload["wave"] == "track":
            return self._tracked(job, stars, path, image.electrons.shape)
        if len(stars) < params["min_matched"]:
            sky = f"sky {stars.sky_e:.0f} +- {stars.sky_rms_e:.1f} e-"
            return self.failed(
                job,
                f"{len(stars)} stars found, {params['min_matched']} needed ({sky}): clouds, or out of focus?",
            )
        solution = _solved(payload, stars)
        if solution is None or solution.n_matched < params["min_matched"]:
            hints = payload["hints"]
            return self.failed(
                job,
                f"{len(stars)} stars found, but they match no index file "
                f"within {hints['radius_deg'] or 180:.2f} deg of the pointing "
                f"at {hints['scale_arcsec_per_px']:.3f} arcsec/px",
            )
        row = wcs_row(job.item, solution.wcs, stars, image.electrons.shape) | {
            "method": "index", "reference": solution.index_name, "n_matched": solution.n_matched,
            "rms_arcsec": solution.rms_arcsec, "logodds": solution.logodds,
        }  # fmt: skip
        detections = detection_rows(job.item, stars, solution)
        return self.done(job, rows={"wcs": [row], "detection": detections}, files=with_wcs(path, solution.wcs, row))

    def _tracked(self, job: Job, stars: Detections, path: Path, shape: tuple[int, ...]) -> Outcome:
        """The solved frame's stars, moved: at least three in common, and no second shift that would do as well."""
        import numpy as np

        from iop4cli.science.solving import fit_plate, match_nearest, track

        payload, params = job.payload, job.payload["params"]
        before = f"{payload['index_reason']} | no match with {payload['reference']} either"
        wcs = wcs_of(payload["wcs"])
        known = payload["stars"]
        known_x, known_y = (np.array([star[name] for star in known]) for name in ("x_px", "y_px"))
        fwhm = stars.typical_fwhm_px or 3.0
        found = (
            track(
                stars.x_px[:40],
                stars.y_px[:40],
                known_x,
                known_y,
                0.5 * min(shape),
                max(1.5, 0.5 * fwhm),
                params["track_min_matched"],
            )
            if len(stars) and len(known_x)
            else None
        )
        if found is None:
            return self.failed(job, before)
        (shift_x, shift_y), _ = found
        matched = match_nearest(stars.x_px, stars.y_px, known_x + shift_x, known_y + shift_y, max(2.0, fwhm))
        used = matched >= 0
        ra, dec = wcs.to_sky(known_x[matched[used]], known_y[matched[used]])
        if used.sum() < params["track_min_matched"]:
            return self.failed(job, before)
        fitted = fit_plate(stars.x_px[used], stars.y_px[used], ra, dec, moved(wcs, shift_x, shift_y))
        if abs(fitted.scale_arcsec_per_px / wcs.scale_arcsec_per_px - 1) > 0.01:
            return self.failed(job, before)
        px, py = fitted.to_pixel(ra, dec)
        rms = float(np.sqrt(np.mean((px - stars.x_px[used]) ** 2 + (py - stars.y_px[used]) ** 2)))
        row = wcs_row(job.item, fitted, stars, shape) | {
            "method": "track", "reference": payload["reference"], "n_matched": int(used.sum()),
            "rms_arcsec": rms * fitted.scale_arcsec_per_px,
        }  # fmt: skip
        rows = {"wcs": [row], "detection": detection_rows(job.item, stars, None)}
        return self.done(
            job,
            rows=rows,
            files=with_wcs(path, fitted, row),
            notes=(f"tracked from {payload['reference']}",),
        )


STEP = Solve()


def _parameters(view: View, step: Step, instrument_name: str) -> dict[str, Any]:
    """The step's parameters, with what the instrument's file says of detection and astrometry as defaults."""
    astrometry = view.instrument(instrument_name).astrometry
    given = view.surroundings.parameters.given.get(step.name, {})
    values = view.parameters(step, instrument_name)
    for name, said in (
        ("detection_sigmas", astrometry.detection_sigma),
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
            "set IOP4_INDEX_PATH or solve.index_path to where they are"
        )
    where = "anywhere" if hints["ra_deg"] is None else f"at RA {hints['ra_deg']:.3f}, Dec {hints['dec_deg']:.3f}"
    return f"none of the {len(view.index_files)} index files covers the field {where} at this scale ({folders})"


def _index_key(step: Step, parts: Mapping[str, str]) -> str:
    return digest({"step": f"{step.name} {step.version}", **parts})


def _index_part(stored: Row) -> str:
    """For a frame that was tracked: the key under which the index files had failed."""
    return str(json.loads(stored["parts"] or "{}").get("by index files", ""))


def _solved_otherwise_alike(view: View, stored: Row | None, parts: Mapping[str, str]) -> bool:
    """Whether a frame was solved from the same image with the same hints and parameters."""
    if stored is None or stored["status"] != DONE or view.force:
        return False
    before = json.loads(stored["parts"] or "{}")
    alike = {"step": f"{STEP.name} {STEP.version}", **parts}
    return all(before.get(name) == value for name, value in alike.items() if name != "index files")


def _solved_nearby(view: View, frame: Row, params: Mapping[str, Any]) -> list[Row]:
    """Frames of the same field and camera set-up that index files solved, nearest in time first."""
    found = []
    for name, row in view.wcs.items():
        other = view.frames.get(name)
        if row["method"] != "index" or other is None or other["instrument"] != frame["instrument"]:
            continue
        if (other["width_px"], other["binning_x"]) != (frame["width_px"], frame["binning_x"]):
            continue
        same_target = frame["target"] is not None and other["target"] == frame["target"]
        same_object = frame["object"] is not None and other["object"] == frame["object"]
        hours = abs(other["mjd_utc"] - frame["mjd_utc"]) * 24
        if (same_target or same_object) and hours <= params["track_hours"]:
            found.append((hours, name, other))
    return [other for _, _, other in sorted(found, key=lambda entry: entry[:2])]


@lru_cache(maxsize=8)
def _solver(paths: tuple[str, ...]) -> Any:
    import astrometry

    return astrometry.Solver([Path(path) for path in paths])


def _solved(payload: Mapping[str, Any], stars: Detections) -> Solution | None:
    from iop4cli.science.solving import Hints, solve_blind

    hints = Hints(**payload["hints"])
    fwhm = stars.typical_fwhm_px or 3.0
    solver = _solver(tuple(payload["index_files"]))
    return solve_blind(solver, stars.x_px, stars.y_px, hints, fwhm, payload["params"]["max_stars"])
