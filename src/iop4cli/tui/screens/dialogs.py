"""Small windows: one line of text, a choice, text to read, yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList, SelectionList, Static
from textual.widgets.option_list import Option
from textual.widgets.selection_list import Selection

_CLOSE: list[BindingType] = [Binding("escape", "leave", "Close")]


class TextDialog(ModalScreen[str | None]):
    """Asks for one line; None if the person leaves."""

    BINDINGS: ClassVar[list[BindingType]] = _CLOSE

    def __init__(self, question: str, value: str = "", hint: str = "") -> None:
        super().__init__()
        self.question, self.value, self.hint = question, value, hint

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Label(self.question, markup=False)
            yield Input(self.value, select_on_focus=False, classes="takes-keys")
            yield Label(self.hint or "Enter: take it, Esc: leave", classes="hint", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())

    def action_leave(self) -> None:
        self.dismiss(None)


class ChoiceDialog(ModalScreen[str | None]):
    """Asks for one of some names."""

    BINDINGS: ClassVar[list[BindingType]] = _CLOSE

    def __init__(self, question: str, names: Sequence[str], chosen: str = "") -> None:
        super().__init__()
        self.question, self.names, self.chosen = question, tuple(names), chosen

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Label(self.question, markup=False)
            yield OptionList(*(Option(name) for name in self.names), markup=False, classes="takes-keys")
            yield Label("Enter: take it, Esc: leave", classes="hint")

    def on_mount(self) -> None:
        if self.chosen in self.names:
            self.query_one(OptionList).highlighted = self.names.index(self.chosen)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.names[event.option_index])

    def action_leave(self) -> None:
        self.dismiss(None)


class ColumnsDialog(ModalScreen[tuple[str, ...] | None]):
    """Asks which columns are shown; they keep their order, those shown before come first."""

    BINDINGS: ClassVar[list[BindingType]] = [*_CLOSE, Binding("enter", "take", "Take", priority=True)]

    def __init__(self, columns: Sequence[str], shown: Sequence[str]) -> None:
        super().__init__()
        self.columns = (*shown, *(name for name in columns if name not in shown))
        self.shown = tuple(shown)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Label("Columns")
            yield SelectionList[str](*(Selection(name, name, name in self.shown) for name in self.columns))
            yield Label("space: show or hide, Enter: take it, Esc: leave", classes="hint")

    def action_take(self) -> None:
        chosen = set(self.query_one(SelectionList).selected)
        self.dismiss(tuple(name for name in self.columns if name in chosen) or self.shown)

    def action_leave(self) -> None:
        self.dismiss(None)


class Notice(ModalScreen[None]):
    """Text to read."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,enter,c", "leave", "Close")]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self.heading, self.text = title, text

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Label(self.heading, classes="title", markup=False)
            with VerticalScroll():
                yield Static(self.text, id="text", markup=False)
            yield Label("Esc: close", classes="hint")

    def action_leave(self) -> None:
        self.dismiss(None)


class YesNo(ModalScreen[bool]):
    """Asks yes or no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"), Binding("n,escape", "answer(False)", "No"),
    ]  # fmt: skip

    def __init__(self, question: str) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Label(self.question, markup=False)
            yield Label("y: yes, n: no", classes="hint")

    def action_answer(self, said: bool) -> None:
        self.dismiss(said)
