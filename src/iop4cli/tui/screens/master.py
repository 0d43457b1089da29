"""One master: its history, itself beside those of other nights, its image."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static, TabbedContent, TabPane

from iop4cli.errors import UsageError
from iop4cli.tui.asking import ask
from iop4cli.tui.documents import document_text
from iop4cli.tui.picture import read_master_picture
from iop4cli.tui.screens.tabbed import TABS_HELP, TabbedScreen, answer_of
from iop4cli.tui.trends import MASTER_QUANTITIES, master_trend
from iop4cli.tui.widgets.image import FrameImage
from iop4cli.tui.widgets.trend import Trend

if TYPE_CHECKING:
    from iop4cli.tui.picture import Picture
    from iop4cli.tui.trends import Trending


class MasterScreen(TabbedScreen):
    """Everything about a master."""

    mode = "masters"
    about = (
        "A master as `iop4 show` tells it; its numbers beside those of the same camera, geometry, band and angle in "
        "other nights, which is what it is judged by (those that are not accepted are crosses and do not set the "
        "scale); and the master itself (+ - zoom, arrows move, 0 shows the whole, t changes the stretch). " + TABS_HELP
    )

    def __init__(self, name: str, kind: str) -> None:
        super().__init__()
        self.master, self.kind = name, kind
        self._rows: list[dict[str, Any]] = []

    def compose_body(self) -> ComposeResult:
        with TabbedContent():
            with TabPane("History", id="tab-history"), VerticalScroll():
                yield Static("reading…", id="text-history", markup=False)
            with TabPane("Trend", id="tab-trend"):
                yield Trend(MASTER_QUANTITIES[self.kind])
            with TabPane("Image", id="tab-image"):
                yield FrameImage()

    def load(self) -> None:
        name, n_columns = self.master, self.n_columns
        self._tell()
        ask(self, "document", lambda: document_text(self.desk, "master", name, n_columns))
        ask(self, "trend", lambda: master_trend(self.desk.view(), name))

    def got_document(self, answer: tuple[dict[str, Any], str], _tag: Any) -> None:
        document, text = answer
        self.show_text("history", text)
        path = document["master"]["path"]
        if path:
            file = self.desk.layout.root / path
            ask(self, "picture", lambda: read_master_picture(file))
        else:
            self.query_one(FrameImage).say("no image: this master was not made; its history says why")

    def got_trend(self, answer: Trending, _tag: Any) -> None:
        self._rows, title = answer
        self.query_one(Trend).show(self._rows, title)

    def got_picture(self, picture: Picture, _tag: Any) -> None:
        image = self.query_one(FrameImage)
        if image.picture is None or image.picture.file != picture.file:
            image.show(picture, ())

    def refuse(self, kind: str, reason: str) -> None:
        if kind == "picture":
            self.query_one(FrameImage).say(f"no image: {reason}")
        else:
            super().refuse(kind, reason)

    def on_frame_image_moved(self, _event: FrameImage.Moved) -> None:
        self._tell()

    def on_tabbed_content_tab_activated(self) -> None:
        self._tell()

    def _tell(self) -> None:
        """In the line below what is seen of the image, else which master this is."""
        image = self.query_one(FrameImage)
        seen = self._tab == "tab-image" and image.picture is not None
        self.say(image.described if seen else self.master)

    @property
    def _tab(self) -> str:
        return self.query_one(TabbedContent).active

    def exporter(self, path: Path) -> Callable[[], str]:
        from iop4cli.tui.exporting import write_rows

        if self._tab == "tab-trend":
            return partial(write_rows, path, answer_of(self._rows))
        if self._tab == "tab-image":
            raise UsageError("the image is a file of its own: the history names it")
        return super().exporter(path)

    def suggested_file(self) -> str:
        return "masters.csv" if self._tab == "tab-trend" else super().suggested_file()

    def equivalent(self) -> list[str]:
        if self._tab != "tab-trend" or not self._rows:
            return ["show", self.master]
        this = next(row for row in self._rows if row["is_this"])
        band = ["--band", this["band"]] if this["band"] else []
        return ["plot", "masters", "--kind", self.kind, "--instrument", this["instrument"], *band]
