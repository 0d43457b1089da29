"""A solution as the store and the file keep it: rows of `wcs` and `detection`, cards of the header."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from iop4cli.archive.rows import Columns

if TYPE_CHECKING:
    from iop4cli.pipeline.astrometer import Solved
    from iop4cli.science.detection import Detections

_KEPT_STARS = 600


def wcs_of(row: Mapping[str, Any]) -> Any:
    """The TAN coordinates of a row of the table `wcs`."""
    from iop4cli.science.wcs import TanWcs

    return TanWcs(
        (row["crval1"], row["crval2"]), (row["crpix1"] - 1.0, row["crpix2"] - 1.0),
        ((row["cd1_1"], row["cd1_2"]), (row["cd2_1"], row["cd2_2"])),
    )  # fmt: skip


def moved(wcs: Any, shift_x: float, shift_y: float) -> Any:
    return replace(wcs, crpix_px=(wcs.crpix_px[0] + shift_x, wcs.crpix_px[1] + shift_y))


def wcs_rows(frame: str, solved: Solved, stars: Detections, shape: tuple[int, int]) -> list[dict[str, Any]]:
    """The ordinary beam's row and, with two beams, the extraordinary one's: the same, moved as measured."""
    common = {
        "method": solved.method, "reference": solved.reference, "n_matched": solved.n_matched,
        "rms_arcsec": solved.rms_arcsec, "logodds": solved.logodds,
    }  # fmt: skip
    rows = [_wcs_row(frame, "O", solved.wcs, stars, shape) | common]
    if solved.pairing is not None:
        way = solved.pairing.displacement
        moved_wcs = moved(solved.wcs, way.dx_px, way.dy_px)
        measured = {
            "dx_px": way.dx_px, "dy_px": way.dy_px, "dx_err_px": way.dx_err_px, "dy_err_px": way.dy_err_px,
            "n_pairs": way.n_pairs,
        }  # fmt: skip
        rows.append(_wcs_row(frame, "E", moved_wcs, stars, shape) | common | measured)
    return rows


def _wcs_row(frame: str, beam: str, wcs: Any, stars: Detections, shape: tuple[int, int]) -> dict[str, Any]:
    import numpy as np

    height, width = shape
    ra, dec = wcs.to_sky(np.array([(width - 1) / 2]), np.array([(height - 1) / 2]))
    fwhm = stars.typical_fwhm_px
    return {
        "frame": frame, "beam": beam, "n_detected": len(stars), "scale_arcsec_per_px": wcs.scale_arcsec_per_px,
        "angle_deg": wcs.angle_deg, "mirrored": wcs.mirrored, "ra_deg": float(ra[0]), "dec_deg": float(dec[0]),
        "radius_deg": math.hypot(width, height) / 2 * wcs.scale_arcsec_per_px / 3600, "fwhm_px": fwhm,
        "fwhm_arcsec": None if fwhm is None else fwhm * wcs.scale_arcsec_per_px, "sky_e": stars.sky_e,
        "sky_rms_e": stars.sky_rms_e, "crval1": wcs.crval_deg[0], "crval2": wcs.crval_deg[1],
        "crpix1": wcs.crpix_px[0] + 1.0, "crpix2": wcs.crpix_px[1] + 1.0, "cd1_1": wcs.cd[0][0],
        "cd1_2": wcs.cd[0][1], "cd2_1": wcs.cd[1][0], "cd2_2": wcs.cd[1][1],
    }  # fmt: skip


def detection_rows(frame: str, stars: Detections, solved: Solved) -> Columns:
    """The brightest images with the beam they belong to, if it is known, and the index star they match."""
    import numpy as np

    n = min(len(stars), _KEPT_STARS)
    beams: list[str | None] = [None] * len(stars)
    if solved.pairing is not None:
        for beam, found in (("O", solved.pairing.ordinary), ("E", solved.pairing.extraordinary)):
            for number in found.tolist():
                beams[number] = beam
    # NaN is NULL in the store.
    ra_deg, dec_deg = np.full(n, np.nan), np.full(n, np.nan)
    if solved.solution is not None:
        match = solved.solution.matched[:n]
        hit = match >= 0
        ra_deg[hit] = solved.solution.reference_ra_deg[match[hit]]
        dec_deg[hit] = solved.solution.reference_dec_deg[match[hit]]
    return Columns({
        "frame": [frame] * n, "beam": beams[:n], "x_px": stars.x_px[:n].tolist(), "y_px": stars.y_px[:n].tolist(),
        "flux_e": stars.flux_e[:n].tolist(), "fwhm_px": stars.fwhm_px[:n].tolist(), "bits": stars.bits[:n].tolist(),
        "reference_ra_deg": ra_deg.tolist(), "reference_dec_deg": dec_deg.tolist(),
    })  # fmt: skip


def cards_of(solved: Solved, rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, Any, str]]:
    """Coordinates for the header of a reduced file: the ordinary beam's, and as alternate E the other's."""
    cards = [
        *solved.wcs.cards(),
        ("HIERARCH IOP4 WCS METHOD", solved.method, "how it was solved"),
        ("HIERARCH IOP4 WCS NMATCH", solved.n_matched, "matched stars"),
    ]
    if solved.rms_arcsec is not None:
        cards.append(("HIERARCH IOP4 WCS RMS", solved.rms_arcsec, "[arcsec] of the matched stars"))
    for row in rows:
        if row["beam"] == "E":
            cards += wcs_of(row).cards("E")
            cards.append(("HIERARCH IOP4 BEAM DX", row["dx_px"], "[px] extraordinary minus ordinary"))
            cards.append(("HIERARCH IOP4 BEAM DY", row["dy_px"], "[px] extraordinary minus ordinary"))
    return cards
