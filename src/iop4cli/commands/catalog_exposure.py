"""iop4 catalog exposure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iop4cli.archive.source import Source
from iop4cli.commands.catalog_named import source_named
from iop4cli.commands.opening import Opened, open_archive
from iop4cli.errors import NoSuchItem, UsageError
from iop4cli.shell import output
from iop4cli.shell.options import ArchiveOptions, Json, takes_options

if TYPE_CHECKING:
    from iop4cli.instruments.model import Instrument

_PERCENT_LOOKS_LIKE = 0.5


@takes_options
def exposure(
    options: ArchiveOptions,
    name: Annotated[str, typer.Argument(metavar="SOURCE", show_default=False, help="A source of the catalogue.")],
    instrument: Annotated[str, typer.Option("--instrument", metavar="NAME", show_default=False, help="With what.")],
    snr: Annotated[
        float | None,
        typer.Option("--snr", metavar="N", min=0.1, show_default=False, help="Signal-to-noise of the flux, in all."),
    ] = None,
    p_error: Annotated[
        float | None,
        typer.Option("--p-error", metavar="X", min=1e-6, show_default=False, help="Error of p, a fraction."),
    ] = None,
    band: Annotated[
        str | None, typer.Option("--band", metavar="BAND", show_default=False, help="Else the most used one.")
    ] = None,
    mag: Annotated[
        float | None, typer.Option("--mag", metavar="M", show_default=False, help="Else the source's last magnitude.")
    ] = None,
    longest: Annotated[
        float, typer.Option("--longest", metavar="S", min=0.001, help="No single exposure longer than this.")
    ] = 300.0,
    json: Json = False,
) -> int:
    """How long and how often to expose for a signal-to-noise, or for an error of p with all angles.

    From the source's last magnitude (else the catalogue's) and the instrument's zero point, sky and seeing of the last
    night in the store. S/N = S t / sqrt(S t + n (sky t + r^2)) with n the pixels of the aperture and r the read
    noise; error of p = sqrt(2 / exposures) / (S/N of one), with the error of the transparency where that is measured.
    Exposures stay below 80 % of saturation.
    """
    _show(exposure_row(open_archive(options), name, Wish(instrument, snr, p_error, band, mag, longest)), json)
    return 0


@dataclass(frozen=True)
class Wish:
    """What is to be reached with which instrument: a signal-to-noise or an error of p, one of them."""

    instrument: str
    snr: float | None = None
    p_error: float | None = None
    band: str | None = None
    mag: float | None = None
    longest_s: float = 300.0


def exposure_row(opened: Opened, name: str, wish: Wish) -> dict[str, Any]:
    """The exposures that a source needs, and what that rests on."""
    from iop4cli.pipeline.catalog_exposure import bands_of, measured_conditions
    from iop4cli.pipeline.step import Parameters
    from iop4cli.pipeline.steps import step_named
    from iop4cli.science import exposure as formulas

    if (wish.snr is None) == (wish.p_error is None):
        raise UsageError("give --snr or --p-error")
    if wish.p_error is not None and wish.p_error > _PERCENT_LOOKS_LIKE:
        raise UsageError(f"--p-error {wish.p_error:g}: it is a fraction, not percent")
    camera: Instrument = opened.surroundings().registry.by_name(wish.instrument)
    at_once = 1
    if wish.p_error is not None:
        at_once = len(camera.analyser.angles_deg)
        if camera.analyser.kind == "none":
            raise UsageError(f"{camera.name} has no analyser: it measures no polarisation")
    source = _source(opened, name)
    wanted = wish.band or next(iter(bands_of(opened.store, camera.name)), None)
    if wanted is None:
        raise NoSuchItem(f"{camera.name} has no zero point yet: `iop4 run` on frames with calibrators first")
    magnitude, whence = (wish.mag, "as given") if wish.mag is not None else _magnitude(opened, source, wanted)
    phot: dict[str, Any] = Parameters(opened.config.step_parameters()).of(step_named("phot"), camera.params)
    modes = ("pol",) if wish.p_error is not None else ("phot", "pol")
    annulus = (phot["annulus_in_fwhm"], phot["annulus_out_fwhm"])
    conditions, about = measured_conditions(opened.store, camera, wanted, modes, annulus)
    total_snr = wish.snr if wish.snr is not None else math.sqrt(2.0) / (wish.p_error or 1.0)
    plan = formulas.plan(conditions, magnitude, total_snr, longest_s=wish.longest_s, at_once=at_once)
    if plan is None:
        raise NoSuchItem(f"{source.name} at {wanted} = {magnitude:.2f} would take more than 10000 exposures")
    return {
        "source": source.name, "instrument": camera.name, "band": wanted, "mag": magnitude, "mag_from": whence,
        "exptime_s": plan.exptime_s, "n_exposures": plan.n_exposures, "n_sets": plan.n_exposures // at_once,
        "total_s": plan.exptime_s * plan.n_exposures, "snr": plan.snr,
        "p_err": math.sqrt(2.0) / plan.snr if wish.p_error is not None else None, "limited_by": plan.limit or None,
        "saturation_s": formulas.saturation_s(conditions, magnitude, 1.0), "zp": conditions.zero_point_mag,
        "sky_e_per_s": conditions.sky_e_per_s, "read_noise_e": conditions.read_noise_e,
        "transparency_err_1s": conditions.transparency_err or None, **about,
    }  # fmt: skip


def _source(opened: Opened, name: str) -> Source:
    from iop4cli.archive.catalog_store import read_sources

    return source_named(read_sources(opened.store), name)


def _magnitude(opened: Opened, source: Source, band: str) -> tuple[float, str]:
    from iop4cli.pipeline.catalog_exposure import last_magnitude

    last = last_magnitude(opened.store, source.name, band)
    if last is not None:
        return float(last["mag"]), f"{last['instrument']}, {last['night']}"
    if band in source.mags:
        return source.mags[band][0], "the catalogue"
    raise NoSuchItem(f"no magnitude of {source.name} in {band} is known: give --mag")


def _show(row: dict[str, Any], json: bool) -> None:
    if json:
        output.json_row(row)
    elif output.is_terminal():
        from iop4cli.shell import page

        page.heading(f"{row['source']}: {row['n_exposures']} x {row['exptime_s']:.3g} s")
        page.pairs({key: f"{value:.4g}" if isinstance(value, float) else value for key, value in row.items()})
    else:
        output.table([row], list(row))
