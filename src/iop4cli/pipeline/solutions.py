"""A solution as the store and the file keep it: rows of `wcs` and `detection`, cards of the header."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iop4cli.science.detection import Detections
    from iop4cli.science.solving import Solution

_KEPT_STARS = 200


def wcs_of(row: Mapping[str, Any]) -> Any:
    """The TAN coordinates of a row of the table `wcs`."""
    from iop4cli.science.wcs import TanWcs

    return TanWcs(
        (row["crval1"], row["crval2"]), (row["crpix1"] - 1.0, row["crpix2"] - 1.0),
        ((row["cd1_1"], row["cd1_2"]), (row["cd2_1"], row["cd2_2"])),
    )  # fmt: skip


def moved(wcs: Any, shift_x: float, shift_y: float) -> Any:
    return replace(wcs, crpix_px=(wcs.crpix_px[0] + shift_x, wcs.crpix_px[1] + shift_y))


def wcs_row(frame: str, wcs: Any, stars: Detections, shape: tuple[int, ...]) -> dict[str, Any]:
    import numpy as np

    height, width = shape
    ra, dec = wcs.to_sky(np.array([(width - 1) / 2]), np.array([(height - 1) / 2]))
    fwhm = stars.typical_fwhm_px
    return {
        "frame": frame, "beam": "O", "n_detected": len(stars), "scale_arcsec_per_px": wcs.scale_arcsec_per_px,
        "angle_deg": wcs.angle_deg, "mirrored": wcs.mirrored, "ra_deg": float(ra[0]), "dec_deg": float(dec[0]),
        "radius_deg": math.hypot(width, height) / 2 * wcs.scale_arcsec_per_px / 3600, "fwhm_px": fwhm,
        "fwhm_arcsec": None if fwhm is None else fwhm * wcs.scale_arcsec_per_px, "sky_e": stars.sky_e,
        "sky_rms_e": stars.sky_rms_e, "crval1": wcs.crval_deg[0], "crval2": wcs.crval_deg[1],
        "crpix1": wcs.crpix_px[0] + 1.0, "crpix2": wcs.crpix_px[1] + 1.0, "cd1_1": wcs.cd[0][0],
        "cd1_2": wcs.cd[0][1], "cd2_1": wcs.cd[1][0], "cd2_2": wcs.cd[1][1],
    }  # fmt: skip


def detection_rows(frame: str, stars: Detections, solution: Solution | None) -> list[dict[str, Any]]:
    rows = []
    for i in range(min(len(stars), _KEPT_STARS)):
        match = -1 if solution is None else int(solution.matched[i])
        rows.append({
            "frame": frame, "x_px": float(stars.x_px[i]), "y_px": float(stars.y_px[i]),
            "flux_e": float(stars.flux_e[i]),
            "fwhm_px": float(stars.fwhm_px[i]), "bits": int(stars.bits[i]),
            "reference_ra_deg": None if match < 0 or solution is None else float(solution.reference_ra_deg[match]),
            "reference_dec_deg": None if match < 0 or solution is None else float(solution.reference_dec_deg[match]),
        })  # fmt: skip
    return rows


def with_wcs(path: Path, wcs: Any, row: Mapping[str, Any]) -> tuple[tuple[Path, Path], ...]:
    from iop4cli.frames.fits import temporary_beside, with_new_cards

    temporary = temporary_beside(path)
    cards = wcs.cards() + [
        ("HIERARCH IOP4 WCS METHOD", row["method"], "how it was solved"),
        ("HIERARCH IOP4 WCS RMS", row["rms_arcsec"], "[arcsec] of the matched stars"),
        ("HIERARCH IOP4 WCS NMATCH", row["n_matched"], "matched stars"),
    ]
    with_new_cards(path, temporary, cards)
    return ((temporary, path),)
