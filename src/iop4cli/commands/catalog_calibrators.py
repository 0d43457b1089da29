"""iop4 catalog calibrators: stars of the field from Pan-STARRS."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iop4cli.archive.source import Source
from iop4cli.commands.catalog_named import make_change, source_named
from iop4cli.commands.opening import Opened, open_archive
from iop4cli.errors import UsageError
from iop4cli.sexagesimal import separation_deg
from iop4cli.shell import messages, output
from iop4cli.shell.options import ArchiveOptions, Json, takes_options

if TYPE_CHECKING:
    from iop4cli.science.survey_stars import Limits

_SAME_STAR_ARCSEC = 2.0
_BANDS = ("B", "V", "R", "I")
_LEFT_OUT = "outside the radius"


def _limit(flag: str, metavar: str, text: str, low: float = 0.0, high: float | None = None) -> Any:
    return typer.Option(flag, metavar=metavar, min=low, max=high, help=text)


@takes_options
def calibrators(
    options: ArchiveOptions,
    name: Annotated[str, typer.Argument(metavar="SOURCE", show_default=False, help="A source of the catalogue.")],
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="CSV", show_default=False, help="The service's table from a file."),
    ] = None,
    system: Annotated[
        str, typer.Option("--system", metavar="NAME", help="Relations: tonry, lupton, jester or jordi.")
    ] = "tonry",
    band: Annotated[
        list[str] | None,
        typer.Option("--band", metavar="BAND", show_default=False, help="Only B, V, R or I; may be repeated."),
    ] = None,
    radius: Annotated[float, _limit("--radius", "DEG", "How far from the source.", high=0.5)] = 0.12,
    min_detections: Annotated[int, _limit("--min-detections", "N", "Detections, all bands together.")] = 10,
    max_std: Annotated[float, _limit("--max-std", "MAG", "Scatter of the exposures in each of g, r, i.")] = 0.01,
    bright: Annotated[float, _limit("--bright", "MAG", "Fainter than this in r.", -5)] = 13.0,
    faint: Annotated[float, _limit("--faint", "MAG", "Brighter than this in r.", -5)] = 18.0,
    isolation: Annotated[float, _limit("--isolation", "ARCSEC", "No neighbour within this.")] = 6.0,
    neighbour_mag: Annotated[
        float, _limit("--neighbour-mag", "MAG", "A neighbour this much fainter does not count.", -20)
    ] = 4.0,
    at_most: Annotated[
        int | None, typer.Option("--at-most", metavar="N", min=1, show_default=False, help="Only the N brightest.")
    ] = None,
    chart: Annotated[
        Path | None,
        typer.Option("--chart", metavar="FILE", show_default=False, help="Draw a finding chart: PNG, PDF, SVG."),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write them to the catalogue.")] = False,
    show_all: Annotated[bool, typer.Option("--all", help="Also show those left out, with the reason.")] = False,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="S", min=0.1, show_default=False, help="Seconds for the service."),
    ] = None,
    json: Json = False,
) -> int:
    """Find calibrators around a source in Pan-STARRS DR2 (mean objects), with B, V, R, I from g, r, i.

    Shows those that pass; --apply writes them as SOURCE PS1 n, the brightest first. Stars that the catalogue has
    under another name are left out, earlier ones of this command keep their number. Asks the service of
    catalog.panstarrs_url, or reads --file; if that fails nothing is changed.
    """
    from iop4cli.archive.catalog_store import read_sources
    from iop4cli.science.survey_stars import SYSTEMS, Limits

    if system not in SYSTEMS:
        raise UsageError(f"--system {system!r}: choose {', '.join(SYSTEMS)}")
    bands = tuple(dict.fromkeys(band or _BANDS))
    if not set(bands) <= set(_BANDS):
        raise UsageError(f"--band: choose of {', '.join(_BANDS)}")
    opened = open_archive(options)
    known = read_sources(opened.store)
    source = source_named(known, name)
    limits = Limits(radius, min_detections, max_std, bright, faint, isolation, neighbour_mag)
    columns = _survey(opened, source, file, limits, timeout)
    rows = _judged(columns, source, known, limits, system, bands)
    _number(rows, source, known, at_most)
    chosen = [row for row in rows if not row["reason"]]
    if chart is not None:
        _draw(chart, source, known, rows, limits)
    made = _sources_of(chosen, source, known, f"Pan-STARRS1 DR2 mean (Chambers et al. 2016); {SYSTEMS[system]}")
    if not apply:
        _show(rows if show_all else chosen, bands, json, show_all)
    _tell(rows, chosen)
    if apply and made:
        from iop4cli.archive.catalog_journal import pairs_of

        names = {one.name for one in made}
        pairs = pairs_of([one for one in known if one.name in names], made)
        if pairs:
            make_change(opened.store, f"calibrators of {source.name}", pairs)
        else:
            messages.notice("the catalogue has all of them as they are")
    return 0


def _survey(
    opened: Opened, source: Source, file: Path | None, limits: Limits, timeout_s: float | None
) -> dict[str, list[Any]]:
    from iop4cli.remote.panstarrs import ask_panstarrs, parse_panstarrs

    if file is not None:
        try:
            return parse_panstarrs(file.read_text(encoding="utf-8"), str(file))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file} cannot be read: {error}") from None
    url = opened.config["catalog.panstarrs_url"]
    # A neighbour may lie beyond the radius.
    wide_deg = limits.radius_deg + limits.isolation_arcsec / 3600.0
    text = ask_panstarrs(url, source.ra_deg, source.dec_deg, wide_deg, timeout_s or opened.config["catalog.timeout_s"])
    return parse_panstarrs(text, "the Pan-STARRS service")


def _judged(
    columns: Mapping[str, list[Any]],
    source: Source,
    known: Sequence[Source],
    limits: Limits,
    system: str,
    bands: Sequence[str],
) -> list[dict[str, Any]]:
    """A row for each object within the radius, the brightest first, with the reason why it is left out, if it is."""
    import numpy as np

    from iop4cli.science.survey_stars import SurveyStars, johnson_cousins, why_not

    def of(name: str) -> Any:
        return np.array(columns[name], dtype=float)

    mags, errs, stds = ({b: of(f"{b}MeanPSFMag{suffix}") for b in "gri"} for suffix in ("", "Err", "Std"))
    stars = SurveyStars(of("raMean"), of("decMean"), of("nDetections"), mags, errs, stds)
    reasons = why_not(stars, source.ra_deg, source.dec_deg, limits)
    found = johnson_cousins(stars, system)
    rows = []
    for number in np.flatnonzero(reasons != _LEFT_OUT):
        row = {
            "name": "", "obj_id": columns["objID"][number], "ra_deg": float(stars.ra_deg[number]),
            "dec_deg": float(stars.dec_deg[number]), "n_detections": int(np.nan_to_num(stars.n_detections[number])),
            **{f"{b}_mag": _known(mags[b][number]) for b in "gri"},
            "std_mag": _known(np.max([stds[b][number] for b in "gri"])), "reason": str(reasons[number]),
        }  # fmt: skip
        for band in bands:
            mag, err = found.of(band)
            row |= {f"mag_{band}": _known(mag[number]), f"mag_{band}_err": _known(err[number])}
        if not row["reason"] and all(row[f"mag_{band}"] is None for band in bands):
            row["reason"] = f"no relation holds: {found.reason[number, found.bands.index(bands[0])]}"
        rows.append(row)
    for row in rows:
        other = _same_star(row, known)
        if other is not None and not row["reason"] and not _is_own(other, source):
            row["reason"] = f"in the catalogue as {other.name}"
    return sorted(rows, key=lambda row: math.inf if row["r_mag"] is None else row["r_mag"])


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _same_star(row: Mapping[str, Any], known: Sequence[Source]) -> Source | None:
    def apart_arcsec(other: Source) -> float:
        return 3600.0 * separation_deg(row["ra_deg"], row["dec_deg"], other.ra_deg, other.dec_deg)

    # Only neighbours in declination are worth the sines.
    near = [other for other in known if abs(other.dec_deg - row["dec_deg"]) * 3600.0 <= _SAME_STAR_ARCSEC]
    nearest = min(near, key=apart_arcsec, default=None)
    return nearest if nearest is not None and apart_arcsec(nearest) <= _SAME_STAR_ARCSEC else None


def _is_own(other: Source, source: Source) -> bool:
    """Whether an earlier call of this command made it."""
    return other.name.startswith(f"{source.name} PS1 ") and other.name.rsplit(" ", 1)[1].isdigit()


def _number(rows: list[dict[str, Any]], source: Source, known: Sequence[Source], at_most: int | None) -> None:
    """Names for those that stay: an earlier one's own, else the next number that is free."""
    taken = {int(one.name.rsplit(" ", 1)[1]) for one in known if _is_own(one, source)}
    n_chosen = 0
    for row in rows:
        if row["reason"]:
            continue
        n_chosen += 1
        if at_most is not None and n_chosen > at_most:
            row["reason"] = "beyond --at-most"
            continue
        earlier = _same_star(row, known)
        if earlier is not None and any(other["name"] == earlier.name for other in rows):
            row["reason"] = f"the same star as {earlier.name}"
            continue
        if earlier is not None:
            row["name"] = earlier.name
            continue
        number = next(n for n in range(1, len(taken) + 2) if n not in taken)
        taken.add(number)
        row["name"] = f"{source.name} PS1 {number}"


