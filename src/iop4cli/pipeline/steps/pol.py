"""pol: linear polarisation and magnitude of each source from the frames of one group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from iop4cli import __version__
from iop4cli.errors import BadFrame
from iop4cli.pipeline.calibrations import calibration_in_force
from iop4cli.pipeline.groups import NamedGroup, polarimetric_groups
from iop4cli.pipeline.measurements import catalog_entry, magnitudes_part, site_of, term_payload
from iop4cli.pipeline.parts import parameter_parts
from iop4cli.pipeline.step import CURRENT, Decision, Job, Outcome, Parameter, Step, digest
from iop4cli.pipeline.view import View

if TYPE_CHECKING:
    from iop4cli.pipeline.polarimeter import Polarimeter


class Pol(Step):
    name = "pol"
    version = 5
    tables = {"measurement": "origin", "measurement_input": "origin"}  # noqa: RUF012
    parameters = (
        Parameter("transparency", True, "yes/no", "divide each exposure by the ensemble of field stars"),
        Parameter("min_stars", 3, "stars", "fewest field stars for that"),
        Parameter(
            "plate_method", "difference with k", "", "fit behind a half-wave plate: ratio, difference, both beams..."
        ),
        Parameter("star_p_scatter", 0.003, "fraction", "assumed scatter of the field stars' own q and u"),
    )

    def plan(self, view: View, wave: str) -> Iterator[Decision]:
        groups, leftovers = polarimetric_groups(
            view,
            lambda frame: view.finished("phot", frame["name"]) is not None or view.pending("phot", frame["name"]),
        )
        for name, reason in leftovers:
            if not _may_begin_a_group(view, name):
                yield view.impossible(self, name, reason, [name])
        for group in groups:
            if _may_grow(view, group):
                if view.items.get(self.name, group.name) is not None:
                    yield Decision(self.name, group.name, CURRENT, "its missing angles may still come", group.frames)
                continue
            if any(view.pending("phot", name) for name in group.frames):
                yield view.waiting(self, group.name, "phot", group.frames)
            else:
                yield self._one(view, group)

    def _one(self, view: View, group: NamedGroup) -> Decision:
        instrument = view.instrument(group.instrument)
        params = view.parameters(self, group.instrument)
        exposures = group.group.exposures
        first = view.frames[group.frames[0]]
        calibration = calibration_in_force(view, group.instrument, first["band"], str(first["night"]))
        numbers = None if calibration is None else calibration.payload
        members = [(e.name, view.key("phot", e.name), e.angle_deg, e.exptime_s, e.mjd_utc) for e in exposures]
        parts = {
            "frames": digest(members),
            "calibration": "none" if numbers is None else digest(numbers),
            "magnitudes": _magnitudes_part(view, group, first["band"]),
            "target": str(first["target"]),
            "analyser": instrument.digest("analyser", "site"),
            **parameter_parts(params),
        }
        payload = {
            "frames": [
                {"name": e.name, "angle_deg": e.angle_deg, "mjd_utc": e.mjd_utc, "exptime_s": e.exptime_s}
                for e in exposures
            ],
            "frame": {
                "telescope": first["telescope"], "night": str(first["night"]), "instrument": group.instrument,
                "band": first["band"], "exptime_s": first["exptime_s"], "target": first["target"],
            },
            # Half a rotation of a plate lacks nothing.
            "missing_angles": [] if group.group.even else list(group.group.missing_angles),
            "site": site_of(instrument), "params": params, "analyser": instrument.analyser.kind,
            "calibration": numbers,
            "fallback": any(view.reduced[name]["master_notes"] for name in group.frames if name in view.reduced),
        }  # fmt: skip
        return view.decide(self, group.name, parts, group.frames, payload=partial(dict, payload))

    def prepare(self, view: View, jobs: Sequence[Job]) -> list[Job]:
        """Give each job the fluxes of its frames and the catalogue's word on its sources."""
        needed = {frame["name"] for job in jobs for frame in job.payload["frames"]}
        apertures = _by_frame(view.rows_of("aperture", needed))
        stars = _by_frame(view.rows_of("field_star", needed))
        growth = {row["frame"]: row for row in view.rows_of("growth", needed)}
        systems = {
            job.item: view.instrument(job.payload["frame"]["instrument"]).system_of(job.payload["frame"]["band"])
            for job in jobs
        }
        ready = []
        for job in jobs:
            names = [frame["name"] for frame in job.payload["frames"]]
            found = sorted({row["source"] for name in names for row in apertures.get(name, ())})
            payload = dict(job.payload) | {
                "apertures": [row for name in names for row in apertures.get(name, ())],
                "stars": [row for name in names for row in stars.get(name, ())],
                "colour_term": term_payload(systems[job.item]),
                "growth": {name: growth[name] for name in names if name in growth},
                "catalog": [
                    catalog_entry(view.catalog[name], job.payload["frame"]["band"], systems[job.item])
                    for name in found
                    if name in view.catalog
                ],
                "wcs": {"scale_arcsec_per_px": view.wcs[names[0]]["scale_arcsec_per_px"],
                        "fwhm_arcsec": _median([view.wcs[name]["fwhm_arcsec"] for name in names])},
            }  # fmt: skip
            ready.append(replace(job, payload=payload))
        return ready

    def polarimeter(self, job: Job) -> Polarimeter:
        """What measures the group of a prepared job."""
        from iop4cli.pipeline.filter_polarimeter import FilterPolarimeter
        from iop4cli.pipeline.plate_polarimeter import PlatePolarimeter

        kinds = {"polarised_filter": FilterPolarimeter, "half_wave_plate": PlatePolarimeter}
        return kinds[job.payload["analyser"]](job.item, job.payload, __version__)

    def work(self, job: Job) -> Outcome:
        measurements, inputs, problems = self.polarimeter(job).measure()
        if not measurements:
            raise BadFrame("; ".join(problems) or "no source was measured in enough angles")
        return self.done(
            job,
            rows={"measurement": measurements, "measurement_input": inputs},
            reason=_flaw(job, measurements, problems),
        )


