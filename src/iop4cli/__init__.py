"""From raw CCD frames to publishable photometry and polarimetry."""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from iop4cli.api.archive import Archive
    from iop4cli.api.functions import doctor, simulate_night
    from iop4cli.api.run import Row, Run

__all__ = ["Archive", "Row", "Run", "__version__", "doctor", "simulate_night"]

# The API is loaded when it is asked for, so that `iop4 --version` costs nothing.
_PLACES = {
    "Archive": "archive", "Row": "run", "Run": "run", "doctor": "functions", "simulate_night": "functions",
}  # fmt: skip


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"iop4cli.api.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
