"""iop4 export --bundle: data, plots and what they rest on, for a collaborator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iop4cli.archive.results import Results
    from iop4cli.archive.store import Store
    from iop4cli.pipeline.provenance import Provenance

_DATA = {
    "csv": "the results, a line each",
    "ecsv": "the same with units and metadata (astropy)",
    "parquet": "the same for polars, pandas and DuckDB",
    "fits": "the same as a binary table",
}
Row = dict[str, Any]


def write_bundle(path: Path, found: Results, known: Provenance, store: Store, condition: str, *, flagged: bool) -> None:
    """Write the whole bundle or nothing."""
    from iop4cli.archive.results import result_columns, result_rows
    from iop4cli.export.bundle import staged_bundle
    from iop4cli.export.bundle_readme import readme
    from iop4cli.export.formats import written
    from iop4cli.pipeline.provenance import bibtex_of

    every = result_rows(store, condition, result_columns(store))
    rows = [row for row in every if flagged or row["flags"] is None]
    with staged_bundle(path) as folder:
        files = {}
        (folder / "data").mkdir()
        for form, what in _DATA.items():
            name = f"data/results.{form}"
            with (folder / name).open("wb") as stream:
                stream.writelines(written(found.frame, form, known.meta))
            files[name] = what
        plotted = list(_plots(folder, _by_source(rows, _plotted_sources(rows, store))))
        files.update(plotted)
        (folder / "references.bib").write_text(bibtex_of(known), encoding="utf-8")
        files["references.bib"] = "whom to cite"
        notes = ["plots show targets only, no comparison stars"] if plotted else ["nothing was plotted"]
        said = readme(known.meta, known.rests.measured, found.frame.columns, files, notes)
        (folder / "README.md").write_text(said, encoding="utf-8")


def _plotted_sources(rows: Sequence[Row], store: Store) -> set[str]:
    """The targets among the sources; all of them if none is a target."""
    from iop4cli.archive.catalog_store import read_sources
    from iop4cli.archive.source import target_names

    sources = {row["source"] for row in rows if row["source"] is not None}
    return sources & target_names(read_sources(store)) or sources


def _by_source(rows: Sequence[Row], sources: set[str]) -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = {name: [] for name in sorted(sources)}
    for row in rows:
        if row["source"] in found:
            found[row["source"]].append(row)
    return found


def _plots(folder: Path, by_source: Mapping[str, Sequence[Row]]) -> Iterator[tuple[str, str]]:
    """Light curve and track of q and u of each source: name of the file and what it shows."""
    from iop4cli.export.bundle import file_stem
    from iop4cli.export.plots.chart_figure import chart_figure
    from iop4cli.export.plots.light_curve import Shown, light_curve_chart, light_curve_rows
    from iop4cli.export.plots.stokes_plane import stokes_figure, stokes_rows
    from iop4cli.export.plots.style import save_figure

    taken: set[str] = set()
    for source, rows in by_source.items():
        stem, shown = file_stem(source, taken), Shown()
        drawn = ("mag", "p_percent", "p_upper95_percent", "chi_deg")
        if any(row[name] is not None for row in light_curve_rows(rows, shown) for name in drawn):
            (folder / "plots").mkdir(exist_ok=True)
            name = f"plots/{stem}-lightcurve.png"
            save_figure(
                chart_figure(light_curve_chart(rows, title=_title(source), shown=shown), wide=True), folder / name
            )
            yield name, f"magnitude, degree and angle of polarisation of {source} against time"
        values = stokes_rows(rows)
        if values:
            (folder / "plots").mkdir(exist_ok=True)
            name = f"plots/{stem}-qu.png"
            save_figure(stokes_figure(values, title=_title(source)), folder / name)
            yield name, f"the track of {source} in the plane of q and u"


def _title(source: str) -> str:
    """A name that matplotlib takes as it is: dollars would begin a formula."""
    from iop4cli.export.text_escapes import escaped

    return escaped(source).replace("$", r"\$")
