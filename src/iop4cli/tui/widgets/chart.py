"""The finding chart of a source, as an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from iop4cli.tui.widgets.image import FrameImage

if TYPE_CHECKING:
    from iop4cli.tui.finding import FindingChart


class ChartImage(FrameImage):
    """North is up and east to the left; green the source, red its calibrators, blue others of the catalogue."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("a", "circles", "Names")]

    def __init__(self) -> None:
        super().__init__()
        self.chart: FindingChart | None = None

    def show_chart(self, chart: FindingChart) -> None:
        before, self.chart = self.chart, chart
        if before is not None and before.picture is chart.picture and self.picture is not None:
            # What a person has zoomed to stays.
            self.circles = chart.circles
            self.redraw()
        else:
            self.show(chart.picture, chart.circles)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A chart knows no beams."""
        return action != "blink" and super().check_action(action, parameters)

    @property
    def described(self) -> str:
        if self.chart is None:
            return "reading…"
        sight = self._sight()
        wide_arcmin = sight.n_dots[0] * sight.dot_px * self.chart.step_arcsec / 60.0
        return f"north up, east left  ·  {wide_arcmin:.3g}' wide  ·  {self.chart.frame}  ·  {self.stretched}"
