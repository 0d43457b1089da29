"""What differs between two moments, as text for people, tab-separated values or NDJSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from iop4cli.archive.moments import Moment
from iop4cli.pipeline.differences import CHANGED, GONE, MARKED, MOVED, NEW, Comparison, Difference
from iop4cli.shell import messages, output, page

COLUMNS = (
    "status", "id", "source", "night", "mode", "band", "quantity", "before", "after", "error", "n_sigma", "causes",
)  # fmt: skip
_ROWS_OF_A_CAUSE = 8
_VALUES_OF_A_RESULT = 3
_OF_RESULT = ("id", "source", "telescope", "instrument", "night", "mode", "band", "mjd_utc")
_UNITS = {"mag": (1.0, 4, "mag"), "mag_host": (1.0, 4, "mag"), "chi_deg": (1.0, 2, "deg")}
_FRACTION = (100.0, 3, "%")
_SHORT = {"chi_deg": "chi"}
_WORDS = {
    MOVED: "moved by more than {sigma:g} sigma",
    GONE: "gone",
    NEW: "new",
    MARKED: "changed in quality or flags",
    CHANGED: "changed by less",
}


def show_comparison(compared: Comparison, sigma: float, *, everything: bool, as_json: bool) -> None:
    """Write what differs to stdout, and in one line to stderr how much that is."""
    shown = [one for one in compared.differences if everything or one.status != CHANGED]
    if as_json:
        for one in shown:
            output.json_row(_json(one, compared))
    elif output.is_terminal():
        _for_people(compared, shown, sigma, everything=everything)
    else:
        output.table([line_of(one) for one in shown], COLUMNS)
    counts = Counter(one.status for one in compared.differences)
    said = [f"{counts[status]} {words.format(sigma=sigma)}" for status, words in _WORDS.items() if counts[status]]
    if not said:
        messages.notice(f"no difference in {_results(compared.n_alike)}")
        return
    hint = " (--all shows them)" if counts[CHANGED] and not everything else ""
    messages.notice(f"{', '.join(said)}{hint}; {compared.n_alike} the same")


def _results(n: int) -> str:
    return f"{n} result{'' if n == 1 else 's'}"


def _for_people(compared: Comparison, shown: Sequence[Difference], sigma: float, *, everything: bool) -> None:
    page.heading("What changed")
    page.pairs({"before": _moment(compared.before), "after": _moment(compared.after)})
    groups: dict[tuple[str, str], list[Difference]] = {}
    for one in shown:
        groups.setdefault((one.status, one.why), []).append(one)
    for (status, why), members in groups.items():
        page.heading(f"{_results(len(members))} {_WORDS[status].format(sigma=sigma)}")
        page.text(f"because: {why}")
        rows = members if everything else members[:_ROWS_OF_A_CAUSE]
        page.table([_row(one) for one in rows], ("id", "source", "night", "mode", "band", "change"), indent=4)
        if len(rows) < len(members):
            page.text(f"and {len(members) - len(rows)} more (--all)", indent=4, style="dim")


def _moment(moment: Moment) -> str:
    when = "" if moment.time_utc is None else f", {moment.time_utc:%Y-%m-%d %H:%M} UTC"
    return f"{moment.label}{when}" + (f": {moment.command}" if moment.command else "")


def _row(one: Difference) -> dict[str, Any]:
    return {**{name: one.row[name] for name in ("id", "source", "night", "mode", "band")}, "change": _in_words(one)}


def _in_words(one: Difference) -> str:
    """The values that moved most, and what people or the program remark; --json has all."""
    if one.status in {NEW, GONE}:
        return ""
    ranked = sorted(one.changes, key=lambda name: -abs(one.sigmas(name) or float("inf")))
    said = [_value_in_words(one, name) for name in ranked[:_VALUES_OF_A_RESULT]]
    for name, label in (("quality_text", "quality"), ("flags", "flags")):
        if name in one.others:
            old, new = (text or "none" for text in one.others[name])
            said.append(f"{label}: {old} -> {new}")
    return ", ".join(said)


def _value_in_words(one: Difference, name: str) -> str:
    change, (factor, digits, unit) = one.changes[name], _UNITS.get(name, _FRACTION)
    short = _SHORT.get(name, name)
    if change.difference is None:
        old, new = (None if v is None else f"{factor * v:.{digits}f}" for v in (change.before, change.after))
        return f"{short} {old or 'none'} -> {new or 'none'}"
    far = one.sigmas(name)
    return f"{short} {factor * change.difference:+.{digits}f} {unit}" + ("" if far is None else f" ({far:+.2g} sigma)")


def line_of(one: Difference) -> dict[str, Any]:
    """A difference as one flat row, with the value that moved most."""
    most = one.most
    row = {name: one.row[name] for name in ("id", "source", "night", "mode", "band")}
    row |= {"status": one.status, "causes": one.why}
    if most is None:
        return row
    change = one.changes[most[0]]
    return row | {
        "quantity": most[0], "before": change.before, "after": change.after, "error": change.error_before,
        "n_sigma": most[1],
    }  # fmt: skip


def _json(one: Difference, compared: Comparison) -> dict[str, Any]:
    most = one.most
    return {
        **{name: one.row[name] for name in _OF_RESULT},
        "status": one.status,
        "quantity": None if most is None else most[0],
        "n_sigma": None if most is None else most[1],
        "changes": {name: {**asdict(change), "n_sigma": one.sigmas(name)} for name, change in one.changes.items()},
        "other_columns": {name: {"before": old, "after": new} for name, (old, new) in one.others.items()},
        "independent_data": one.independent,
        "causes": [{"text": cause.text, "item": cause.item or None} for cause in one.causes],
        "before": compared.before.label,
        "after": compared.after.label,
    }
