"""One result: all its numbers with their meaning, the fit of its modulation, curves of growth, its history."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static, TabbedContent, TabPane

from iop4cli.archive.columns import RESULTS
from iop4cli.errors import UsageError
from iop4cli.shell import output
from iop4cli.tui.asking import ask
from iop4cli.tui.documents import document_text
from iop4cli.tui.screens.tabbed import TABS_HELP, TabbedScreen, answer_of, fill
from iop4cli.tui.widgets.growth import Growth
from iop4cli.tui.widgets.long_table import LongTable
from iop4cli.tui.widgets.modulation import Modulation

if TYPE_CHECKING:
    from iop4cli.archive.pages import Row
    from iop4cli.export.plots.chart import Chart


class ResultScreen(TabbedScreen):
    """Everything about a result."""

    mode = "results"
    about = (
        """A result: every column of the view `results` with its value, unit and meaning; of polarimetry the \
exposures against the angle of the analyser with the fit; curves of growth of its frames, the share of a star's light \
within a radius, with the aperture in use; and the history that `iop4 show` tells. """
        + TABS_HELP
    )

    def __init__(self, result_id: str) -> None:
        super().__init__()
        self.result_id = result_id
        # The rows of each plot.
        self._drawn: dict[str, list[Row]] = {}

    def compose_body(self) -> ComposeResult:
        with TabbedContent():
            with TabPane("Numbers", id="tab-numbers"):
                yield LongTable("column", ("column", "value", "unit", "meaning"))
            with TabPane("Modulation", id="tab-modulation"):
                yield Modulation()
            with TabPane("Growth", id="tab-growth"):
                yield Growth()
            with TabPane("History", id="tab-history"), VerticalScroll():
                yield Static("reading…", id="text-history", markup=False)

    def load(self) -> None:
        name, n_columns = self.result_id, self.n_columns
        self.say(f"result {name}")
        ask(self, "document", lambda: document_text(self.desk, "result", name, n_columns))
        ask(self, "modulation", lambda: self._modulation(name))
        ask(self, "growth", lambda: self._growth(name))

    def _modulation(self, name: str) -> Any:
        from iop4cli.errors import Iop4Error
        from iop4cli.pipeline.modulation import modulation_rows

        try:
            return modulation_rows(self.desk.view(), name)
        except Iop4Error as problem:
            return str(problem)

    def _growth(self, name: str) -> tuple[list[Row], Chart] | str:
        """Rows and how they are drawn, or why there is nothing."""
        from iop4cli.archive.lineage import Thing
        from iop4cli.export.plots.apertures import growth_chart
        from iop4cli.pipeline.plotted_frames import frames_of, growth_curves, growth_rows

        view = self.desk.view()
        frames = frames_of(view, Thing("result", name))
        rows = growth_rows(view, frames)
        if rows:
            return rows, growth_chart(rows, growth_curves(view, frames), title=name)
        return (
            "no curve of growth: its frames have too few good stars" if frames
            else "no curve of growth: the frames of this result are not in the store any more"
        )  # fmt: skip

    def got_document(self, answer: tuple[dict[str, Any], str], _tag: Any) -> None:
        document, text = answer
        row = document["result"]
        rows = [
            {"column": name, "value": output.cell(row.get(name)), "unit": column.unit, "meaning": column.text}
            for name, column in RESULTS.items()
        ]
        table = self.query_one(LongTable)
        fill(table, rows)
        self.show_text("history", text)
        self.say(f"{row['source']}  ·  {row['mode']}  ·  {row['band']}  ·  {row['night']}  ·  {self.result_id}")

    def got_modulation(self, answer: Any, _tag: Any) -> None:
        plot = self.query_one(Modulation)
        if isinstance(answer, str):
            plot.say(answer)
        else:
            self._drawn["modulation"] = answer[0]
            plot.show(*answer)

    def got_growth(self, answer: tuple[list[Row], Chart] | str, _tag: Any) -> None:
        plots = self.query_one(Growth)
        if isinstance(answer, str):
            plots.say(answer)
        else:
            self._drawn["growth"] = answer[0]
            plots.show(answer[1])

    # Out of here.

    @property
    def _plot(self) -> str:
        """Which plot is seen, by the name that `iop4 plot` has for it; empty for other tabs."""
        name = self.query_one(TabbedContent).active.removeprefix("tab-")
        return name if name in {"modulation", "growth"} else ""

    def equivalent(self) -> list[str]:
        return ["plot", self._plot, self.result_id] if self._plot else ["show", self.result_id]

    def suggested_file(self) -> str:
        return f"{self._plot}.csv" if self._plot else super().suggested_file()

    def exporter(self, path: Path) -> Callable[[], str]:
        from iop4cli.tui.exporting import write_rows

        if not self._plot:
            return super().exporter(path)
        if self._plot not in self._drawn:
            raise UsageError("nothing is drawn here, so there is nothing to export")
        return partial(write_rows, path, answer_of(self._drawn[self._plot]))
