"""Results as a table of LaTeX that needs booktabs, and longtable where it is longer than a page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from iop4cli.archive.store import Answer
from iop4cli.export.column_types import TypedColumn, typed_columns
from iop4cli.export.printed_cells import DIGITS, printed_columns
from iop4cli.export.text_escapes import escaped

N_ON_A_PAGE = 50
_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "`": r"\textasciigrave{}", "[": "{[}", "]": "{]}", "*": "{*}", '"': r"\char34{}",
    "'": r"\char39{}",
}  # fmt: skip
_NUMBER = re.compile(r"-?\d[\d.]*(e[-+]\d+)?")
_EXPONENT = re.compile(r"e([-+]\d+)$")


def latex_bytes(answer: Answer, meta: Mapping[str, Any]) -> bytes:
    """A table to be read by `input`; `meta` is in comments before it, numbers are rounded as DIGITS says."""
    columns = typed_columns(answer)
    comments = "".join(f"% {name}: {escaped(_text(value))}\n" for name, value in {**meta, "digits": DIGITS}.items())
    needs = "% \\usepackage{booktabs}" + (",longtable" if len(answer.rows) > N_ON_A_PAGE else "") + "\n"
    return (comments + needs.replace("booktabs},longtable", "booktabs,longtable}") + _table(columns)).encode("utf-8")


def _table(columns: list[TypedColumn]) -> str:
    spec = "".join("l" if column.kind == "text" else "r" for column in columns)
    names = " & ".join(latex_text(column.name) for column in columns) + r" \\"
    units = " & ".join(latex_text(f"({column.unit})" if column.unit else "") for column in columns) + r" \\"
    head = ["\\toprule", names, units, "\\midrule"]
    printed = [
        [latex_text(cell) if column.kind == "text" else _number(cell) for cell in cells]
        for column, cells in zip(columns, printed_columns(columns), strict=True)
    ]
    rows = [" & ".join(row) + r" \\" for row in zip(*printed, strict=True)]
    if len(rows) > N_ON_A_PAGE:
        lines = [f"\\begin{{longtable}}{{{spec}}}", *head, "\\endhead", "\\bottomrule", "\\endfoot", *rows]
        return "\n".join([*lines, "\\end{longtable}"]) + "\n"
    lines = [f"\\begin{{tabular}}{{{spec}}}", *head, *rows, "\\bottomrule", "\\end{tabular}"]
    return "\n".join(lines) + "\n"


def latex_text(text: str) -> str:
    """Text of which nothing is a command, a ligature or an optional argument of the line before."""
    plain = "".join(_SPECIAL.get(letter, letter) for letter in escaped(text))
    return re.sub("-(?=-)", "-{}", plain)


def _number(cell: str) -> str:
    if not _NUMBER.fullmatch(cell):
        return latex_text(cell)
    powered = _EXPONENT.sub(lambda found: rf"\times10^{{{int(found[1])}}}", cell)
    return f"${powered}$" if powered != cell or cell.startswith("-") else cell


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
