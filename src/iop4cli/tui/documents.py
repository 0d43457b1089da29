"""What `iop4 show` says, as text for a pane of so many columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iop4cli.shell import output

if TYPE_CHECKING:
    from iop4cli.tui.desk import Desk


def document_text(desk: Desk, kind: str, name: str, n_columns: int) -> tuple[dict[str, Any], str]:
    """The whole history of a thing, as nested values and as text with ANSI colours; for threads."""
    from iop4cli.archive.lineage import Thing
    from iop4cli.commands.showing import show_document
    from iop4cli.pipeline.lineage import document_of

    document = document_of(desk.view(), Thing(kind, name))
    with output.kept(n_columns) as parts:
        show_document(document)
    return document, "".join(parts)


def frame_texts(document: dict[str, Any], n_columns: int) -> dict[str, str]:
    """Place on the sky, apertures and quality of a frame, each as text."""
    from iop4cli.shell import page

    texts = {}
    with output.kept(n_columns) as parts:
        for wcs in document["wcs"]:
            page.heading(f"Beam {wcs['beam']}")
            page.pairs({name: value for name, value in wcs.items() if name not in {"frame", "beam"}})
        if not document["wcs"]:
            page.text("not solved: the history says why")
    texts["sky"] = "".join(parts)
    with output.kept(n_columns) as parts:
        _apertures(document)
    texts["apertures"] = "".join(parts)
    with output.kept(n_columns) as parts:
        _quality(document)
    texts["quality"] = "".join(parts)
    return texts


def _apertures(document: dict[str, Any]) -> None:
    from iop4cli.shell import page, words

    rows = [
        {
            "source": row["source"], "beam": row["beam"], "x_px": words.number(row["x_px"], 1),
            "y_px": words.number(row["y_px"], 1), "radius": words.number(row["radius_px"], 1),
            "fwhm": words.number(row["fwhm_px"], 2), "flux_e": words.measured(row["flux_e"], row["flux_err_e"], 0),
            "sky_e": words.number(row["background_e"], 1), "offset": words.number(row["offset_px"], 2),
        }
        for row in document["apertures"]
    ]  # fmt: skip
    if rows:
        page.table(rows, tuple(rows[0]), indent=0)
    else:
        page.text("nothing was measured on this frame: the history says why")


def _quality(document: dict[str, Any]) -> None:
    from iop4cli.frames.quality import MEANING
    from iop4cli.shell import page

    reduced = document["reduced"] or {}
    page.pairs(
        {
            "saturated pixels": reduced.get("n_saturated"), "bad pixels": reduced.get("n_bad"),
            "level (electrons)": reduced.get("level_e"), "masters": reduced.get("master_notes"),
        }
    )  # fmt: skip
    for row in document["apertures"]:
        said = [text for bit, text in MEANING.items() if (row["bits"] or 0) & bit]
        page.heading(f"{row['source']}, beam {row['beam']}")
        for text in said or ["nothing to remark"]:
            page.text(text)