def _sources_of(
    chosen: Sequence[Mapping[str, Any]], source: Source, known: Sequence[Source], reference: str
) -> list[Source]:
    from iop4cli.strict_toml import FrozenTable

    by_name = {one.name: one for one in known}
    made = []
    for row in chosen:
        mags = {
            band: (row[f"mag_{band}"], row[f"mag_{band}_err"]) for band in _BANDS if row.get(f"mag_{band}") is not None
        }
        comment = f"PS1 objID {row['obj_id']}" if row["obj_id"] else ""
        fresh = Source(row["name"], row["ra_deg"], row["dec_deg"], "star")
        old = by_name.get(row["name"], fresh)
        made.append(
            dataclasses.replace(
                old, mags=FrozenTable(sorted({**old.mags, **mags}.items())), reference=reference,
                calibrates=tuple(sorted({*old.calibrates, source.name})), comment=old.comment or comment,
            )
        )  # fmt: skip
    return made


def _draw(
    path: Path, source: Source, known: Sequence[Source], rows: Sequence[Mapping[str, Any]], limits: Limits
) -> None:
    from iop4cli.export.finding_chart import draw_chart

    stars = [{**row, "label": row["name"].rsplit(" ", 1)[-1] if not row["reason"] else ""} for row in rows]
    own = [
        {"ra_deg": one.ra_deg, "dec_deg": one.dec_deg, "name": one.name}
        for one in known
        if source.name in one.calibrates and not _is_own(one, source)
        and separation_deg(one.ra_deg, one.dec_deg, source.ra_deg, source.dec_deg) <= limits.radius_deg
    ]  # fmt: skip
    n_chosen = sum(not row["reason"] for row in rows)
    title = f"{source.name}: {n_chosen} of {len(rows)} Pan-STARRS objects within {60 * limits.radius_deg:g}'"
    draw_chart(path, title, (source.ra_deg, source.dec_deg), limits.radius_deg, stars, own)


