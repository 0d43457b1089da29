"""What the tables, the view and their columns mean: units and words for exports and for `iop4 sql --schema`."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """What a column holds: its unit ("" for none), a description, and a UCD where the VO has one."""

    unit: str
    text: str
    ucd: str = ""


RESULTS: dict[str, Column] = {
    "id": Column("", "stable name of the result: source, mode, method and input frames", "meta.id;meta.main"),
    "source": Column("", "name in the catalogue", "meta.id;src"),
    "telescope": Column("", "telescope", "instr.tel"),
    "instrument": Column("", "instrument", "instr"),
    "night": Column("", "evening's date at the observatory", "time.epoch"),
    "mode": Column("", "phot (one frame) or pol (a group of frames)"),
    "band": Column("", "photometric band", "instr.bandpass"),
    "mjd_utc": Column("d", "mid-exposure, MJD in UTC; mean of the frames' for a group", "time.epoch"),
    "bjd_tdb": Column("d", "mid-exposure, barycentric Julian date in TDB", "time.epoch"),
    "exptime_s": Column("s", "exposure time of each frame", "time.duration;obs.exposure"),
    "n_frames": Column("", "frames used", "meta.number"),
    "n_calibrators": Column("", "calibrators of the zero point", "meta.number"),
    "mag": Column("mag", "apparent magnitude", "phot.mag"),
    "mag_err": Column("mag", "error of mag, that of the zero point contained", "stat.error;phot.mag"),
    "zp": Column("mag", "zero point for 1 electron per second", "phot.mag;arith.zp"),
    "zp_err": Column("mag", "error of zp", "stat.error;phot.mag;arith.zp"),
    "q": Column("", "Stokes Q/I as a fraction, north through east", "phys.polarization.stokes.Q"),
    "q_err": Column("", "error of q", "stat.error;phys.polarization.stokes.Q"),
    "u": Column("", "Stokes U/I as a fraction, north through east", "phys.polarization.stokes.U"),
    "u_err": Column("", "error of u", "stat.error;phys.polarization.stokes.U"),
    "qu_cov": Column("", "covariance of q and u", "stat.covariance"),
    "p": Column("", "degree of linear polarisation as a fraction, biased", "phys.polarization.linear"),
    "p_err": Column("", "error of p", "stat.error;phys.polarization.linear"),
    "p_debiased": Column("", "degree of polarisation, bias removed", "phys.polarization.linear"),
    "p_lo68": Column("", "lower end of the 68 % interval of p", "stat.min;phys.polarization.linear"),
    "p_hi68": Column("", "upper end of the 68 % interval of p", "stat.max;phys.polarization.linear"),
    "p_upper95": Column("", "95 % upper limit of p", "stat.max;phys.polarization.linear"),
    "chi_deg": Column(
        "deg", "position angle, north through east, 0 <= chi < 180", "phys.polarization.posAng"
    ),
    "chi_err_deg": Column("deg", "error of chi", "stat.error;phys.polarization.posAng"),
    "q_sys": Column(
        "", "the calibration's share of the error of q, not contained in q_err", "stat.error.sys"
    ),
    "u_sys": Column(
        "", "the calibration's share of the error of u, not contained in u_err", "stat.error.sys"
    ),
    "p_sys": Column(
        "", "the calibration's share of the error of p, not contained in p_err", "stat.error.sys"
    ),
    "chi_sys_deg": Column(
        "deg", "the calibration's share of the error of chi, not in chi_err_deg", "stat.error.sys"
    ),
    "q_instr": Column("", "q in the instrument's frame, before any correction"),
    "u_instr": Column("", "u in the instrument's frame, before any correction"),
    "chi2_red": Column("", "reduced chi squared of the fit to the angles", "stat.fit.chi2"),
    "mag_host": Column("mag", "magnitude without the host galaxy", "phot.mag"),
    "mag_host_err": Column("mag", "error of mag_host", "stat.error;phot.mag"),
    "p_host": Column(
        "", "degree of polarisation without the host galaxy's light", "phys.polarization.linear"
    ),
    "p_host_err": Column("", "error of p_host", "stat.error;phys.polarization.linear"),
    "aperture_arcsec": Column("arcsec", "radius (not diameter) of the aperture", "phys.angSize;instr"),
    "fwhm_arcsec": Column("arcsec", "full width at half maximum of stars", "instr.obsty.seeing"),
    "quality": Column("", "quality bits, 0 if there is nothing to remark", "meta.code.qual"),
    "quality_text": Column("", "the quality bits in words", "meta.note"),
    "flags": Column("", "what people remarked", "meta.note"),
    "calibration": Column("", "polarimetric calibration used", "meta.ref"),
    "method": Column("", "how it was measured"),
    "version": Column("", "version of the software that measured it", "meta.version"),
    "mag_err_photon": Column("mag", "error of the magnitude by photon noise alone", "stat.error;phot.mag"),
    "mag_err_night": Column(
        "mag", "error of the magnitude relative to the others of its night", "stat.error;phot.mag"
    ),
    "mag_instrumental": Column("mag", "-2.5 log10 of electrons per second", "phot.mag;instr"),
    "mag_reason": Column("", "why there is no magnitude"),
    "zp_scatter": Column("mag", "scatter of the calibrators about the zero point", "stat.stdev;phot.mag"),
    "q_raw": Column("", "q before the correction of changes of transparency, in the instrument's frame"),
    "u_raw": Column("", "u before the correction of changes of transparency, in the instrument's frame"),
    "q_err_photon": Column("", "error of q by photon noise alone", "stat.error"),
    "u_err_photon": Column("", "error of u by photon noise alone", "stat.error"),
    "dof": Column("", "degrees of freedom of the fit to the angles", "stat.fit.dof"),
    "transparency_stars": Column("", "field stars of the transparency", "meta.number"),
    "transparency_rms": Column("", "rms change of transparency among the frames, a fraction"),
    "origin": Column("", "the frame or group that it was measured on", "meta.ref"),
}

TABLES: dict[str, str] = {
    "results": "one measurement of one source; the names and order of its columns are a promise",
    "item": "what each step did with each thing it works on",
    "frame": "raw frames as classify read them",
    "master": "combined bias, dark and flat",
    "master_input": "frames that went into a master, or were left out",
    "reduced": "reduced frames and the masters they had",
    "wcs": "where on the sky a reduced frame lies",
    "detection": "stars found on a reduced frame",
    "aperture": "aperture photometry of catalogue sources",
    "field_star": "aperture photometry of other stars, for the transparency",
    "measurement": "what the view results shows, before quality and flags",
    "measurement_input": "frames and calibrators that a measurement rests on",
    "correction": "quality of a measurement beside the others of its night",
    "source": "the catalogue",
    "source_mag": "magnitudes of the catalogue",
    "calibrates": "which source calibrates which",
    "override": "what people say where a header lies",
    "flag": "what people remark on results",
    "note": "notes of people",
    "calibration": "polarisation and angle zero of instruments, dated",
    "run": "commands that did something",
    "log": "what happened, item by item",
    "schema_version": "migrations of this store",
}

# Columns of tables that the view does not have, or that mean something else there (TABLE.COLUMN).
_OTHERS: dict[str, Column] = {
    "accepted": Column("", "whether it may be used"), "angle_deg": Column("deg", "angle of the analyser"),
    "wcs.angle_deg": Column("deg", "position angle of the image's y axis"),
    "annulus_in_px": Column("pixels", "inner radius of the sky annulus"),
    "annulus_out_px": Column("pixels", "outer radius of the sky annulus"), "applied": Column("", "when, UTC"),
    "background_e": Column("electrons", "sky for each pixel"), "background_err_e": Column("electrons", "its error"),
    "beam": Column("", "O ordinary (or the only one), E extraordinary"), "bias": Column("", "master bias used"),
    "binning_x": Column("", "binning along x"), "binning_y": Column("", "binning along y"),
    "bits": Column("", "quality bits"), "calibrator": Column("", "source that calibrates"),
    "cd1_1": Column("deg", "WCS matrix"), "cd1_2": Column("deg", "WCS matrix"), "cd2_1": Column("deg", "WCS matrix"),
    "cd2_2": Column("deg", "WCS matrix"), "checksum": Column("", "SHA-256 of the file"),
    "chi_deg": Column("deg", "position angle from the literature"), "command": Column("", "as it was typed"),
    "comment": Column("", "remark"), "crpix1": Column("pixels", "WCS reference pixel, from 1"),
    "crpix2": Column("pixels", "WCS reference pixel, from 1"), "crval1": Column("deg", "WCS reference, right ascension"),
    "crval2": Column("deg", "WCS reference, declination"), "dark": Column("", "master dark used"),
    "date_obs": Column("", "start of the exposure, UTC"), "dec_deg": Column("deg", "declination, ICRS"),
    "efficiency": Column("", "polarimetric efficiency, a fraction"), "efficiency_err": Column("", "its error"),
    "exit_code": Column("", "exit code of the command"), "field": Column("", "what is overridden"),
    "filename": Column("", "name of the file"), "filter": Column("", "filter as the header says"),
    "finished": Column("", "when it ended, UTC"), "flat": Column("", "master flat used"),
    "flux_e": Column("electrons", "flux above the sky"), "flux_err_e": Column("electrons", "its error"),
    "frame": Column("", "frame"), "fwhm_px": Column("pixels", "full width at half maximum"),
    "height_px": Column("pixels", "size along y"), "host": Column("", "computer"), "id": Column("", "name of the run"),
    "input": Column("", "frame or calibrator"), "item": Column("", "what it is about"),
    "key": Column("", "hash of the step, its parameters and its inputs"), "kind": Column("", "bias, dark, flat or light"),
    "source.kind": Column("", "blazar, star, ..."), "level": Column("ADU", "median of the master"),
    "log.level": Column("", "info, warning or error"), "level_e": Column("electrons", "median of the frame"),
    "logodds": Column("", "log odds of the solution"), "mag": Column("mag", "magnitude"),
    "mag_err": Column("mag", "its error"), "master": Column("", "master"),
    "master_notes": Column("", "what is less than ideal about its masters"), "measurement": Column("", "id of the result"),
    "message": Column("", "what happened"), "method": Column("", "index (index files) or track (a solved frame)"),
    "measurement.method": RESULTS["method"], "mirrored": Column("", "whether east is right when north is up"),
    "mtime_ns": Column("ns", "when the file was changed"), "n_bad": Column("", "bad pixels"),
    "n_detected": Column("", "stars found"), "n_done": Column("", "items done"), "n_failed": Column("", "items failed"),
    "n_frames": Column("", "frames combined"), "n_matched": Column("", "stars that match"),
    "n_rejected": Column("", "frames left out"), "n_saturated": Column("", "saturated pixels"),
    "name": Column("", "name"), "notes": Column("", "remarks"), "object": Column("", "OBJECT of the header"),
    "offset_px": Column("pixels", "how far the star is from where the catalogue says"),
    "origin": Column("", "item of the step that made it"), "other_names": Column("", "aliases"), "p": Column("", "degree of polarisation from the literature, a fraction"),
    "p_err": Column("", "its error"), "parts": Column("", "what went into the key, as JSON"),
    "path": Column("", "file, from the archive's folder"), "q_inst": Column("", "instrument's q, a fraction"),
    "q_inst_err": Column("", "its error"), "ra_deg": Column("deg", "right ascension, ICRS"),
    "radius_deg": Column("deg", "half of the frame's diagonal"),
    "radius_px": Column("pixels", "radius (not diameter) of the aperture"),
    "read_noise_e": Column("electrons", "read noise as measured"), "reason": Column("", "why"),
    "redshift": Column("", "redshift"), "reference": Column("", "where it is from"),
    "wcs.reference": Column("", "index file, or the frame it was tracked from"),
    "reference_dec_deg": Column("deg", "declination of the matched star"),
    "reference_ra_deg": Column("deg", "right ascension of the matched star"),
    "rms_arcsec": Column("arcsec", "residual of the matched stars"), "role": Column("", "frame, frame not used or calibrator"),
    "run": Column("", "run that did it"), "scale_arcsec_per_px": Column("arcsec/pixel", "scale"),
    "scatter": Column("ADU", "scatter of one frame about the master"), "seconds": Column("s", "how long it took"),
    "settings": Column("", "settings of the source, as JSON"), "size_bytes": Column("bytes", "size of the file"),
    "sky_e": Column("electrons", "sky for each pixel"), "sky_rms_e": Column("electrons", "its rms"),
    "calibration.source": Column("", "where it is from"), "star": Column("", "number of the star in its group"),
    "started": Column("", "when it began, UTC"), "status": Column("", "done, failed, impossible or blocked"),
    "step": Column("", "step that did it"), "target": Column("", "source that it was pointed at"),
    "calibrates.target": Column("", "source that is calibrated"), "text": Column("", "the note"),
    "time_utc": Column("", "when"), "u_inst": Column("", "instrument's u, a fraction"), "u_inst_err": Column("", "its error"),
    "updated": Column("", "when, UTC"), "used": Column("", "whether it went into the master"),
    "valid_from": Column("", "first night"), "valid_until": Column("", "last night"), "value": Column("", "what is true"),
    "measurement_input.value": Column("", "relative transparency of the frame"),
    "value_err": Column("", "its error"), "version": Column("", "version of the software or of the step"),
    "who": Column("", "who did it"), "width_px": Column("pixels", "size along x"),
    "window_x0": Column("pixels", "where the window begins along x"), "window_y0": Column("pixels", "where the window begins along y"),
    "x_px": Column("pixels", "position along x, from 0"), "y_px": Column("pixels", "position along y, from 0"),
    "zero_angle_deg": Column("deg", "added to measured angles"), "zero_angle_err_deg": Column("deg", "its error"),
}  # fmt: skip


def column_of(table: str, name: str) -> Column | None:
    """What a column of a table means; None for one that nobody described."""
    if table == "results":
        return RESULTS.get(name)
    own = _OTHERS.get(f"{table}.{name}")
    measured = RESULTS.get(name)
    if own is None and table in {"measurement", "correction", "aperture"} and measured is not None:
        return measured
    return own or _OTHERS.get(name) or measured
