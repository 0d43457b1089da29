"""Adding a folder to `solve.index_path` in a settings file, with every other character of it left as it is."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

from iop4cli.errors import UsageError
from iop4cli.toml_lines import key_lines


def listed(text: str) -> list[str] | None:
    """The folders that a settings file lists, None if it says nothing."""
    said = tomllib.loads(text).get("solve", {}).get("index_path")
    if said is None:
        return None
    return [part for part in said.split(os.pathsep) if part] if isinstance(said, str) else list(said)


def with_folder(text: str, folder: str, before: Sequence[str], file: str) -> str:
    """The text with the folder at the end of its list; `before` are the first ones of a list that begins here.

    Of all ways to write it that which is the same settings and one folder more is taken, so that nothing but the
    list can change.
    """
    tree = tomllib.loads(text)
    wanted: dict[str, Any] = deepcopy(tree)
    known = listed(text)
    table = wanted.setdefault("solve", {})
    as_text = isinstance(table.get("index_path"), str)
    folders = [*(before if known is None else known), folder]
    table["index_path"] = folders
    for candidate in _candidates(text, folder, folders, known is None, as_text):
        try:
            found = tomllib.loads(candidate)
            found["solve"]["index_path"] = listed(candidate)
        except (tomllib.TOMLDecodeError, KeyError, TypeError):
            continue
        if found == wanted:
            return candidate
    raise UsageError(f"{file} cannot be changed without losing something: write index_path = {json.dumps(folders)} "
                     "below its [solve] by hand")  # fmt: skip


def _candidates(text: str, folder: str, folders: Sequence[str], is_new: bool, as_text: bool) -> Iterator[str]:
    lines = text.splitlines(keepends=True)
    places = key_lines(text)
    new_line = f"index_path = {json.dumps(folders, ensure_ascii=False)}\n"
    if is_new:
        if "solve" in places:
            at = places["solve"]
            yield "".join([*lines[: at - 1], lines[at - 1].rstrip("\r\n") + "\n", new_line, *lines[at:]])
        gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        yield f"{text}{gap}[solve]\n{new_line}"
        return
    start = sum(map(len, lines[: places["solve.index_path"] - 1]))
    written = json.dumps(folder, ensure_ascii=False)
    if as_text:
        for mark in "\"'":
            for at in _places_of(mark, text, start):
                yield f"{text[:at]}{os.pathsep if len(folders) > 1 else ''}{folder}{text[at:]}"
        return
    for at in _places_of("]", text, start):
        before = text[start:at].rstrip()
        end = start + len(before)
        comma = "" if before.endswith(("[", ",")) else ","
        last_line = before.rpartition("\n")[2]
        if "\n" not in text[start:at]:
            yield f"{text[:end]}{comma}{' ' if comma or before.endswith(',') else ''}{written}{text[end:]}"
        else:
            # A list over several lines gets one more, written like the last; its comment may stand before the comma.
            indent = last_line[: len(last_line) - len(last_line.lstrip())] or "  "
            yield f"{text[:end]}{comma}\n{indent}{written},{text[end:]}"
            yield f"{text[:end]}\n{indent}{written},{text[end:]}"
            yield f"{text[:end]}\n{indent}, {written}{text[end:]}"


def _places_of(mark: str, text: str, start: int) -> Iterator[int]:
    at = text.find(mark, start)
    while at >= 0:
        yield at
        at = text.find(mark, at + 1)
