"""The facts of one night for a report: what was taken, what came of it, and what needs a look."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from iop4cli.archive.catalog_store import read_sources
from iop4cli.archive.epochs import BadName, Epoch, parse_epoch
from iop4cli.archive.layout import Layout
from iop4cli.archive.night_queries import epochs_with_frames, night_tables
from iop4cli.archive.source import target_names
from iop4cli.archive.store import Store, utc_now
from iop4cli.archive.troubles import Troubles, grouped
from iop4cli.export.night_facts import (
    Astrometry,
    GroupLight,
    Master,
    NightFacts,
    Said,
    Sample,
    Taken,
    ZeroPoints,
)
from iop4cli.pipeline.arrivals import entries_in, folders_in, is_raw_file, raw_name
from iop4cli.pipeline.night_calibrators import calibrators_of
from iop4cli.pipeline.night_results import news_of, results_of, series_of, uncalibrated_of, utc
from iop4cli.pipeline.standing import series_of as series_of_master

Row = Mapping[str, Any]

DAYS_BEFORE = 30
_UNITS = {"bias": "ADU", "dark": "ADU/s", "flat": ""}
_KINDS = ("light", "bias", "dark", "flat")
_S_PER_DAY = 86400.0
# Each step that lights go through one by one, and the one before it.
_AFTER = {"solve": "reduce", "phot": "solve"}


def night_facts(store: Store, layout: Layout, epoch: Epoch, health: Sequence[Row]) -> NightFacts:
    """Reads the store once, and the names of the files in the night's folder of raw/.

    `health` is that of all calibrators of the archive: it is the same for all nights, and takes long to find.
    """
    tables = night_tables(store, epoch, DAYS_BEFORE)
    frames, rows = tables["frames"], tables["results"]
    lights = [row for row in frames if row["kind"] == "light"]
    targets = target_names(read_sources(store)) | {row["target"] for row in lights if row["target"]}
    results, before = results_of(rows, targets), results_of(tables["before"], targets)
    series = series_of(results, before)
    troubles = grouped(tables["troubles"])
    waiting = _raw_names(layout, epoch) - {row["name"] for row in frames}
    n_bad = {status: len(_names(troubles, status)) for status in ("failed", "impossible", "done")}
    concerns = [*_failures(n_bad), *_unfinished(waiting, frames, tables["items"], rows), *_resultless(lights, results)]
    concerns += [f"no magnitude of {source}" for source in _unmeasured(results)]
    return NightFacts(
        epoch=epoch, made=utc_now(), n_frames=len(frames) + len(waiting),
        n_groups=len({row["origin"] for row in rows if row["mode"] == "pol"}), n_results=len(rows),
        n_target_results=len(results), n_failed=n_bad["failed"], n_impossible=n_bad["impossible"],
        concerns=tuple(concerns), news=news_of(series), taken=_taken(frames), troubles=troubles, results=results,
        before=before, series=series, uncalibrated=uncalibrated_of(rows),
        calibrators=calibrators_of(health, rows, tables["calibrator_uses"]),
        masters=_masters(tables["masters"], tables["older_masters"]),
        left_out=tuple((row["master"], row["frame"], row["reason"] or "") for row in tables["left_out"]),
        fallbacks=_fallbacks(tables["fallbacks"]), seeing=_seeing(tables["wcs"], lights),
        zero_points=_zero_points(rows, tables["zero_points_before"]),
        group_light=_group_light(rows, tables["transparencies"], targets),
        astrometry=_astrometry(tables["wcs"], tables["items"]), said=_said(tables), days_before=DAYS_BEFORE,
    )  # fmt: skip


def nights_known(store: Store, layout: Layout) -> list[Epoch]:
    """Every epoch that has frames, be they classified or not, the oldest first."""
    found = set(epochs_with_frames(store))
    for telescope in folders_in(layout.raw):
        for night in folders_in(telescope):
            try:
                epoch = parse_epoch(f"{telescope.name}/{night.name}")
            except BadName:
                continue  # a folder of another kind
            if str(epoch) == f"{telescope.name}/{night.name}" and any(map(is_raw_file, entries_in(night))):
                found.add(epoch)
    return sorted(found, key=lambda epoch: (epoch.night, epoch.telescope))


def _raw_names(layout: Layout, epoch: Epoch) -> set[str]:
    return {raw_name(path)[0] for path in entries_in(layout.raw / epoch.telescope / epoch.night) if is_raw_file(path)}


def _names(troubles: Troubles, status: str) -> set[str]:
    return {name for trouble in troubles.by_reason if trouble.status == status for name in trouble.names}


def _failures(n_bad: Mapping[str, int]) -> list[str]:
    said = {"failed": "failed", "impossible": "impossible", "done": "done, but with a flaw"}
    return [f"{_counted(n_bad[status], 'item')} {words}" for status, words in said.items() if n_bad[status]]


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'s' if n != 1 else ''}"


def _unfinished(waiting: set[str], frames: Sequence[Row], items: Sequence[Row], results: Sequence[Row]) -> list[str]:
    """What no step has looked at yet: the night is not done."""
    found = [f"{_counted(len(waiting), 'file')} not classified yet"] if waiting else []
    tried: dict[str, set[str]] = defaultdict(set)
    done: dict[str, set[str]] = defaultdict(set)
    for row in items:
        tried[row["step"]].add(row["name"])
        if row["status"] == "done":
            done[row["step"]].add(row["name"])
    lights = {row["name"] for row in frames if row["kind"] == "light" and row["status"] == "done"}
    due = {"reduce": lights - tried["reduce"]}
    due |= {step: (done[before] & lights) - tried[step] for step, before in _AFTER.items()}
    words = {"reduce": "reduced", "solve": "solved", "phot": "measured"}
    found += [f"{_counted(len(names), 'frame')} not {words[step]} yet" for step, names in due.items() if names]
    n_uncorrected = sum(row["uncorrected"] for row in results)
    return found + ([f"{_counted(n_uncorrected, 'result')} not corrected yet"] if n_uncorrected else [])


def _resultless(lights: Sequence[Row], results: Iterable[Any]) -> list[str]:
    """Targets that were pointed at, and of which nothing came."""
    measured = {(one.source, one.band, one.mode) for one in results}
    taken = Counter((row["target"], row["band"] or "", row["mode"]) for row in lights if row["target"])
    return [
        f"no {'polarimetry' if mode == 'pol' else 'photometry'} of {target} in {band} from {_counted(n, 'frame')}"
        for (target, band, mode), n in sorted(taken.items(), key=str)
        if (target, band, mode) not in measured
    ]


def _unmeasured(results: Iterable[Any]) -> list[str]:
    found = Counter(f"{one.source} in {one.band}" for one in results if one.mag is None and not one.flags)
    return [f"{name} ({_counted(n, 'result')})" for name, n in sorted(found.items())]


def _taken(frames: Iterable[Row]) -> tuple[Taken, ...]:
    """Lights by target, mode and band in order of time, then calibration frames by kind and band."""
    by: dict[tuple[Any, ...], list[Row]] = {}
    for row in frames:
        kind = row["kind"] or "not known"
        target = (row["target"] or row["object"] or "") if kind == "light" else ""
        mode = row["mode"] if kind == "light" else None
        band = row["band"] if kind in {"light", "flat"} else None
        by.setdefault((kind, target, mode, band), []).append(row)
    found = []
    for (kind, target, mode, band), rows in by.items():
        spans = [(row["mjd_utc"], (row["exptime_s"] or 0.0) / 2 / _S_PER_DAY) for row in rows if row["mjd_utc"]]
        found.append(
            Taken(
                kind, target, mode, band, len(rows), _known(rows, "angle_deg"), _known(rows, "exptime_s"),
                utc(min((mjd - half for mjd, half in spans), default=None)),
                utc(max((mjd + half for mjd, half in spans), default=None)),
            )
        )  # fmt: skip
    order = {kind: number for number, kind in enumerate(_KINDS)}
    return tuple(sorted(found, key=lambda one: (order.get(one.kind, len(order)), str(one.since or ""), str(one.band))))


def _known(rows: Iterable[Row], column: str) -> tuple[float, ...]:
    return tuple(sorted({row[column] for row in rows if row[column] is not None}))


def _masters(rows: Iterable[Row], older: Iterable[Row]) -> tuple[Master, ...]:
    last = {series_of_master(row): row for row in older}
    found = []
    for row in rows:
        good: Row = last.get(series_of_master(row), {})
        found.append(
            Master(
                row["name"], row["kind"], row["band"], row["angle_deg"], row["n_frames"], row["n_rejected"],
                row["level"], row["scatter"], _UNITS.get(row["kind"], ""), bool(row["accepted"]), row["reason"],
                str(good["night"]) if good else None, good.get("level"), good.get("scatter"),
            )
        )  # fmt: skip
    return tuple(found)


def _fallbacks(rows: Iterable[Row]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    by: dict[str, list[str]] = {}
    for row in rows:
        by.setdefault(row["master_notes"], []).append(row["frame"])
    return tuple((note, tuple(frames)) for note, frames in by.items())


def _one_beam(wcs: Iterable[Row]) -> dict[str, Row]:
    """frame -> its row of the ordinary or only beam; the rows have O after E."""
    return {row["frame"]: row for row in sorted(wcs, key=lambda row: (row["frame"], row["beam"] == "O"))}


def _seeing(wcs: Iterable[Row], lights: Iterable[Row]) -> tuple[Sample, ...]:
    beams = _one_beam(wcs)
    found = []
    for row in lights:
        time, fwhm = utc(row["mjd_utc"]), beams.get(row["name"], {}).get("fwhm_arcsec")
        if time is not None and fwhm is not None:
            found.append(Sample(time, fwhm))
    return tuple(found)


def _zero_points(results: Iterable[Row], before: Iterable[Row]) -> tuple[ZeroPoints, ...]:
    """One for each frame or group: its sources have theirs in common, but a calibrator is not in its own."""
    by: dict[tuple[str, str, str], dict[str, list[Row]]] = {}
    for row in results:
        if row["zp"] is not None and row["mjd_utc"] is not None:
            key = (row["instrument"], row["mode"], row["band"] or "")
            by.setdefault(key, {}).setdefault(row["origin"], []).append(row)
    past = {(row["instrument"], row["mode"], row["band"] or ""): row for row in before}
    found = []
    for key, origins in sorted(by.items()):
        samples = []
        for rows in origins.values():
            time = utc(rows[0]["mjd_utc"])
            if time is not None:
                samples.append(Sample(time, float(np.median([row["zp"] for row in rows]))))
        earlier: Row = past.get(key, {})
        found.append(ZeroPoints(*key, tuple(samples), earlier.get("zp"), earlier.get("n_nights", 0)))
    return tuple(found)


def _group_light(results: Iterable[Row], rows: Iterable[Row], targets: Iterable[str]) -> tuple[GroupLight, ...]:
    values: dict[str, list[float]] = {}
    for row in rows:
        values.setdefault(row["origin"], []).append(row["value"])
    known = set(targets)
    groups: dict[str, Row] = {}
    for row in results:
        if row["mode"] == "pol" and (row["origin"] not in groups or row["source"] in known):
            groups[row["origin"]] = row
    return tuple(
        GroupLight(
            row["source"] or "", row["band"] or "", utc(row["mjd_utc"]), row["transparency_stars"],
            row["transparency_rms"], min(values.get(origin, []), default=None),
            max(values.get(origin, []), default=None),
        )
        for origin, row in groups.items()
    )  # fmt: skip


def _astrometry(wcs: Iterable[Row], items: Iterable[Row]) -> Astrometry:
    beams = _one_beam(wcs).values()
    tried = Counter(row["status"] for row in items if row["step"] == "solve")
    rms = [row["rms_arcsec"] for row in beams if row["rms_arcsec"] is not None]
    methods = Counter(row["method"] or "not known" for row in beams)
    # A frame that is blocked was not there to be solved.
    n_tried = sum(n for status, n in tried.items() if status != "blocked")
    return Astrometry(
        tried["done"], n_tried, float(np.median(rms)) if rms else None, max(rms, default=None),
        tuple(methods.most_common()),
    )  # fmt: skip


def _said(tables: Mapping[str, Sequence[Row]]) -> tuple[Said, ...]:
    flags = [
        Said(
            row["who"] or "", row["time_utc"],
            f"{row['source']} {row['mode']} in {row['band']} ({row['measurement']})", row["reason"],
        )
        for row in tables["flags"]
    ]  # fmt: skip
    overrides = [
        Said(row["who"] or "", row["time_utc"], row["frame"], f"{row['field']} is {row['value']}")
        for row in tables["overrides"]
    ]
    notes = [Said(row["who"] or "", row["time_utc"], row["name"], row["text"]) for row in tables["notes"]]
    return (*flags, *overrides, *notes)
