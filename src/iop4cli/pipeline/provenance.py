"""What a reader of exported results must know, and whom to cite."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iop4cli.archive.rests_on import RestsOn, rests_on

if TYPE_CHECKING:
    from iop4cli.archive.selection import Selection
    from iop4cli.archive.store import Store
    from iop4cli.instruments.registry import Registry

_MOST_NAMED = 50


@dataclass(frozen=True)
class Provenance:
    """`meta` is plain values, the same each time; `cited` are texts that name papers."""

    meta: dict[str, Any]
    rests: RestsOn
    cited: tuple[str, ...]
    polarimetry: bool


def provenance(
    store: Store, registry: Registry, selection: Selection, condition: str, *, flagged: bool, n_flagged: int
) -> Provenance:
    """Of the results that fulfil `condition`; `n_flagged` of them were left out."""
    from iop4cli import __version__
    from iop4cli.export.citations import in_full
    from iop4cli.pipeline.calibrations import from_rows, shipped_calibrations

    rests = rests_on(store, condition, flagged=flagged)
    calibrations = {row["name"] for row in rests.calibrations}
    known = [*shipped_calibrations(registry), *from_rows(store.rows("select * from calibration"))]
    sources = {one.name: one.source for one in known if one.name in calibrations}
    instruments = sorted({row["instrument"] for row in rests.measured if row["instrument"]})
    instrument_references = {
        name: registry.instruments[name].reference for name in instruments if name in registry.instruments
    }
    hosts = sorted({row["source"] for row in rests.measured if row["n_hosts"]})
    meta = {
        "software": "iop4",
        "version": __version__,
        "measured_by": sorted({row["version"] for row in rests.measured if row["version"]}),
        "selection": _said(selection),
        "flagged": "contained, with what was remarked in flags" if flagged else "left out",
        "flagged_left_out": n_flagged,
        "calibration_references": sources,
        "instrument_references": {name: text for name, text in instrument_references.items() if text},
        "comparison_stars": [_star(row, in_full) for row in rests.stars],
    }
    systems = sorted({row["photometric_system"] for row in rests.measured if row["photometric_system"]})
    if systems:
        meta["photometric_systems"] = systems
    host_references = _host_references(store, hosts) if hosts else []
    if hosts:
        meta["host_galaxies"] = {"subtracted_from": hosts, "references": [in_full(text) for text in host_references]}
    cited = [row["reference"] or "" for row in rests.stars]
    cited += [*sources.values(), *instrument_references.values(), *_standards(rests), *host_references]
    return Provenance(
        meta, rests, tuple(dict.fromkeys(text for text in cited if text)),
        any(row["mode"] == "pol" for row in rests.measured),
    )  # fmt: skip


def bibtex_of(known: Provenance) -> str:
    """What whoever publishes these results cites."""
    from iop4cli.export.citations import PIPELINE, POLARIMETRY, bibtex

    return bibtex((*PIPELINE, *(POLARIMETRY if known.polarimetry else ())), known.cited)


def _said(selection: Selection) -> dict[str, Any]:
    names = ("source", "instrument", "band", "mode", "since", "until", "where")
    said = {name: value for name in names if (value := getattr(selection, name)) is not None}
    if len(selection.names) > _MOST_NAMED:
        return said | {"items": f"{len(selection.names)} names"}
    return said | ({"items": list(selection.names)} if selection.names else {})


def _star(row: dict[str, Any], in_full: Any) -> dict[str, Any]:
    return {
        "name": row["name"], "band": row["band"], "mag": row["mag"], "mag_err": row["mag_err"],
        "n_results": row["n_results"], "reference": in_full(row["reference"]) if row["reference"] else None,
    }  # fmt: skip


def _standards(rests: RestsOn) -> Iterable[str]:
    """References of the standard stars that calibrations of the archive were fitted to."""
    from iop4cli.archive.standards import read_standards, shipped_standards

    fitted = [json.loads(row["residuals"]) for row in rests.calibrations if row["residuals"]]
    stars = {one["star"] for residuals in fitted for one in residuals if isinstance(one, dict) and one.get("star")}
    if not stars:
        return []
    return [one.source.reference for one in read_standards(shipped_standards()) if one.name in stars]


def _host_references(store: Store, sources: Sequence[str]) -> list[str]:
    """Where the light of the hosts of these sources is from, by the tables of now."""
    from iop4cli.archive.host_tables import hosts_of, read_hosts
    from iop4cli.archive.layout import Layout
    from iop4cli.archive.names import NameIndex
    from iop4cli.share import share_dir

    named = {row["name"]: row["other_names"] or () for row in store.rows("select name, other_names from source")}
    shipped = share_dir() / "catalogs" / "host_galaxies.ecsv"
    hosts = hosts_of(read_hosts(shipped, Layout(store.path.parent).host_galaxies), NameIndex(named))
    return sorted({hosts[name].reference for name in sources if name in hosts and hosts[name].reference})
