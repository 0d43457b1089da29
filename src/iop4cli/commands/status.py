"""iop4 status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from iop4cli.commands.opening import Opened, open_archive
from iop4cli.shell import messages, output, page
from iop4cli.shell.options import PANEL_HOW, Json, SelectionOptions, takes_options

if TYPE_CHECKING:
    from iop4cli.pipeline.overview import Chosen
    from iop4cli.pipeline.view import View

EPILOG = """Examples:

  iop4 status

  iop4 status --why --since 2022-09-01

  iop4 status --why OSN-T090/2022-09-08/BLLac-0001R0.fit
"""

_COLUMNS = ("night", "frames", "masters", "reduced", "solved", "phot", "groups", "results", "problems", "unclassified")
_ITEMS_SHOWN = 8


@takes_options
def command(
    options: SelectionOptions,
    why: Annotated[
        bool,
        typer.Option(
            "--why",
            rich_help_panel=PANEL_HOW,
            help="List what failed or is impossible, and why; of given frames the masters and each step.",
        ),
    ] = False,
    json: Json = False,
) -> int:
    """Show what is there, what is missing, and why.

    Reads the store and writes nothing. A line for each night: frames, accepted masters, frames reduced,
    solved and measured, polarimetric groups, results, items with problems, files that are not classified. In a
    pipe columns are separated by tabs, under their names. With --why each problem with
    its step and reason; given frames, also for each kind of master which was taken and which were passed
    over, and what each step did.
    """
    from iop4cli.archive.selection import nights_selected
    from iop4cli.pipeline.overview import Chosen
    from iop4cli.pipeline.view import View
    from iop4cli.shell.arguments import selection_of

    opened = open_archive(options)
    selection = selection_of(options)
    surroundings = opened.surroundings()
    view = View(opened.store, surroundings, nights_selected(selection, opened.store, surroundings.registry))
    chosen = Chosen(view, selection)
    if why:
        return _why(view, chosen, as_json=json)
    return _counts(opened, view, chosen, as_json=json)


def _counts(opened: Opened, view: View, chosen: Chosen, *, as_json: bool) -> int:
    from iop4cli.pipeline.overview import night_counts

    rows = night_counts(view, chosen)
    waiting = chosen.unclassified()
    if as_json:
        for row in rows:
            output.json_row(row)
    elif output.is_terminal():
        if rows:
            columns = _COLUMNS if waiting else _COLUMNS[:-1]
            page.table([{**row, "night": row["name"]} for row in rows], columns, indent=0)
    else:
        output.table([{**row, "night": row["name"]} for row in rows], _COLUMNS)
    _notices(opened, rows, waiting)
    return 0


def _notices(opened: Opened, rows: list[dict[str, Any]], waiting: list[str]) -> None:
    if not rows:
        messages.notice(f"{opened.layout.root} holds no frames yet: `iop4 fetch FILES` brings them in")
    if waiting:
        messages.notice(f"{len(waiting)} files in raw/ are not classified yet: `iop4 run`, or `iop4 classify`")
    n_problems = sum(row["problems"] for row in rows)
    if n_problems:
        messages.notice(
            f"{n_problems} item{'s have' if n_problems > 1 else ' has'} problems: `iop4 status --why` tells"
        )


def _why(view: View, chosen: Chosen, *, as_json: bool) -> int:
    from iop4cli.pipeline.overview import troubles

    if chosen.named:
        for name in sorted(chosen.named):
            _one_frame(view, name, as_json=as_json)
        return 0
    found = troubles(view, chosen)
    if as_json:
        for row in found:
            output.json_row({name: row[name] for name in ("name", "step", "status", "reason", "updated")})
    elif output.is_terminal():
        _by_reason(found)
    else:
        output.table(found, ("step", "status", "name", "reason"))
    waiting = chosen.unclassified()
    if waiting:
        messages.notice(f"{len(waiting)} files in raw/ are not classified yet: `iop4 classify`")
    if not found:
        messages.notice("no problems are on record; `iop4 run --dry-run` says what is due")
    return 0


def _by_reason(troubles: list[dict[str, Any]]) -> None:
    """Twenty frames with one trouble are one paragraph."""
    from iop4cli.archive.troubles import grouped

    found = grouped(troubles)
    for trouble in found.by_reason:
        names = trouble.names
        said = "done, but" if trouble.status == "done" else trouble.status
        page.heading(f"{trouble.step}: {said}" + (f", {len(names)} items" if len(names) > 1 else ""))
        page.text(trouble.reason, style="" if trouble.status == "done" else trouble.status)
        for name in names[:_ITEMS_SHOWN]:
            page.text(name, indent=4)
        if len(names) > _ITEMS_SHOWN:
            page.text(f"... and {len(names) - _ITEMS_SHOWN} more", indent=4, style="dim")
    if found.blocked:
        page.heading("blocked, for an earlier step has made nothing of them")
        page.table(
            [{"name": name, "not done": ", ".join(steps)} for name, steps in found.blocked.items()],
            ("name", "not done"),
        )


def _one_frame(view: View, name: str, *, as_json: bool) -> None:
    from iop4cli.archive.lineage import items_of_frame, masters_with
    from iop4cli.archive.queries import item_rows
    from iop4cli.commands.showing_masters import show_masters
    from iop4cli.pipeline.lineage import history, masters_of

    frame = view.frames.get(name)
    steps = history(item_rows(view.store, items_of_frame(view.store, name)))
    masters = [] if frame is None else masters_of(view, frame)
    part_of = masters_with(view.store, name)
    if as_json:
        status = "unclassified" if frame is None else frame["status"]
        output.json_row({"name": name, "status": status, "steps": steps, "masters": masters, "part_of": part_of})
        return
    page.heading(name)
    if frame is None:
        page.text("not classified yet: `iop4 classify`")
    else:
        page.text(frame_in_words(frame))
    if steps:
        show_steps(steps, name)
    for one in part_of:
        left_out = "" if one["used"] else f", left out: {one['reason']}"
        page.text(f"part of {one['master']}{left_out}", style="" if one["used"] else "warning")
    show_masters(masters)


def frame_in_words(frame: dict[str, Any]) -> str:
    """What a frame is, in one line."""
    if frame["status"] != "done":
        return f"{frame['status']}: {frame['reason']}"
    said = [frame["instrument"]]
    if frame["kind"] == "light":
        said.append("polarimetry" if frame["mode"] == "pol" else "photometry")
    said += [f"band {frame['band']}"] if frame["band"] else []
    said += [f"angle {frame['angle_deg']:g} deg"] if frame["angle_deg"] is not None else []
    said += [f"{frame['exptime_s']:g} s"] if frame["exptime_s"] is not None else []
    what = frame["target"] or frame["object"]
    of = f" of {what}" if what and frame["kind"] == "light" else ""
    return f"{frame['kind']} frame{of}: {', '.join(said)}"


def show_steps(steps: list[dict[str, Any]], name: str) -> None:
    """What each step did with an item, or with the group or night that the item is part of."""
    shown = [
        {
            **row,
            "reason": row["reason"] or row["notes"],
            "of": None if row["name"] == name else row["name"].rsplit("/", 1)[-1],
        }
        for row in steps
    ]
    page.table(shown, ("step", "status", "when", "of", "reason"))
