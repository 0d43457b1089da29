"""The lineage of one thing as text for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from iop4cli.commands import showing_parts as parts
from iop4cli.commands.showing_masters import master, show_masters
from iop4cli.commands.showing_past import show_past
from iop4cli.commands.status import frame_in_words
from iop4cli.shell import page, words

Document = Mapping[str, Any]


def show_document(document: Document) -> None:
    """Write a document of pipeline.lineage to stdout."""
    page.heading(f"{document['what']} {document['name']}")
    _SHOW[document["what"]](document)


def _frame(document: Document) -> None:
    frame = document["frame"]
    page.text(frame_in_words(frame))
    page.pairs(
        {
            "file": document["file"],
            "checksum": f"sha256 {frame['checksum']}" if frame["checksum"] else None,
            "start": words.said(frame["date_obs"], " UTC"),
            "mid-exposure": words.said(words.number(frame["mjd_utc"], 6), " MJD UTC"),
            "object": frame["object"],
            "target": frame["target"],
            "pointing": words.sky(frame["ra_deg"], frame["dec_deg"]),
            "filter": frame["filter"],
            "size": words.size(frame),
            "notes": frame["notes"],
        }
    )
    parts.section("Said by people", document["overrides"], ("field", "value", "who", "time_utc"))
    if document["masters"]:
        page.heading("Masters")
        show_masters(document["masters"])
    reduced = document["reduced"]
    if reduced:
        page.heading("Reduced")
        page.pairs(
            {
                "file": reduced["path"],
                "level": words.said(words.number(reduced["level_e"], 1), " electrons"),
                "saturated pixels": reduced["n_saturated"],
                "bad pixels": reduced["n_bad"],
                "less than ideal": reduced["master_notes"],
            }
        )
    for wcs in document["wcs"]:
        _wcs(wcs)
    parts.section("Part of", document["part_of"], ("master", "used", "reason"))
    apertures = [
        {
            **row,
            "radius_px": words.number(row["radius_px"], 2),
            "flux_e": words.number(row["flux_e"], 1),
            "flux_err_e": words.number(row["flux_err_e"], 1),
            "offset_px": words.number(row["offset_px"], 2),
            "x_px": words.number(row["x_px"], 1),
            "y_px": words.number(row["y_px"], 1),
        }
        for row in document["apertures"]
    ]
    parts.section(
        "Apertures",
        apertures,
        ("source", "x_px", "y_px", "radius_px", "flux_e", "flux_err_e", "offset_px", "bits"),
    )
    parts.results("Results that rest on it", document["results"], ("id", "source", "mode"))
    parts.steps(document)


def _wcs(wcs: Mapping[str, Any]) -> None:
    page.heading("On the sky" + ("" if wcs["beam"] == "O" else ", extraordinary beam"))
    how = _SOLVED_BY.get(wcs["method"], wcs["method"])
    page.pairs(
        {
            "solved": f"{how} {wcs['reference'] or ''}".strip(),
            "centre": words.sky(wcs["ra_deg"], wcs["dec_deg"]),
            "matched": f"{wcs['n_matched']} of {wcs['n_detected']} stars"
            + ("" if wcs["rms_arcsec"] is None else f", rms {wcs['rms_arcsec']:.2f} arcsec"),
            "scale": f"{wcs['scale_arcsec_per_px']:.4f} arcsec/px, y axis at {wcs['angle_deg']:.2f} deg"
            + (", mirrored" if wcs["mirrored"] else ""),
            "seeing": words.said(words.number(wcs["fwhm_arcsec"], 2), " arcsec FWHM"),
            "background": f"{wcs['sky_e']:.0f} electrons a pixel, rms {wcs['sky_rms_e']:.1f}",
        }
    )


def _group(document: Document) -> None:
    frames = [
        {**row, "mjd_utc": words.number(row["mjd_utc"], 6), "flat": words.last(row["flat"])}
        for row in document["frames"]
    ]
    parts.section("Frames", frames, ("name", "angle_deg", "mjd_utc", "exptime_s", "flat"))
    parts.calibration(document["calibration"])
    parts.results("Results", document["results"], ("id", "source"))
    parts.steps(document)


def _result(document: Document) -> None:
    row = document["result"]
    mode = "polarimetry" if row["mode"] == "pol" else "photometry"
    page.text(
        f"{row['source']} in {row['band']}, {mode} of {row['telescope']} "
        f"({row['instrument']}), night of {row['night']}, on {row['origin']}"
    )
    page.pairs(
        {
            "mid-exposure": f"MJD {row['mjd_utc']:.6f} UTC, BJD {row['bjd_tdb']:.6f} TDB",
            "exposure": f"{row['n_frames']} x {row['exptime_s']:g} s",
            "method": f"{row['method']}, iop4 {row['version']}",
            "aperture": words.several(
                {"radius": row["aperture_arcsec"], "seeing (FWHM)": row["fwhm_arcsec"]}, 2, " arcsec"
            ),
            "magnitude": words.measured(row["mag"], row["mag_err"], 4, " mag") or f"none: {row['mag_reason']}",
            "its error": words.several(
                {"photons alone": row["mag_err_photon"], "within the night": row["mag_err_night"]}, 4
            ),
            "zero point": words.said(
                words.measured(row["zp"], row["zp_err"], 4, " mag"),
                f", {row['n_calibrators']} calibrators, scatter {words.number(row['zp_scatter'], 3)}",
            ),
            **(_polarisation(row) if row["mode"] == "pol" else {}),
            **parts.without_host(row),
        }
    )
    page.heading("Quality")
    for text in document["quality"] or ["nothing to remark"]:
        page.text(text)
    if "sweep" in document:
        _sweep(document["sweep"])
    parts.section("Flags of people", document["flags"], ("reason", "who", "time_utc"))
    frames = [
        {
            **frame,
            "mjd_utc": words.number(frame["mjd_utc"], 6),
            "transparency": words.measured(frame["transparency"], frame["transparency_err"], 4),
            "flux_e": words.measured(frame["flux_e"], frame["flux_err_e"], 0),
            "flux_extraordinary_e": words.measured(frame["flux_extraordinary_e"], frame["flux_extraordinary_err_e"], 0),
            "solved": " ".join(filter(None, (frame["solved_by"], (frame["solved_with"] or "").rsplit("/", 1)[-1]))),
            "used": frame["role"] == "frame",
        }
        for frame in document["frames"]
    ]
    two_beams = any(frame["flux_extraordinary_e"] for frame in frames)
    fluxes = ("flux_e", "flux_extraordinary_e") if two_beams else ("flux_e", "transparency")
    parts.section("Frames", frames, ("name", "angle_deg", "used", *fluxes, "mjd_utc", "solved"))
    masters = {kind: frame[kind] for frame in document["frames"] for kind in ("bias", "dark") if frame[kind]}
    flats = sorted({frame["flat"] for frame in document["frames"] if frame["flat"]})
    parts.names("Masters", [*dict.fromkeys(masters.values()), *flats])
    parts.section("Calibrators", document["calibrators"], ("name", "mag", "mag_err"))
    parts.calibration(document["calibration"])
    show_past(document["past"])
    parts.steps(document)


def _sweep(rows: Sequence[Mapping[str, Any]]) -> None:
    """Changes have the error of a change against the radius in use, which nested circles make small."""
    used = next(row for row in rows if row["used"])
    shown = []
    for row in rows:
        cells = {
            "radius_arcsec": words.number(row["radius_arcsec"], 2),
            "change_mag": words.measured(row["mag_change"], row["mag_change_err"], 4),
        }
        for name in ("q", "u"):
            change = None if row[name] is None or used[name] is None else row[name] - used[name]
            cells[f"change_{name}"] = words.measured(change, row[f"{name}_change_err"], 5)
        cells["p_percent"] = None if row["p"] is None else words.number(100 * row["p"], 3)
        cells["chi_deg"] = words.number(row["chi_deg"], 2)
        shown.append(cells | ({"change_mag": "in use"} if row["used"] else {}))
    columns = ("radius_arcsec", "change_mag", "change_q", "change_u", "p_percent", "chi_deg")
    parts.section("By the radius of the aperture", shown, columns)


def _polarisation(row: Mapping[str, Any]) -> dict[str, Any]:
    if row["p"] is None:
        return {"q, u of the instrument": words.several({"q": row["q_instr"], "u": row["u_instr"]}, 5)}
    return {
        "p": f"{words.measured(100 * row['p'], 100 * row['p_err'], 3)} %{_debiased(row)}",
        "upper limit": None if row["p_upper95"] is None else f"p < {100 * row['p_upper95']:.3f} % (95 %)",
        "chi": words.measured(row["chi_deg"], row["chi_err_deg"], 2, " deg, north through east"),
        "q": words.measured(row["q"], row["q_err"], 5),
        "u": words.measured(row["u"], row["u_err"], 5),
        "calibration's share": words.said(
            words.several({"q": row["q_sys"], "u": row["u_sys"], "p": row["p_sys"]}, 5),
            "" if row["chi_sys_deg"] is None else f", chi {row['chi_sys_deg']:.2f} deg",
        ),
        "before correction": words.several({"q": row["q_instr"], "u": row["u_instr"]}, 5),
        "chi squared": words.said(
            words.number(row["chi2_red"], 2),
            f" reduced, {row['dof']} degree{'' if row['dof'] == 1 else 's'} of freedom",
        ),
        "gain imbalance": words.measured(row["gain_imbalance"], row["gain_imbalance_err"], 5),
        "transparency": None
        if row["transparency_rms"] is None
        else f"rms {100 * row['transparency_rms']:.2f} %, from {row['transparency_stars']} field stars",
    }


def _debiased(row: Mapping[str, Any]) -> str:
    """What is left of p without its bias, and where it lies."""
    if row["p_debiased"] is None or row["p_lo68"] is None or row["p_hi68"] is None:
        return ""
    low, high = 100 * row["p_lo68"], 100 * row["p_hi68"]
    return f"; debiased {100 * row['p_debiased']:.3f} %, 68 % interval {low:.3f} to {high:.3f} %"


def _source(document: Document) -> None:
    source = document["source"]
    if source is None:
        page.text("not in the catalogue any more; it was measured earlier")
    else:
        mags = ", ".join(
            f"{row['band']} {words.measured(row['mag'], row['mag_err'], 3)}" for row in document["magnitudes"]
        )
        page.pairs(
            {
                "kind": source["kind"],
                "other names": source["other_names"],
                "position": words.sky(source["ra_deg"], source["dec_deg"]),
                "redshift": source["redshift"],
                "magnitudes": mags,
                "p": words.measured(source["p"], source["p_err"], 4),
                "chi": words.measured(source["chi_deg"], source["chi_err_deg"], 1, " deg"),
                "reference": source["reference"],
                "comment": source["comment"],
            }
        )
    parts.names("Its calibrators", document["calibrators"])
    parts.names("It calibrates", document["calibrates"])
    parts.results("Results", document["results"], ("id", "night", "telescope"))


# How a frame was solved, in words that go before the name of what it was solved by.
_SOLVED_BY = {
    "index": "by index file",
    "track": "tracked from",
    "quads": "by quads in",
    "pairs": "by the target and its neighbours in",
    "central pair": "by the target's place near the middle",
}

_SHOW: Mapping[str, Callable[[Document], None]] = {
    "frame": _frame,
    "master": master,
    "group": _group,
    "result": _result,
    "source": _source,
}
