"""What SIMBAD knows of a name, by its TAP service (https://simbad.cds.unistra.fr/simbad/sim-tap).

Plain HTTP: one question and one row of CSV need no library of the survey's own.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass

from iop4cli.remote.asking import ServiceError, ask_service

_QUESTION = (
    "SELECT b.main_id, b.ra, b.dec, b.otype, b.rvz_redshift, i.ids FROM ident AS n JOIN basic AS b ON b.oid = n.oidref "
    "LEFT OUTER JOIN ids AS i ON i.oidref = b.oid WHERE n.id = '{}'"
)
# SIMBAD's types of objects, as far as the catalogue tells them apart; candidates end with a ?.
_KINDS = {
    "BLL": "bllac", "Bla": "blazar", "QSO": "quasar", "AGN": "agn", "SyG": "agn", "Sy1": "agn", "Sy2": "agn",
    "rG": "agn", "LIN": "agn", "G": "galaxy", "GiG": "galaxy", "GiC": "galaxy", "BiC": "galaxy", "Pl": "exoplanet",
    "SN*": "transient", "No*": "variable", "ev": "transient", "*": "star", "**": "star", "PM*": "star", "HB*": "star",
    "WD*": "star", "MS*": "star", "RG*": "star", "Em*": "star", "Be*": "star", "SB*": "star",
}  # fmt: skip


@dataclass(frozen=True)
class Resolved:
    """One object of SIMBAD: ICRS degrees, its type there and the kind that it is here, other names."""

    main_id: str
    ra_deg: float
    dec_deg: float
    otype: str
    kind: str
    redshift: float | None
    ids: tuple[str, ...]


def ask_simbad(url: str, name: str, timeout_s: float) -> Resolved | None:
    """The object of a name, None if SIMBAD has none."""
    question = _QUESTION.format(name.replace("'", "''"))
    parameters = {"REQUEST": "doQuery", "LANG": "ADQL", "FORMAT": "csv", "QUERY": question}
    text = ask_service("SIMBAD", url, parameters, timeout_s)
    lines = csv.DictReader(io.StringIO(text))
    needed = {"main_id", "ra", "dec", "otype"}
    if not needed <= set(lines.fieldnames or ()):
        raise ServiceError(f"SIMBAD answers what is no table of objects: {' '.join(text.split())[:120]!r}")
    rows = list(lines)
    if not rows:
        return None
    row = rows[0]
    try:
        ra_deg, dec_deg = float(row["ra"]), float(row["dec"])
    except (TypeError, ValueError):
        raise ServiceError(f"SIMBAD knows {row['main_id']} but no place of it on the sky; nothing is changed") from None
    ids = tuple(" ".join(word.split()) for word in (row.get("ids") or "").split("|") if word.strip())
    redshift = _number(row.get("rvz_redshift"))
    return Resolved(
        " ".join(row["main_id"].split()), ra_deg, dec_deg, row["otype"], kind_of(row["otype"]), redshift, ids
    )


def kind_of(otype: str) -> str:
    """The catalogue's kind for a type of SIMBAD."""
    plain = otype.strip().removesuffix("?").removesuffix("_Candidate")
    if plain in _KINDS:
        return _KINDS[plain]
    return "variable" if re.search(r"V\*|Mi\*|RR\*|Ce\*|LP\*|Pu\*|EB\*|CV\*", plain) else "other"


def _number(cell: str | None) -> float | None:
    try:
        value = float(cell or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
