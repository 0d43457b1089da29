"""What is amiss in the catalogue: two entries of one star, calibrators that no frame shows, names with two owners."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from iop4cli import sexagesimal
from iop4cli.archive.catalog_store import read_sources
from iop4cli.archive.names import normalise, spelled
from iop4cli.archive.source import Source
from iop4cli.archive.store import Store
from iop4cli.instruments.registry import Registry
from iop4cli.pipeline.solutions import wcs_of
from iop4cli.science.wcs import separation_deg

DUPLICATE_ARCSEC = 2.0
COLUMNS = ("check", "source", "other", "message")
# Frames whose middles and angles differ by less show the same stars.
_SAME_FIELD_DEG, _SAME_ANGLE_DEG = 0.002, 0.5

Row = dict[str, Any]


def check_catalog(store: Store, registry: Registry) -> list[Row]:
    """A row (check, source, other, message) for each thing to look at; the catalogue is as good where there is none."""
    sources = read_sources(store)
    return [*_duplicates(sources), *_outside(store, registry, sources), *_without_magnitude(store, sources),
            *_same_names(sources)]  # fmt: skip


def _row(check: str, source: str, other: str | None, message: str) -> Row:
    return {"check": check, "source": source, "other": other, "message": message}


def _duplicates(sources: Sequence[Source]) -> Iterator[Row]:
    ra, dec = (np.array([getattr(source, name) for source in sources]) for name in ("ra_deg", "dec_deg"))
    for number, source in enumerate(sources):
        apart = 3600.0 * separation_deg(ra[number + 1 :], dec[number + 1 :], source.ra_deg, source.dec_deg)
        for later in np.flatnonzero(apart <= DUPLICATE_ARCSEC):
            other = sources[number + 1 + int(later)].name
            yield _row("duplicate", source.name, other, f'{other} is {apart[later]:.2f}" away: one star, two entries?')


def _outside(store: Store, registry: Registry, sources: Sequence[Source]) -> Iterator[Row]:
    by_name = {source.name: source for source in sources}
    fields = _fields(store)
    largest = max(registry.instruments.values(), key=lambda one: _half_diagonal_deg(one.detector), default=None)
    for source in sources:
        for target in filter(None, map(by_name.get, source.calibrates)):
            apart_deg = sexagesimal.separation_deg(source.ra_deg, source.dec_deg, target.ra_deg, target.dec_deg)
            said = f"it is {60 * apart_deg:.1f}' from {target.name}"
            if target.name in fields:
                if not any(_shows(field, source) for field in fields[target.name]):
                    yield _row("outside", source.name, target.name, f"{said}, and on none of its frames")
            elif largest is not None and apart_deg > _half_diagonal_deg(largest.detector):
                half = f"{60 * _half_diagonal_deg(largest.detector):.1f}'"
                yield _row(
                    "outside", source.name, target.name, f"{said}; the widest camera, {largest.name}, sees {half}"
                )


def _half_diagonal_deg(detector: Any) -> float:
    return float(np.hypot(detector.width_px, detector.height_px) * detector.scale_arcsec_per_px / 7200.0)


def _fields(store: Store) -> dict[str, list[Row]]:
    """The solved frames of each target, one of those that show the same."""
    rows = store.rows(
        f"select any_value(columns(w.*)), any_value(f.width_px) as width_px, any_value(f.height_px) as height_px, "
        f"f.target from wcs w join frame f on f.name = w.frame where w.beam = 'O' and f.target is not null "
        f"group by f.target, f.instrument, f.width_px, f.height_px, round(w.ra_deg / {_SAME_FIELD_DEG}), "
        f"round(w.dec_deg / {_SAME_FIELD_DEG}), round(w.angle_deg / {_SAME_ANGLE_DEG})"
    )
    fields: dict[str, list[Row]] = {}
    for row in rows:
        fields.setdefault(row["target"], []).append(row)
    return fields


def _shows(field: Row, source: Source) -> bool:
    x, y = wcs_of(field).to_pixel(np.array([source.ra_deg]), np.array([source.dec_deg]))
    return bool(0 < x[0] < field["width_px"] - 1 and 0 < y[0] < field["height_px"] - 1)


def _without_magnitude(store: Store, sources: Sequence[Source]) -> Iterator[Row]:
    for source in sources:
        if source.calibrates and not source.mags:
            yield _row("no magnitude", source.name, None, "it calibrates, but has no magnitude in any band")
    bands = store.rows("select distinct target, band from frame where kind = 'light' and target is not null and "
                       "band is not null order by 1, 2")  # fmt: skip
    for row in bands:
        stars = [source for source in sources if row["target"] in source.calibrates]
        if stars and not any(row["band"] in star.mags for star in stars):
            said = f"its frames are in {row['band']} too, in which none of its {len(stars)} calibrators has a magnitude"
            yield _row("no magnitude", row["target"], None, said)


def _same_names(sources: Sequence[Source]) -> Iterator[Row]:
    """Names with two owners; a target and a star of its field may be alike but for blanks (see catalog_names)."""
    owners: dict[str, list[tuple[Source, str]]] = {}
    for source in sources:
        for word in (source.name, *source.other_names):
            for other, written in owners.setdefault(normalise(word), []):
                related = source.name in other.calibrates or other.name in source.calibrates
                if other is source or (related and spelled(word) != spelled(written)):
                    continue
                yield _row("alias", source.name, other.name, f"{word!r} is {written!r} of {other.name} too")
            owners[normalise(word)].append((source, word))
