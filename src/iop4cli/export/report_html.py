"""A report as one HTML file that needs nothing else: no scripts, no outside resources."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

from iop4cli.export.report_page import DASH, Block, Drawing, Heading, Listing, Numbers, Page, Paragraph, Table, clean
from iop4cli.export.report_style import STYLE

_LONGEST_WORD = 24


def html(pages: Sequence[Page], *, drawings: bool = True) -> str:
    """The whole file; without `drawings` small enough for mail programs, many of which drop inline SVG anyway."""
    title = _text(", ".join(page.title for page in pages))
    body = "\n".join(_article(page, f"n{number}", drawings) for number, page in enumerate(pages))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        # Even if something slipped through: nothing may run, nothing may be loaded.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _article(page: Page, prefix: str, drawings: bool) -> str:
    parts = [f"<h1>{_text(page.title)}</h1>", f'<p class="lead {page.lead.tone}">{_text(page.lead.text)}</p>']
    number = 0
    for is_drawing, group in groupby(page.blocks, key=lambda block: isinstance(block, Drawing)):
        if not is_drawing:
            parts += [_block(block) for block in group]
        elif drawings:
            figures = []
            for block in group:
                figures.append(_figure(block, f"{prefix}d{number}"))
                number += 1
            parts.append(f'<div class="drawings">\n{"".join(figures)}</div>')
    return "<article>\n" + "\n".join(parts) + "\n</article>"


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{_text(text)}</h2>"
        case Paragraph(text, tone):
            return f'<p class="{tone}">{_text(text)}</p>' if tone else f"<p>{_text(text)}</p>"
        case Numbers(items):
            tiles = "".join(f"<div><b>{_text(number)}</b> <span>{_text(what)}</span></div>" for number, what in items)
            return f'<div class="numbers">{tiles}</div>'
        case Listing(items, tone):
            shown = "".join(f"<li>{_text(item)}</li>" for item in items)
            return f'<ul class="{tone}">{shown}</ul>' if tone else f"<ul>{shown}</ul>"
        case Table():
            return _table(block)
        case Drawing():
            return ""


def _figure(block: Block, prefix: str) -> str:
    assert isinstance(block, Drawing)
    caption = _text(block.caption)
    return f"<figure>{block.draw(prefix)}<figcaption>{caption}</figcaption></figure>\n"


def _table(block: Table) -> str:
    kinds = ["number" if name in block.numeric else "" for name in block.columns]
    head = "".join(_cell("th", kind, 'scope="col"', name) for name, kind in zip(block.columns, kinds, strict=True))
    rows = []
    for number, row in enumerate(block.rows):
        cells = "".join(
            # On a phone a row is a card, and each cell bears its column's name.
            _cell("td", _kinds(cell, kind), f'data-name="{_text(name)}"', cell)
            for cell, name, kind in zip(row, block.columns, kinds, strict=True)
        )
        marked = ' class="marked"' if number in block.marked else ""
        rows.append(f"<tr{marked}>{cells}</tr>\n")
    inner = f"<thead><tr>{head}</tr></thead>\n<tbody>\n{''.join(rows)}</tbody>"
    return f'<div class="table"><table>\n{inner}\n</table></div>'


def _cell(tag: str, kind: str, attribute: str, text: str) -> str:
    named = f' class="{kind}"' if kind else ""
    return f"<{tag} {attribute}{named}>{_text(text)}</{tag}>"


def _kinds(cell: str, kind: str) -> str:
    """Long names may be broken anywhere, short ones nowhere; on a phone prose has lines of its own."""
    if cell == DASH:
        return f"{kind} unknown".strip()
    long = "long" if max(map(len, cell.split()), default=0) > _LONGEST_WORD else ""
    prose = "prose" if len(cell) > _LONGEST_WORD and not kind else ""
    return " ".join(filter(None, (kind, prose, long)))


def _text(text: str) -> str:
    return escape(clean(text), quote=True)