STEP = Pol()


def _may_begin_a_group(view: View, frame: str) -> bool:
    """Whether one watches, and the frame came so recently that others of its group may follow."""
    row = view.frames[frame]
    analyser = view.instrument(row["instrument"]).analyser
    return view.underway is not None and view.underway.may_begin(row, analyser.angles_deg, analyser.gap_s)


def _may_grow(view: View, group: NamedGroup) -> bool:
    """Whether one watches, and the group is to be left until more of its angles came; half a rotation is complete."""
    if view.underway is None or group.group.even:
        return False
    gap_s = view.instrument(group.instrument).analyser.gap_s
    return view.underway.may_grow(group.name, group.group, gap_s, view.lights())


def _magnitudes_part(view: View, group: NamedGroup, band: str) -> str:
    """The catalogue's word on the sources of the group's field."""
    row = view.wcs.get(group.frames[0])
    if row is None:
        return "unknown"
    near = view.sky_catalog.near(row["ra_deg"], row["dec_deg"], 1.2 * row["radius_deg"])
    sources = [view.sky_catalog.sources[number] for number in near]
    return magnitudes_part(sources, band, view.instrument(group.instrument).system_of(band))


def _by_frame(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["frame"], []).append(row)
    return found


def _median(values: Sequence[float | None]) -> float | None:
    import statistics

    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _flaw(job: Job, measurements: Sequence[Mapping[str, Any]], problems: Sequence[str]) -> str:
    """What a person should know though the group was measured; empty if all is well."""
    said = []
    if job.payload["missing_angles"]:
        said.append("missing angles: " + ", ".join(f"{angle:g}" for angle in job.payload["missing_angles"]))
    target = job.payload["frame"]["target"]
    if target is None:
        said.append("its OBJECT is not in the catalogue; only other sources were measured")
    else:
        own = next((row for row in measurements if row["source"] == target), None)
        of_target = [text for text in problems if text.startswith(f"{target}:")]
        said += of_target
        if own is None:
            said += [] if of_target else [f"{target} was not measured"]
        elif own["mag_reason"]:
            said.append(f"{target}: {own['mag_reason']}")
    return "; ".join(said)
