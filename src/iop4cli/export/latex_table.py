"""Results as a table of LaTeX that needs booktabs, and longtable where it is longer than a page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from iop4cli.export.printed_cells import DIGITS, printed_slabs
from iop4cli.export.results_table import ResultsTable
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


def latex_parts(table: ResultsTable, meta: Mapping[str, Any]) -> Iterator[bytes]:
    """A table to be read by `input`; `meta` is in comments before it, numbers are rounded as DIGITS says."""
    is_long = table.n_rows > N_ON_A_PAGE
    comments = "".join(f"% {name}: {escaped(_text(value))}\n" for name, value in {**meta, "digits": DIGITS}.items())
    needs = f"% \\usepackage{{booktabs{',longtable' if is_long else ''}}}\n"
    spec = "".join("l" if column.kind == "text" else "r" for column in table.columns)
    names = " & ".join(latex_text(column.name) for column in table.columns) + r" \\"
    units = " & ".join(latex_text(f"({column.unit})" if column.unit else "") for column in table.columns) + r" \\"
    kind = "longtable" if is_long else "tabular"
    head = [f"\\begin{{{kind}}}{{{spec}}}", "\\toprule", names, units, "\\midrule"]
    # The foot of each page of a long table is said before its rows.
    head += ["\\endhead", "\\bottomrule", "\\endfoot"] if is_long else []
    yield (comments + needs + "\n".join(head) + "\n").encode()
    for rows in printed_slabs(table):
        yield "".join(_line(table, row) for row in rows).encode()
    yield (("" if is_long else "\\bottomrule\n") + f"\\end{{{kind}}}\n").encode()


def _line(table: ResultsTable, row: Sequence[str]) -> str:
    columns = zip(table.columns, row, strict=True)
    return " & ".join(latex_text(cell) if one.kind == "text" else _number(cell) for one, cell in columns) + " \\\\\n"


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
