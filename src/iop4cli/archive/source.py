"""A source of the catalogue, and the columns in which people write one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from iop4cli.strict_toml import EMPTY, FrozenTable

KINDS = (
    *("blazar", "bllac", "fsrq", "agn", "quasar", "galaxy", "star", "variable", "exoplanet", "transient"),
    *("polarised", "unpolarised", "standard", "other"),
)
# Kinds that are no target of their own: they are there to calibrate others, unless others calibrate them.
KINDS_NOT_TARGETS = ("star",)
SETTINGS: Mapping[str, tuple[str, ...]] = {"only_beam": ("O", "E")}


@dataclass(frozen=True)
class Source:
    """One object: ICRS degrees, magnitudes (value, error or None) by band, p a fraction, chi in degrees."""

    name: str
    ra_deg: float
    dec_deg: float
    kind: str
    other_names: tuple[str, ...] = ()
    redshift: float | None = None
    mags: FrozenTable[str, tuple[float, float | None]] = EMPTY
    p: float | None = None
    p_err: float | None = None
    chi_deg: float | None = None
    chi_err_deg: float | None = None
    calibrates: tuple[str, ...] = ()
    settings: FrozenTable[str, str] = EMPTY
    reference: str = ""
    comment: str = ""


def target_names(sources: Iterable[Source]) -> frozenset[str]:
    """The names of those that others calibrate, and of all that are not mere stars nor calibrate others."""
    known = list(sources)
    calibrated = {target for source in known for target in source.calibrates}
    return frozenset(
        source.name
        for source in known
        if source.name in calibrated or (source.kind not in KINDS_NOT_TARGETS and not source.calibrates)
    )
