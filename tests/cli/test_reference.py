"""Completions and the reference are what the commands say of themselves."""

from pathlib import Path

import pytest

from iop4cli.reference import described, made

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("kind", "folder"), [("completions", "completions"), ("docs", "share/doc"), ("man", "share/man/man1")]
)
def test_what_is_checked_in_is_what_the_commands_say(kind, folder):
    for name, text in made(kind).items():
        stored = (ROOT / folder / name).read_text(encoding="utf-8")
        assert stored == text, f"{folder}/{name} is out of date: run `make docs completions`"


def test_every_verb_and_option_is_in_the_reference():
    text = made("docs")["reference.md"]
    for command in described():
        assert f"## {' '.join(command.words)}" in text
        for names, _, help_text in command.options:
            assert help_text, f"{command.words}: {names} has no help"
