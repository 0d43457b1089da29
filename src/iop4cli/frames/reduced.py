"""The header of a reduced frame: the whole raw header, then where the frame comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astropy.io.fits import Header

from iop4cli.frames.quality import Pixel


def reduced_header(raw: Header, provenance: Mapping[str, Any]) -> Header:
    """The raw header with provenance added.

    `provenance`: key, version, frame, bias, dark, flat (names or None), gain_e_per_adu,
    mjd_utc (mid-exposure), exptime_s, notes.
    """
    header = raw.copy(strip=True)
    for keyword in ("BZERO", "BSCALE", "BLANK", "DATAMIN", "DATAMAX"):
        header.remove(keyword, ignore_missing=True)
    for keyword in [k for k in header if k.startswith(_WCS_PREFIXES)]:
        _set_aside(header, keyword)
    if provenance.get("mjd_utc") is not None:
        start = provenance["mjd_utc"] - provenance["exptime_s"] / 2 / 86400.0
        if "MJD-OBS" not in header:
            header["MJD-OBS"] = (round(start, 9), "[d] UTC, start of the exposure")
        header["HIERARCH IOP4 MJD MID"] = (round(provenance["mjd_utc"], 9), "[d] UTC, middle of the exposure")
    header["BUNIT"] = ("electron", "unit of the image")
    # Names may fill the card; a comment would not fit beside them.
    header["HIERARCH IOP4 FRAME"] = ascii_text(provenance["frame"])
    header["HIERARCH IOP4 KEY"] = (provenance["key"], "content key of this product")
    header["HIERARCH IOP4 VERSION"] = (provenance["version"], "program that made it")
    for kind in ("bias", "dark", "flat"):
        header[f"HIERARCH IOP4 {kind.upper()}"] = ascii_text(provenance.get(kind) or "none")
    header["HIERARCH IOP4 GAIN"] = (provenance["gain_e_per_adu"], "[e-/ADU] applied")
    for bit in Pixel:
        header[f"HIERARCH IOP4 DQ {bit.name}"] = (int(bit), "bit of the DQ extension")
    for note in provenance.get("notes") or ():
        header.add_history(f"iop4: {ascii_text(note)}")
    return header


def ascii_text(text: str) -> str:
    """Text as FITS can hold it: the other letters of a file's name are written as Python escapes."""
    return "".join(letter if " " <= letter <= "~" else ascii(letter)[1:-1] for letter in text)


_WCS_PREFIXES = (
    "CTYPE",
    "CRVAL",
    "CRPIX",
    "CDELT",
    "CROTA",
    "CUNIT",
    "CD1_",
    "CD2_",
    "PC1_",
    "PC2_",
    "WCSAXES",
)


def _set_aside(header: Header, keyword: str) -> None:
    """A WCS of the telescope's own software would fight with ours; its values stay, under another name."""
    value, comment = header[keyword], header.comments[keyword]
    header.remove(keyword)
    header[f"HIERARCH RAW {keyword}"] = (value, comment)
