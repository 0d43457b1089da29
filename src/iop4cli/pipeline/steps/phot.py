"""phot: aperture photometry of the catalogue's sources on a frame; magnitudes of photometric frames."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from iop4cli.archive.source import Source
from iop4cli.errors import UsageError
from iop4cli.pipeline.choice import window_in
from iop4cli.pipeline.groups import polarimetric_groups
from iop4cli.pipeline.growth import CHOICES, optimal_radius_fwhm
from iop4cli.pipeline.measurements import catalog_entry, magnitudes_part, photometry_rows, site_of, term_payload
from iop4cli.pipeline.parts import parameter_parts
from iop4cli.pipeline.solutions import wcs_of
from iop4cli.pipeline.step import Decision, Job, Outcome, Parameter, Step, digest
from iop4cli.pipeline.view import Row, View

# Headers give times to a second or better, and no camera begins twice in less than this.
SAME_TIME_S = 0.05


class Phot(Step):
    name = "phot"
    version = 5
    tables = {  # noqa: RUF012
        "aperture": "frame", "field_star": "frame", "measurement": "origin", "measurement_input": "origin",
    }  # fmt: skip
    parameters = (
        Parameter("aperture", "fixed", "", "fixed: radius_fwhm; optimal: the radius of least error for the target"),
        Parameter("radius_fwhm", 1.2, "FWHM", "aperture radius (not diameter) in FWHM of the frame or group"),
        Parameter("radius_min_px", 2.5, "pixels", "smallest aperture radius"),
        Parameter("annulus_in_fwhm", 4.0, "FWHM", "inner radius of the sky annulus"),
        Parameter("annulus_out_fwhm", 7.0, "FWHM", "outer radius of the sky annulus"),
        Parameter("recentre_fwhm", 0.8, "FWHM", "farthest that a star may be from where the catalogue says"),
        Parameter("field_stars", 60, "stars", "field stars measured on polarimetric frames, for the transparency"),
        Parameter("cosmic_rays", True, "yes/no", "find cosmic rays around each aperture and mend them"),
    )

    def plan(self, view: View, wave: str) -> Iterator[Decision]:
        mates = _mates_of_frames(view)
        twins, fields = _twins(view), _fields(view)
        for frame in view.lights():
            name = frame["name"]
            twin = twins.get(name)
            if twin is not None and twin["checksum"] == frame["checksum"]:
                yield view.impossible(self, name, f"it is a copy of {twin['name']}", [name])
                continue
            together = mates.get(name) or _Mates(view, (name,))
            if any(view.pending("solve", other) for other in together.frames):
                yield view.waiting(self, name, "solve", [name])
            elif view.finished("solve", name) is None:
                yield view.blocked(self, name, "solve", name, [name])
            else:
                yield self._one(view, frame, fields[name], together, twin)

    def _one(self, view: View, frame: Row, field: _Field, mates: _Mates, twin: Row | None) -> Decision:
        name, inside = frame["name"], field.sources
        if not inside:
            return view.impossible(self, name, _no_source(view, frame), [name])
        params = _checked(view.parameters(self, frame["instrument"]))
        fwhm_px, group = mates.fwhm_px, mates.frames if mates.are_group else ()
        if fwhm_px is None:
            return view.impossible(self, name, "no star is good enough to measure the FWHM", [name])
        parts = {
            "solution": view.key("solve", name),
            "FWHM": f"{fwhm_px:.4f} px",
            "positions": field.digest,
            **parameter_parts(params),
        }
        photometric = frame["mode"] != "pol"
        if params["aperture"] == "optimal":
            parts["target"] = str(frame["target"])
        if photometric:
            system = view.instrument(frame["instrument"]).system_of(frame["band"])
            parts["magnitudes"] = magnitudes_part(inside, frame["band"], system)
            parts["frame"] = digest([frame[column] for column in ("band", "mjd_utc", "exptime_s", "target", "mode")])
            parts["site"] = view.instrument(frame["instrument"]).digest("site")
            parts["twin"] = twin["name"] if twin is not None else "none"
        elif group:
            parts["group"] = mates.solutions

        def payload() -> dict[str, Any]:
            known = {
                "path": str(view.layout.reduced_frame(name)), "params": params, "fwhm_px": fwhm_px,
                "positions": field.positions, "wcs": view.wcs[name],
                "wcs_extraordinary": view.wcs_extraordinary.get(name), "flat": _flat_part(view, frame), "group": group,
                "fallback": bool(view.reduced[name]["master_notes"]), "photometric": photometric, "of": frame["target"],
            }  # fmt: skip
            if photometric:
                known |= _photometry_payload(view, frame, inside) | {"twin": None if twin is None else twin["name"]}
            return known

        return view.decide(self, name, parts, [name], payload=payload)

    def prepare(self, view: View, jobs: Sequence[Job]) -> list[Job]:
        """Give each job the detections of its frame, and the field stars that its whole group measures."""
        from dataclasses import replace

        by_frame: dict[str, list[Row]] = {}
        needed = {name for job in jobs for name in (job.item, *job.payload["group"])}
        for row in view.rows_of("detection", needed):
            by_frame.setdefault(row["frame"], []).append(row)
        growth = {row["frame"]: row for row in view.rows_of("growth", needed)}
        ready = []
        for job in jobs:
            stars = [(row["x_px"], row["y_px"], row["flux_e"]) for row in by_frame.get(job.item, ())]
            field = [] if job.payload["photometric"] else _field_stars(view, job, by_frame)
            found = {"stars": stars, "field": field, "growth": growth.get(job.item)}
            found["radius_fwhm"] = job.payload["params"]["radius_fwhm"]
            if job.payload["params"]["aperture"] == "optimal":
                names = job.payload["group"] or (job.item,)
                best = optimal_radius_fwhm(view, names, job.payload["of"], by_frame, growth, job.payload["params"])
                found["radius_fwhm"] = best or found["radius_fwhm"]
            ready.append(replace(job, payload={**job.payload, **found}))
        return ready

    def work(self, job: Job) -> Outcome:
        from iop4cli.pipeline.photometer import Photometer

        photometer = Photometer.of(job.payload)
        apertures = [
            row
            for name, ra, dec in job.payload["positions"]
            for row in photometer.catalogue_rows(job.item, name, ra, dec)
        ]
        rows: dict[str, Any] = {"aperture": apertures}
        rows["field_star"] = [
            photometer.field_row(job.item, number, ra, dec) for number, (ra, dec) in enumerate(job.payload["field"])
        ]
        if not job.payload["photometric"]:
            return self.done(job, rows=rows)
        measurements, inputs, flaw = photometry_rows(job, apertures)
        return self.done(job, rows={**rows, "measurement": measurements, "measurement_input": inputs}, reason=flaw)


STEP = Phot()


def _checked(params: dict[str, Any]) -> dict[str, Any]:
    if params["aperture"] not in CHOICES:
        raise UsageError(f"phot.aperture {params['aperture']!r}: choose {' or '.join(CHOICES)}")
    return params


@dataclass(frozen=True)
class _Field:
    """Sources that lie on a frame, their names and places, and the digest of these; thousands of frames share it."""

    sources: tuple[Source, ...]
    positions: list[tuple[str, float, float]]
    digest: str

    @classmethod
    def of(cls, sources: tuple[Source, ...]) -> _Field:
        positions = [(source.name, source.ra_deg, source.dec_deg) for source in sources]
        return cls(sources, positions, digest(positions))


def _fields(view: View) -> dict[str, _Field]:
    """What lies on each frame in view that has coordinates."""
    catalog, known = view.sky_catalog, dict[tuple[int, ...], _Field]()
    frames = [frame for frame in view.lights() if frame["name"] in view.wcs]
    found = catalog.on_frames([(view.wcs[frame["name"]], frame["width_px"], frame["height_px"]) for frame in frames])
    for numbers in set(found):
        known[numbers] = _Field.of(tuple(catalog.sources[number] for number in numbers))
    return {frame["name"]: known[numbers] for frame, numbers in zip(frames, found, strict=True)}


class _Mates:
    """The frames of a polarimetric group, which share an aperture, or one frame alone: what is the same for all."""

    def __init__(self, view: View, frames: tuple[str, ...], *, are_group: bool = False) -> None:
        self.view, self.frames, self.are_group = view, frames, are_group

    @cached_property
    def fwhm_px(self) -> float | None:
        """The median width."""
        widths = [self.view.wcs[name]["fwhm_px"] for name in self.frames if name in self.view.wcs]
        known = [width for width in widths if width is not None]
        return statistics.median(known) if known else None

    @cached_property
    def solutions(self) -> str:
        """The digest of how they are solved."""
        return digest([(name, self.view.key("solve", name)) for name in self.frames])


def _mates_of_frames(view: View) -> dict[str, _Mates]:
    """Each polarimetric frame's group, among those that are or will be solved."""
    groups, _ = polarimetric_groups(
        view,
        lambda frame: view.finished("solve", frame["name"]) is not None or view.pending("solve", frame["name"]),
    )
    mates = (_Mates(view, group.frames, are_group=True) for group in groups)
    return {name: together for together in mates for name in together.frames}


