"""Completions and the reference are what the commands say of themselves."""

import shutil
import subprocess
from pathlib import Path

import pytest

from iop4cli.app import VERBS
from iop4cli.reference import described, made

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("kind", "folder"), [("completions", "completions"), ("docs", "share/doc"), ("man", "share/man/man1")])
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


def completed(line: str) -> list[str]:
    words = line.split(" ")
    script = (
        f"source {ROOT}/completions/iop4.bash; COMP_WORDS=({' '.join(repr(w) for w in words)}); "
        f"COMP_CWORD={len(words) - 1}; _iop4; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_verbs_subcommands_and_options():
    assert set(completed("iop4 ")) >= {verb.name for verb in VERBS}
    assert completed("iop4 clas") == ["classify"]
    assert "import" in completed("iop4 catalog im")
    assert "--dry-run" in completed("iop4 reduce --dr")
    assert completed("iop4 flag add --rea") == ["--reason"]