def _show(rows: Sequence[Mapping[str, Any]], bands: Sequence[str], json: bool, reasons: bool) -> None:
    if json:
        for row in rows:
            output.json_row(row)
        return
    mags = [name for band in bands for name in (f"mag_{band}", f"mag_{band}_err")]
    columns = ("name", "ra_deg", "dec_deg", "g_mag", "r_mag", "i_mag", "n_detections", "std_mag", *mags)
    if not output.is_terminal():
        output.table(rows, (*columns, *(("reason",) if reasons else ())))
        return
    from iop4cli.shell import page, words

    shown = [
        {
            "name": row["name"], "ra_deg": f"{row['ra_deg']:.5f}", "dec_deg": f"{row['dec_deg']:+.5f}",
            "r": words.number(row["r_mag"], 3), "n": row["n_detections"], "std": words.number(row["std_mag"], 4),
            **{band: _short(row[f"mag_{band}"], row[f"mag_{band}_err"]) for band in bands},
            "reason": row["reason"],
        }
        for row in rows
    ]  # fmt: skip
    if shown:
        page.table(shown, ("name", "ra_deg", "dec_deg", "r", "n", "std", *bands, "reason"), indent=0)


def _short(mag: float | None, err: float | None) -> str | None:
    """13.547(12): the error in the last digits."""
    return None if mag is None or err is None else f"{mag:.3f}({1000 * err:.0f})"


def _tell(rows: Sequence[Mapping[str, Any]], chosen: Sequence[Mapping[str, Any]]) -> None:
    counted = Counter(row["reason"].split(":")[0] for row in rows if row["reason"])
    said = ", ".join(f"{n} {reason}" for reason, n in counted.most_common())
    messages.notice(f"{len(chosen)} of {len(rows)} objects may calibrate{f' ({said})' if said else ''}")