def _twins(view: View) -> dict[str, Row]:
    """For each light frame that begins when an earlier-named one of the same camera does, that one."""
    first: dict[tuple[str, int], Row] = {}
    twins: dict[str, Row] = {}
    for frame in view.lights():
        moment = (frame["instrument"], round(frame["mjd_utc"] * 86400.0 / SAME_TIME_S))
        if moment in first:
            twins[frame["name"]] = first[moment]
        else:
            first[moment] = frame
    return twins


def _no_source(view: View, frame: Row) -> str:
    if not view.catalog:
        return "the catalogue is empty: `iop4 catalog import FILE.csv`"
    said = f"OBJECT {frame['object']!r}" if frame["object"] else "no OBJECT"
    row = view.wcs[frame["name"]]
    return (
        f"no catalogue source lies on the frame ({said}, centre RA {row['ra_deg']:.4f}, Dec {row['dec_deg']:+.4f}): "
        "add it with `iop4 catalog import`"
    )


def _flat_part(view: View, frame: Row) -> tuple[str, tuple[int, int] | None] | None:
    """The flat that the frame was divided by, and where in it the frame's corner lies."""
    master = view.masters.get(view.reduced[frame["name"]]["flat"])
    if master is None or not master["path"]:
        return None
    return str(view.layout.root / master["path"]), window_in(master, frame)


