"""What is told to those who add to the program, and to those who cite it, is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import iop4cli

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def citation() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    return found


def test_every_file_that_contributing_names_is_there() -> None:
    linked = set(re.findall(r"\]\(([^)]+)\)", GUIDE))
    said = set(re.findall(r"`((?:src|tests|share)/[\w./]+)`", GUIDE))
    missing = [path for path in linked | said if not (ROOT / path).exists()
               and not re.search(r"\b(VERB|STEP)\b", path.replace("_", " "))]  # fmt: skip
    assert len(linked) > 15 and missing == []


def test_every_target_of_make_that_contributing_names_is_there() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    commands = re.findall(r"^ {4}make (\w+)|`make ([\w ]+)`|; make (\w+):", GUIDE, re.MULTILINE)
    named = {word for found in commands for words in found for word in words.split()}
    assert len(named) >= 5 and named <= targets


def test_rooms_that_contributing_names_are_there() -> None:
    rooms = set(re.findall(r"`(\w+)/`", GUIDE)) - {"instruments"}
    assert [room for room in rooms if not (Path(iop4cli.__file__).parent / room).is_dir()] == []


def test_the_citation_is_of_this_program(citation: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == project["version"] == iop4cli.__version__
    assert citation["license"] == project["license"] and citation["keywords"] == project["keywords"]
    assert citation["authors"] == project["authors"]


def test_the_citation_has_what_its_format_asks_for(citation: dict[str, Any]) -> None:
    """Citation File Format 1.2.0: the keys that must be there, and no others than it knows."""
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software"
    assert {"message", "title", "authors"} <= citation.keys()
    known = {"cff-version", "message", "type", "title", "abstract", "authors", "version", "license", "keywords",
             "references"}  # fmt: skip
    assert citation.keys() <= known
    for reference in citation["references"]:
        assert {"type", "title", "authors"} <= reference.keys()
        assert all(
            "name" in author or {"family-names", "given-names"} <= author.keys() for author in reference["authors"]
        )


def test_the_predecessor_is_cited_as_the_references_have_it(citation: dict[str, Any]) -> None:
    entry = re.search(
        r"@article\{EscuderoPedrosa2024,(.*?)\n\}", (ROOT / "share/references/references.bib").read_text(), re.DOTALL
    )
    assert entry is not None
    paper = citation["references"][0]
    said = dict(re.findall(r"^  (\w+) = \{(.*)\},$", entry[1], re.MULTILINE))
    assert (str(paper["year"]), str(paper["volume"]), paper["start"]) == (said["year"], said["volume"], said["pages"])
    assert paper["title"] == said["title"].replace("{", "").replace("}", "")
    assert len(paper["authors"]) == said["author"].count(" and ") + 1
