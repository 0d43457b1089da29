"""correct: what can be said of a result only beside others, its host galaxy taken off, the quality in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from iop4cli.frames.quality import Quality, describe
from iop4cli.instruments.photometry import CATALOGUE_SYSTEM
from iop4cli.pipeline.hosts import HostCorrector, Hosts
from iop4cli.pipeline.night_scatter import NightScatter
from iop4cli.pipeline.parts import parameter_parts
from iop4cli.pipeline.step import DONE, Decision, Job, Outcome, Parameter, Step, digest, night_of
from iop4cli.pipeline.view import Row, View

_READ = (
    "id",
    "origin",
    "source",
    "instrument",
    "mode",
    "band",
    "mag",
    "mag_err",
    "mag_err_photon",
    "zp",
    "q",
    "q_err",
    "u",
    "u_err",
    "qu_cov",
    "p",
    "aperture_arcsec",
    "fwhm_arcsec",
    "bits",
)


class Correct(Step):
    name = "correct"
    version = 1
    tables = {"correction": "origin"}  # noqa: RUF012
    of_nights = True
    parameters = (
        Parameter("clouds_mag", 0.3, "mag", "a zero point this much below the night's best means clouds"),
        Parameter("bad_seeing_ratio", 1.6, "ratio", "seeing this much above the night's median is bad"),
        Parameter("unsteady_ratio", 2.0, "ratio", "calibrators that scatter this much above the night's median"),
        Parameter("host_mag_days", 1.0, "d", "how far in time to look for a magnitude where a group has none"),
        Parameter("host_mag_wander", 0.15, "mag/sqrt(d)", "how much a source may change in a day, for its error"),
    )

    def plan(self, view: View, wave: str) -> Iterator[Decision]:
        params = view.parameters(self)
        hosts = Hosts.of(view, params["host_mag_days"], params["host_mag_wander"])
        frames_of: dict[str, list[str]] = {}
        for name in view.frames:
            frames_of.setdefault(night_of(name), []).append(name)
        for item, origins in _nights(view).items():
            epoch = item.rsplit("/", 1)[0]
            frames = frames_of.get(epoch, [])
            late = next((step for origin, step in origins if view.pending(step, origin)), None)
            late = late or hosts.waits_for(view, epoch)
            if late is not None:
                yield view.waiting(self, item, late, frames)
                continue
            systems = _systems(view, frames)
            parts = {
                "results": digest([(origin, view.key(step, origin)) for origin, step in origins]),
                "photometric systems": digest(systems),
                "host galaxies": digest(hosts.tables(epoch)),
                "magnitudes of other nights": digest(hosts.magnitudes(epoch)),
                **parameter_parts(params),
            }
            payload = {
                "params": params, "origins": [origin for origin, _ in origins],
                "systems": systems, "hosts": hosts.tables(epoch), "magnitudes": hosts.magnitudes(epoch),
            }  # fmt: skip
            yield view.decide(self, item, parts, frames, payload=partial(dict, payload))

    def prepare(self, view: View, jobs: Sequence[Job]) -> list[Job]:
        by_origin: dict[str, list[Row]] = {}
        needed = {origin for job in jobs for origin in job.payload["origins"]}
        for row in view.rows_of("measurement", needed):
            kept = {name: row[name] for name in _READ}
            by_origin.setdefault(row["origin"], []).append(kept)
        return [
            replace(job, payload={
                **{name: job.payload[name] for name in ("params", "systems", "hosts", "magnitudes")},
                "measurements": [row for origin in job.payload["origins"] for row in by_origin.get(origin, ())],
            })
            for job in jobs
        ]  # fmt: skip

    def work(self, job: Job) -> Outcome:
        rows, params = job.payload["measurements"], job.payload["params"]
        night = NightScatter.of(rows)
        hosts = HostCorrector(job.payload["hosts"], job.payload["magnitudes"], params["host_mag_days"])
        corrections = []
        for row in rows:
            bits = row["bits"]
            system = job.payload["systems"].get(row["instrument"], {}).get(row["band"], CATALOGUE_SYSTEM)
            drop_mag = night.zero_point_drop(row)
            if drop_mag is not None and drop_mag > params["clouds_mag"]:
                bits |= int(Quality.CLOUDS)
            ratio = night.width_ratio(row)
            if ratio is not None and ratio > params["bad_seeing_ratio"]:
                bits |= int(Quality.BAD_SEEING)
            if night.unsteady(row, params["unsteady_ratio"]):
                bits |= int(Quality.ZERO_POINT_SCATTER)
            corrections.append({
                "measurement": row["id"], "origin": job.item, "quality": bits, "quality_text": describe(bits) or None,
                "mag_err_night": night.relative_error(row), "photometric_system": system, **hosts.columns(row, system),
            })  # fmt: skip
        return self.done(job, rows={"correction": corrections})


STEP = Correct()


def _nights(view: View) -> dict[str, list[tuple[str, str]]]:
    """(origin, step) of all results of each night, under TELESCOPE/NIGHT/results."""
    found: dict[str, set[tuple[str, str]]] = {}
    done = [
        (step, item) for step in ("phot", "pol") for item, row in view.items.of(step).items() if row["status"] == DONE
    ]
    for step, item in done:
        frame = view.frames.get(item)
        if step == "phot" and frame is not None and frame["mode"] == "pol":
            continue  # its result is the group's
        found.setdefault(f"{item.rsplit('/', 1)[0]}/results", set()).add((item, step))
    return {item: sorted(found[item]) for item in sorted(found)}


def _systems(view: View, frames: Sequence[str]) -> dict[str, dict[str, str]]:
    """Photometric systems by instrument and band, where they are not the catalogue's.

    With a colour term the magnitudes of a band are brought back to the catalogue's system.
    """
    names = {view.frames[name]["instrument"] for name in frames} & set(view.surroundings.registry.instruments)
    found = {name: view.instrument(name).photometry for name in sorted(names)}
    own = {
        name: {band: known.system for band, known in sorted(bands.items()) if known.colour_term is None}
        for name, bands in found.items()
    }
    return {name: systems for name, systems in own.items() if systems}
