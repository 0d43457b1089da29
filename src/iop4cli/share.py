"""Where the data files that come with the program are."""

from pathlib import Path


def share_dir() -> Path:
    """The folder `share/`: inside the installed package, or at the top of a source checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "share"
    return installed if installed.is_dir() else package.parents[1] / "share"