def _photometry_payload(view: View, frame: Row, inside: Sequence[Source]) -> dict[str, Any]:
    instrument = view.instrument(frame["instrument"])
    system = instrument.system_of(frame["band"])
    columns = ("telescope", "instrument", "band", "mjd_utc", "exptime_s", "target")
    return {
        "frame": {name: frame[name] for name in columns} | {"night": str(frame["night"])},
        "site": site_of(instrument),
        "catalog": [catalog_entry(source, frame["band"], system) for source in inside],
        "colour_term": term_payload(system),
    }


def _field_stars(view: View, job: Job, by_frame: Mapping[str, list[Row]]) -> list[tuple[float, float]]:
    """Sky positions of good stars of the group's frame with most detections, away from catalogue sources."""
    import numpy as np

    from iop4cli.science.wcs import separation_deg

    frames = job.payload["group"] or (job.item,)
    reference = max(sorted(frames), key=lambda name: view.wcs[name]["n_detected"] or 0)
    dual = job.payload["wcs_extraordinary"] is not None
    rows = [row for row in by_frame.get(reference, ()) if not row["bits"] and (row["beam"] == "O" or not dual)]
    if not rows:
        return []
    wcs = view.wcs[reference]
    ra, dec = wcs_of(wcs).to_sky(np.array([row["x_px"] for row in rows]), np.array([row["y_px"] for row in rows]))
    keep = np.ones(len(rows), bool)
    clear_deg = 2.0 * (wcs["fwhm_arcsec"] or 3.0) / 3600.0
    for _, source_ra, source_dec in job.payload["positions"]:
        keep &= separation_deg(ra, dec, source_ra, source_dec) > clear_deg
    n_stars = job.payload["params"]["field_stars"]
    return [(float(a), float(d)) for a, d in zip(ra[keep][:n_stars], dec[keep][:n_stars], strict=True)]
