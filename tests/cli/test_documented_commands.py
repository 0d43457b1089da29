"""Every command line of README.md, of the guide and of the help does what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from documented_lines import NOT_RUN, Line, Playground, lines, parse, prepare, spans, unknown_words
from small_archives import SmallArchive

# The same line of two pages is run once.
RUN = list({line.text: line for line in lines() if not line.why_not_run}.values())


@pytest.mark.parametrize("line", lines(), ids=str)
def test_every_command_line_can_be_read(line: Line) -> None:
    for words in line.commands():
        parse(words)


@pytest.mark.parametrize("line", spans(), ids=str)
def test_commands_in_sentences_have_a_verb_and_options_that_are_there(line: Line) -> None:
    for words in line.commands():
        assert unknown_words(words) == []


def test_what_is_not_run_is_still_in_the_documentation() -> None:
    unused = [begins for begins in NOT_RUN if not any(begins in line.text for line in lines())]
    assert unused == []


@pytest.fixture(scope="module")
def prepared(small_archive: SmallArchive, module_folder: Callable[[str], Path]) -> SmallArchive:
    archive = small_archive.copy(module_folder("prepared") / "archive")
    prepare(archive)
    return archive


@pytest.mark.night
@pytest.mark.parametrize("line", RUN, ids=str)
def test_every_command_line_does_what_it_says(line: Line, prepared: SmallArchive, tmp_path: Path) -> None:
    done = Playground(prepared, tmp_path).run(line)
    assert done.returncode == 0, f"{line.text}\nexit code {done.returncode}\n{done.stderr}"
