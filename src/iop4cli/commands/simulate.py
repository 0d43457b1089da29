"""iop4 simulate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from iop4cli.errors import UsageError
from iop4cli.shell import messages, output
from iop4cli.shell.options import Quiet

EPILOG = """Examples:

  iop4 simulate sim --instrument AndorT90 --mode pol --night 2022-09-08

  iop4 simulate sim --target 'BL Lac' --target '3C 454.3' --groups 3 --seed 7

  iop4 simulate sim --instrument DIPOL --night 2024-11-08 --target 'BL Lac' --angles 8 --imbalance 0.02

  iop4 init a && iop4 simulate a --mode both && cd a && iop4 catalog import sources.csv && iop4 run
"""


def command(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where raw/, truth.csv, frames.csv and sources.csv go.")
    ],
    instrument: Annotated[
        str, typer.Option("--instrument", metavar="NAME", help="AndorT90, RoperT90, AndorT150, CAFOS, DIPOL.")
    ] = "AndorT90",
    mode: Annotated[str, typer.Option("--mode", metavar="phot|pol|both", help="What is observed.")] = "both",
    night: Annotated[str, typer.Option("--night", metavar="DATE", help="The evening's date.")] = "2022-09-08",
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Equal seeds give equal frames.")] = 1,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            metavar="NAME",
            show_default=False,
            help="A blazar or standard of the shipped lists; may be repeated.",
        ),
    ] = None,
    n_targets: Annotated[int, typer.Option("--targets", metavar="N", help="Without --target: how many to draw.")] = 2,
    groups: Annotated[int, typer.Option("--groups", metavar="N", help="Groups (or frames a band) of each target.")] = 1,
    bands: Annotated[str, typer.Option("--bands", metavar="BANDS", help="Bands of photometry, comma-separated.")] = "R",
    transparency: Annotated[
        float, typer.Option("--transparency-rms", metavar="FRACTION", help="Change from frame to frame.")
    ] = 0.05,
    seeing: Annotated[float, typer.Option("--seeing", metavar="ARCSEC", help="Median seeing (FWHM).")] = 2.0,
    size: Annotated[
        int | None,
        typer.Option(
            "--size",
            metavar="PX",
            show_default=False,
            help="Cut the camera to its middle; 1024 is the whole field binned.",
        ),
    ] = None,
    bad: Annotated[
        list[str] | None,
        typer.Option(
            "--bad",
            metavar="KIND",
            show_default=False,
            help="Add bad input of this kind, or `all`; may be repeated.",
        ),
    ] = None,
    index: Annotated[
        bool,
        typer.Option("--index", help="Also build astrometry.net index files of the fields in FOLDER/index."),
    ] = False,
    mag: Annotated[
        float | None, typer.Option("--mag", metavar="R", show_default=False, help="The targets' magnitude.")
    ] = None,
    p: Annotated[
        float | None, typer.Option("--p", metavar="FRACTION", show_default=False, help="The targets' polarisation.")
    ] = None,
    density: Annotated[
        float, typer.Option("--density", metavar="FACTOR", help="Made-up stars: 0 is none, 1 the usual number.")
    ] = 1.0,
    angles: Annotated[
        int | None,
        typer.Option(
            "--angles", metavar="4|8|16", show_default=False, help="DIPOL: positions of the plate in a group."
        ),
    ] = None,
    imbalance: Annotated[
        float, typer.Option("--imbalance", metavar="K", help="Two beams: gains are 1 + K and 1 - K.")
    ] = 0.0,
    companion: Annotated[
        str | None,
        typer.Option(
            "--companion",
            metavar="O|E",
            show_default=False,
            help="Two beams: a star falls on this one of the target's.",
        ),
    ] = None,
    block: Annotated[
        str | None,
        typer.Option(
            "--block", metavar="O|E", show_default=False, help="Two beams: the target cannot be seen in this one."
        ),
    ] = None,
    flip: Annotated[bool, typer.Option("--flip", help="DIPOL: frames are flipped.")] = False,
    no_full_frame: Annotated[
        bool, typer.Option("--no-full-frame", help="DIPOL: windows only, no exposure of the whole field.")
    ] = False,
    quiet: Quiet = False,
) -> int:
    """Make a raw night with a known truth: bias, darks, flats and light frames as the telescope writes them.

    Reads only the catalogue that comes with the program; writes FOLDER/raw/, and beside it truth.csv (what
    was put in), frames.csv and sources.csv, a catalogue for `iop4 catalog import`. In the frames are the
    sky (real comparison stars among synthetic ones), transparency and seeing that change, vignetting, dust,
    noise, cosmic rays, hot and dead pixels, saturation and pointing errors.
    """
    from iop4cli.simulate.damage import damage_kinds, damage_night
    from iop4cli.simulate.errors import SimulationError
    from iop4cli.simulate.index import build_index
    from iop4cli.simulate.night import NightRecipe, simulate_night

    messages.set_verbosity(-1 if quiet else 0)
    try:
        recipe = NightRecipe(
            instrument, mode, night, seed, tuple(target or ()), n_targets, groups, tuple(bands.split(",")),
            transparency_rms=transparency, seeing_arcsec=seeing, size_px=size, target_mag=mag, target_p=p,
            star_density=density, n_angles=angles, beam_imbalance=imbalance, companion=companion, block_beam=block,
            flip=flip, full_frame=not no_full_frame,
        )  # fmt: skip
        with messages.Progress() as progress:
            made = simulate_night(folder, recipe, lambda done, total, _: _advance(progress, done, total))
        wanted = damage_kinds() if bad and "all" in bad else tuple(bad or ())
        damages = damage_night(made.night_folder, wanted) if wanted else []
        if index:
            targets = {row.source for row in made.truth if row.is_target}
            build_index(folder / "index", sorted(targets))
    except SimulationError as error:
        raise UsageError(str(error)) from error
    for path in made.files:
        output.line(str(path))
    for damage in damages:
        messages.notice(f"{damage.kind}: {damage.done}")
    messages.notice(
        f"{len(made.files)} frames in {made.night_folder}, {len(made.truth)} truths in {folder / 'truth.csv'}"
    )
    return 0


def _advance(progress: messages.Progress, done: int, total: int) -> None:
    if done == 1:
        progress.begin("simulate", total)
    progress.step()
