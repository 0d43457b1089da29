"""On which line of a TOML text each key stands, which tomllib does not tell."""

import re

_BARE_OR_QUOTED = r"(?:[A-Za-z0-9_-]+|\"(?:[^\"\\]|\\.)*\"|'[^']*')"
_DOTTED = rf"{_BARE_OR_QUOTED}(?:\s*\.\s*{_BARE_OR_QUOTED})*"
_TABLE = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]")
_ASSIGNMENT = re.compile(rf"\s*({_DOTTED})\s*=")
_TOKEN = re.compile(
    r"\"\"\"(?:[^\\]|\\.)*?\"{3,5}|'''.*?'{3,5}|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|#[^\n]*|[\[\]{}\n]",
    re.DOTALL,
)


def key_lines(text: str) -> dict[str, int]:
    """Dotted key -> line (from 1) of a *valid* TOML text; an array of tables has rows `name[0]`, `name[1]`.

    Keys inside an inline table or array are not listed: their place is that of the key that holds them.
    """
    lines: dict[str, int] = {}
    table, rows = "", dict[str, int]()
    for number, statement in _statements(text):
        header = _TABLE.match(statement)
        if header:
            table = _with_rows(_parts(header[2]), rows)
            if header[1] == "[[":
                rows[table] = rows.get(table, -1) + 1
                lines.setdefault(table, number)
                table = f"{table}[{rows[table]}]"
            lines.setdefault(table, number)
            continue
        assignment = _ASSIGNMENT.match(statement)
        if assignment:
            key = table
            for part in _parts(assignment[1]):
                key = f"{key}.{part}" if key else part
                lines.setdefault(key, number)
    return lines


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in re.findall(_BARE_OR_QUOTED, dotted)]


def _with_rows(parts: list[str], rows: dict[str, int]) -> str:
    """The dotted name of a table, the newest row of each array of tables above it filled in."""
    name = ""
    for i, part in enumerate(parts):
        name = f"{name}.{part}" if name else part
        if name in rows and i < len(parts) - 1:
            name = f"{name}[{rows[name]}]"
    return name


def _statements(text: str) -> list[tuple[int, str]]:
    """(line number, text) of each statement, which may run over several lines inside brackets or quotes."""
    found: list[tuple[int, str]] = []
    start = depth = 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
        elif mark == "\n" and depth == 0:
            found.append((text.count("\n", 0, start) + 1, text[start : token.start()]))
            start = token.end()
    found.append((text.count("\n", 0, start) + 1, text[start:]))
    return found
