"""The catalogue in the store: whole sources in, whole sources out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from iop4cli.archive.name_lists import keep_names
from iop4cli.archive.source import Source
from iop4cli.archive.store import Batch, Store
from iop4cli.strict_toml import FrozenTable


def read_sources(store: Store) -> list[Source]:
    """All sources, by name."""
    found = store.tables(
        {
            "source": "select * from source order by name",
            "mags": "select * from source_mag order by source, band",
            "calibrates": "select * from calibrates order by calibrator, target",
        }
    )
    mags: dict[str, dict[str, tuple[float, float | None]]] = {}
    for row in found["mags"]:
        mags.setdefault(row["source"], {})[row["band"]] = (row["mag"], row["mag_err"])
    calibrates: dict[str, list[str]] = {}
    for row in found["calibrates"]:
        calibrates.setdefault(row["calibrator"], []).append(row["target"])
    return [
        Source(
            name=row["name"], ra_deg=row["ra_deg"], dec_deg=row["dec_deg"], kind=row["kind"],
            other_names=tuple(row["other_names"] or ()), redshift=row["redshift"],
            mags=FrozenTable(mags.get(row["name"], {})), p=row["p"], p_err=row["p_err"], chi_deg=row["chi_deg"],
            chi_err_deg=row["chi_err_deg"], calibrates=tuple(calibrates.get(row["name"], ())),
            settings=FrozenTable(json.loads(row["settings"] or "{}")), reference=row["reference"] or "",
            comment=row["comment"] or "",
        )
        for row in found["source"]
    ]  # fmt: skip


def write_sources(store: Store, sources: Iterable[Source]) -> None:
    """Add sources, or replace those of the same name, all or none; no journal (see catalog_journal)."""
    known = list(sources)
    store.write(source_batches([source.name for source in known], known))
    keep_names(store, ("source",))


def source_batches(names: Sequence[str], sources: Sequence[Source]) -> list[Batch]:
    """What makes the entries of `names` those of `sources`; a name without a source is removed."""
    rows = [
        {
            "name": source.name, "other_names": list(source.other_names), "ra_deg": source.ra_deg,
            "dec_deg": source.dec_deg, "kind": source.kind, "redshift": source.redshift, "p": source.p,
            "p_err": source.p_err, "chi_deg": source.chi_deg, "chi_err_deg": source.chi_err_deg,
            "settings": json.dumps(dict(source.settings)), "reference": source.reference, "comment": source.comment,
        }
        for source in sources
    ]  # fmt: skip
    mags = [
        {"source": source.name, "band": band, "mag": mag, "mag_err": error}
        for source in sources
        for band, (mag, error) in source.mags.items()
    ]
    calibrates = [{"calibrator": source.name, "target": target} for source in sources for target in source.calibrates]
    return [
        Batch("source", rows, "name", names),
        Batch("source_mag", mags, "source", names),
        Batch("calibrates", calibrates, "calibrator", names),
    ]
