"""Frames: what each is, how far it has come, and why not farther."""

from __future__ import annotations

from iop4cli.archive.listings import FRAMES
from iop4cli.tui.screens.list_screen import FILTER_HELP, ListScreen
from iop4cli.tui.widgets.long_table import LongTable


class FramesScreen(ListScreen):
    """A row for each frame."""

    mode = "frames"
    about = f"""Frames, with the step that each has come to, or in which it failed, and the reason. Enter opens a \
frame: its image, header, place on the sky, apertures and history.

{FILTER_HELP}"""

    def __init__(self) -> None:
        super().__init__(FRAMES)

    def set_filter(self, text: str) -> None:
        # Of one night the names differ in the file alone, and the room is short.
        long, short = ("filename", "name") if text.startswith("epoch=") else ("name", "filename")
        self.table.set_columns([long if name == short else name for name in self.table.columns])
        super().set_filter(text)

    def equivalent(self) -> list[str]:
        row = self.table.row
        return ["show", str(row["name"])] if row else ["status", "--why"]

    def on_long_table_chosen(self, event: LongTable.Chosen) -> None:
        from iop4cli.tui.screens.frame import FrameScreen

        self.app.push_screen(FrameScreen(str(event.row["name"])))
