"""The guide speaks of what is there: verbs, options, columns, messages and functions."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from documented_lines import ROOT, Playground, pages
from small_archives import SmallArchive

from iop4cli.app import VERBS
from iop4cli.archive.columns import column_of
from iop4cli.archive.layout import FOLDERS
from iop4cli.archive.queries import described_tables
from iop4cli.archive.store import Store
from iop4cli.frames.quality import MEANING, Quality
from iop4cli.pipeline.steps import STEP_NAMES, step_named
from iop4cli.reference import described
from iop4cli.shell.config import GENERAL, variable_of

GUIDE = ROOT / "share/doc"
MAN = ROOT / "share/man/man1"


def in_roff(text: str) -> str:
    escapes = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"}
    return "".join(escapes.get(character, character) for character in text)


def page_of(verb: str) -> str:
    return (MAN / f"iop4-{verb}.1").read_text(encoding="utf-8")


def test_every_verb_has_a_man_page_with_its_subcommands_and_options() -> None:
    assert {path.name for path in MAN.iterdir()} == {"iop4.1", *(f"iop4-{verb.name}.1" for verb in VERBS)}
    for command in described():
        page = page_of(command.words[0])
        assert command.has_subcommands or in_roff(command.usage) in page
        for names, takes, _ in command.options:
            assert in_roff(f"{', '.join(names)} {takes}".strip()) in page, f"{command.words}: {names}"
        for line in command.examples:
            assert in_roff(line) in page, line


def test_every_verb_has_three_examples_and_every_subcommand_and_argument_is_explained() -> None:
    for command in described():
        assert len(command.epilog_lines) >= 3, command.words
        assert command.examples, f"{command.words} has no example"
        for argument in command.arguments:
            assert argument.help, f"{command.words} {argument}"


def test_man_pages_tell_every_parameter_setting_and_folder() -> None:
    for step in STEP_NAMES:
        for parameter in step_named(step).parameters:
            assert f"\n\\fB{in_roff(parameter.name)}\\fR\n" in page_of(step)
    top = (MAN / "iop4.1").read_text(encoding="utf-8")
    for said in (*(variable_of(setting.name) for setting in GENERAL), *(f"{name}/" for name in FOLDERS)):
        assert f"\n\\fB{in_roff(said)}\\fR\n" in top


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_man_pages_are_roff_without_a_warning() -> None:
    for path in sorted(MAN.iterdir()):
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", path], capture_output=True, text=True, check=True)
        assert done.stderr == "", path.name
        assert "SEE ALSO" in re.sub(r"\x1b\[\d*m|.\x08", "", done.stdout), path.name


def test_every_table_and_column_is_explained(tmp_path: Path) -> None:
    store = Store(tmp_path / "iop4.duckdb")
    store.create()
    text = (GUIDE / "columns.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    for table, columns in described_tables(store).items():
        for name, _ in columns:
            said = column_of(table, name)
            assert said is not None and said.text, f"{table}.{name} is not described in archive/columns.py"
            assert f"| `{name}` |" in sections[table]
    assert set(MEANING) == set(Quality)


@cache
def literals() -> str:
    """Every text in the program, one a line; what is put into one when it runs is NUL."""
    found = []
    for path in sorted((ROOT / "src/iop4cli").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body and isinstance(node.body[0], ast.Expr)
        }  # fmt: skip
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                found.append(node.value)
    return "\n".join(text.replace("\n", " ") for text in found)


MESSAGES = re.findall(r"^### `(.*)`$", (GUIDE / "troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("message", MESSAGES)
def test_every_message_that_is_explained_is_one_that_the_program_says(message: str) -> None:
    parts = [re.escape(part) for part in message.split("...")]
    assert re.search(".*".join(parts).removeprefix(".*").removesuffix(".*"), literals()), message


def test_there_are_messages_and_a_message_of_nobody_is_noticed() -> None:
    assert len(MESSAGES) > 25
    assert not re.search("the dome is on fire", literals())


def test_every_function_that_the_mathematics_names_is_there() -> None:
    text = (GUIDE / "mathematics.md").read_text(encoding="utf-8")
    named = re.findall(r"`(iop4cli\.science\.\w+)\.(\w+)`", text)
    assert len(named) > 40
    for module, function in named:
        assert callable(getattr(import_module(module), function, None)), f"{module}.{function}"
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        assert "`iop4cli.science." in section, section.splitlines()[0]


def test_links_of_the_guide_lead_somewhere() -> None:
    index = (GUIDE / "README.md").read_text(encoding="utf-8")
    for page in GUIDE.glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index, f"{page.name} is not in the index"
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_long_options_in_the_guide_are_those_of_some_verb() -> None:
    known = {name for command in described() for names, _, _ in command.options for name in names} | {"--version"}
    for page in pages():
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= known, page.name


@pytest.mark.night
def test_what_examples_take_for_granted_is_declared(small_archive: SmallArchive, tmp_path: Path) -> None:
    said = (GUIDE / "README.md").read_text(encoding="utf-8")
    for stand_in in Playground(small_archive, tmp_path).stand_ins:
        assert stand_in in said
