"""One frame: its image with apertures, header, place on the sky, quality, history."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, Static, TabbedContent, TabPane

from iop4cli.errors import UsageError
from iop4cli.tui.asking import ask
from iop4cli.tui.documents import document_text, frame_texts
from iop4cli.tui.picture import read_picture
from iop4cli.tui.screens.tabbed import TABS_HELP, TabbedScreen, fill
from iop4cli.tui.widgets.dots import Circle
from iop4cli.tui.widgets.image import FrameImage
from iop4cli.tui.widgets.long_table import LongTable

if TYPE_CHECKING:
    from iop4cli.tui.picture import Picture

_TEXTS = ("sky", "apertures", "quality", "history")


class FrameScreen(TabbedScreen):
    """Everything about a frame."""

    mode = "frames"
    about = (
        """A frame: the reduced image, else the raw one. + - zoom, arrows move, 0 shows the whole, t changes the \
stretch, a shows or hides the apertures, b blinks the places of the ordinary and the extraordinary beam. The other \
tabs have the header (/ searches it), the WCS, the apertures, the quality and the history that `iop4 show` tells. \
"""
        + TABS_HELP
    )

    BINDINGS: ClassVar[list[BindingType]] = [Binding("slash", "search", "Search the header", show=False)]

    def __init__(self, name: str) -> None:
        super().__init__()
        self.frame_name = name
        self._picture: Picture | None = None
        self._circles: list[Circle] | None = None

    def compose_body(self) -> ComposeResult:
        with TabbedContent():
            with TabPane("Image", id="tab-image"):
                yield FrameImage()
            with TabPane("Header", id="tab-header"):
                yield Input(placeholder="search the header", id="search", compact=True)
                yield LongTable("number", ("keyword", "value", "comment"))
            for name in _TEXTS:
                with TabPane(name.capitalize(), id=f"tab-{name}"), VerticalScroll():
                    yield Static("reading…", id=f"text-{name}", markup=False)

    def load(self) -> None:
        name, n_columns = self.frame_name, self.n_columns

        def read() -> tuple[dict[str, Any], dict[str, str]]:
            document, text = document_text(self.desk, "frame", name, n_columns)
            return document, {**frame_texts(document, n_columns), "history": text}

        self.say(f"{name}: reading…")
        ask(self, "document", read)

    def got_document(self, answer: tuple[dict[str, Any], dict[str, str]], _tag: Any) -> None:
        document, texts = answer
        for name, text in texts.items():
            self.show_text(name, text)
        self._circles = [
            Circle(row["x_px"], row["y_px"], row["radius_px"], row["source"], row["beam"])
            for row in document["apertures"]
            if row["x_px"] is not None and row["radius_px"] is not None
        ]
        layout, reduced = self.desk.layout, document["reduced"]
        path = layout.root / reduced["path"] if reduced and reduced["path"] else None
        raw = layout.raw_frame(self.frame_name)
        if self._picture is None:
            ask(self, "picture", lambda: read_picture(path, raw))
        else:
            image = self.query_one(FrameImage)
            image.circles = self._circles
            self.say(image.described)

    def refuse(self, kind: str, reason: str) -> None:
        if kind == "picture":
            self.say(self.frame_name)
            self.query_one(FrameImage).say(f"no image: {reason}")
        else:
            super().refuse(kind, reason)

    def got_picture(self, picture: Picture, _tag: Any) -> None:
        self._picture = picture
        image = self.query_one(FrameImage)
        image.show(picture, self._circles or [])
        image.focus()
        self._show_cards("")

    def _show_cards(self, wanted: str) -> None:
        cards = self._picture.cards if self._picture else []
        rows = [
            {"number": number, "keyword": card.keyword, "value": card.value, "comment": card.comment}
            for number, card in enumerate(cards)
            if wanted.lower() in f"{card.keyword} {card.value} {card.comment}".lower()
        ]
        fill(self.query_one(LongTable), rows)

    def on_frame_image_moved(self, event: FrameImage.Moved) -> None:
        self.say(event.image.described)

    def on_input_changed(self, event: Input.Changed) -> None:
        self._show_cards(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.query_one(LongTable).focus()

    def action_search(self) -> None:
        self.query_one(TabbedContent).active = "tab-header"
        self.query_one("#search").focus()

    def exporter(self, path: Path) -> Callable[[], str]:
        if self.query_one(TabbedContent).active == "tab-image" and self._picture is not None:
            raise UsageError(f"the image is in the file {self._picture.file}: other tabs can be exported")
        return super().exporter(path)

    def equivalent(self) -> list[str]:
        return ["show", self.frame_name]
