-- Products: rewritten by steps. Bookkeeping: item, run, log. Human tables: no step ever writes them.
-- Only primary keys: secondary indexes and foreign keys would block ALTER in later migrations.

create table item (            -- what each step did with each thing it works on
  step text, name text, key text, parts text, status text, reason text, notes text,
  version integer, seconds double, run text, updated timestamp, primary key (step, name));

create table frame (
  name text primary key, telescope text, night date, filename text,
  size_bytes bigint, mtime_ns bigint, checksum text, status text, reason text,
  instrument text, kind text, mode text, band text, filter text, angle_deg double,
  exptime_s double, mjd_utc double, date_obs text,
  width_px integer, height_px integer, binning_x integer, binning_y integer, window_x0 integer, window_y0 integer,
  object text, target text, ra_deg double, dec_deg double, scale_arcsec_per_px double, flipped boolean, notes text);

create table master (
  name text primary key, key text, kind text, telescope text, night date, instrument text, band text, angle_deg double,
  exptime_s double, width_px integer, height_px integer, binning_x integer, binning_y integer,
  window_x0 integer, window_y0 integer, n_frames integer, n_rejected integer, level double, scatter double,
  read_noise_e double, noise_ratio double, n_bad integer, flaw text, accepted boolean, reason text, bias text, path text);

create table master_input (master text, frame text, used boolean, reason text);
create table master_structure (master text, cells double[], cell_noise double);

create table reduced (
  frame text primary key, path text, bias text, dark text, flat text, master_notes text,
  level_e double, n_saturated integer, n_bad integer, version text);

create table product (         -- the files of masters and reduced frames as they were put in place
  path text primary key, step text, item text, size_bytes bigint, mtime_ns bigint, checksum text);

create table wcs (
  frame text, beam text, method text, reference text, n_detected integer, n_matched integer, rms_arcsec double, logodds double,
  scale_arcsec_per_px double, angle_deg double, mirrored boolean, ra_deg double, dec_deg double, radius_deg double,
  fwhm_px double, fwhm_arcsec double, sky_e double, sky_rms_e double,
  dx_px double, dy_px double, dx_err_px double, dy_err_px double, n_pairs integer,
  crval1 double, crval2 double, crpix1 double, crpix2 double, cd1_1 double, cd1_2 double, cd2_1 double, cd2_2 double,
  primary key (frame, beam));

create table detection (
  frame text, beam text, x_px double, y_px double, flux_e double, fwhm_px double, bits integer, reference_ra_deg double, reference_dec_deg double);

create table aperture (
  frame text, source text, beam text, x_px double, y_px double, ra_deg double, dec_deg double, fwhm_px double, radius_px double,
  annulus_in_px double, annulus_out_px double, flux_e double, flux_err_e double, background_e double, background_err_e double,
  offset_px double, bits integer, correction_mag double, correction_err_mag double,
  growth_radius_px float[], growth_flux_e float[], growth_flux_err_e float[], primary key (frame, source, beam));

create table growth (
  frame text primary key, fwhm_px double, n_stars integer,
  radius_fwhm float[], share float[], share_err float[], share_scatter float[]);

create table field_star (
  frame text, star integer, ra_deg double, dec_deg double, x_px double, y_px double, flux_e double, flux_err_e double, bits integer);

create table measurement (
  id text primary key, origin text, step text, source text, telescope text, night date, instrument text, mode text, band text,
  mjd_utc double, bjd_tdb double, exptime_s double, n_frames integer, n_calibrators integer,
  mag double, mag_err double, mag_err_photon double, mag_instrumental double, mag_reason text, zp double, zp_err double, zp_scatter double,
  q double, q_err double, u double, u_err double, qu_cov double, p double, p_err double, p_debiased double,
  p_lo68 double, p_hi68 double, p_upper95 double, chi_deg double, chi_err_deg double,
  q_sys double, u_sys double, p_sys double, chi_sys_deg double, q_instr double, u_instr double,
  q_raw double, u_raw double, q_err_photon double, u_err_photon double, chi2_red double, dof integer,
  gain_imbalance double, gain_imbalance_err double,
  transparency_stars integer, transparency_rms double, q_inst double, u_inst double,
  aperture_arcsec double, fwhm_arcsec double, bits integer, calibration text, method text, version text,
  run text, made timestamp);

create table measurement_input (measurement text, origin text, input text, role text, value double, value_err double);

create table correction (
  measurement text primary key, origin text, quality integer, quality_text text, mag_err_night double,
  mag_host double, mag_host_err double, p_host double, p_host_err double, p_host_debiased double,
  q_host double, q_host_err double, u_host double, u_host_err double, qu_host_cov double,
  mag_q_host_cov double, mag_u_host_cov double, mag_p_host_cov double,
  host_mjy double, host_err_mjy double, host_mag double, host_mag_err double, host_reason text, notes text,
  photometric_system text,
  run text, made timestamp);

-- Bookkeeping: whole rows as they were until a step replaced them by different ones (see archive/past.py).
create table measurement_past as
select *, null::struct(input text, role text, value double, value_err double)[] as inputs,
  null::timestamp as replaced, null::text as replaced_by from measurement limit 0;
create table correction_past as select *, null::timestamp as replaced, null::text as replaced_by from correction limit 0;
create table item_past as select *, null::timestamp as replaced, null::text as replaced_by from item limit 0;

create table source (
  name text primary key, other_names text[], ra_deg double, dec_deg double, kind text, redshift double,
  p double, p_err double, chi_deg double, chi_err_deg double, settings text, reference text, comment text);
create table source_mag (source text, band text, mag double, mag_err double, primary key (source, band));
create table calibrates (calibrator text, target text, primary key (calibrator, target));
create table catalog_change (          -- a row for each source that a change touched; before and after as JSON
  change integer, time_utc timestamp, who text, what text, source text, before text, after text);
create table override (frame text, field text, value text, who text, time_utc timestamp, primary key (frame, field));
create table flag (measurement text, reason text, who text, time_utc timestamp, primary key (measurement, reason));
create table note (name text, text text, who text, time_utc timestamp);
create table calibration (
  name text primary key, instrument text, band text, q_inst double, q_inst_err double, u_inst double, u_inst_err double,
  zero_angle_deg double, zero_angle_err_deg double, efficiency double, efficiency_err double,
  valid_from date, valid_until date, source text, covariance text, chi2 double, dof integer,
  n_measurements integer, n_stars integer, scatter double, star_scatter double, raw_scatter double,
  held text, residuals text, made_utc timestamp, made_by text,
  accepted boolean, decided_utc timestamp, decided_by text);

create table run (
  id text primary key, started timestamp, finished timestamp, command text, version text, host text, who text,
  exit_code integer, n_done integer, n_failed integer);
create table log (time_utc timestamp, run text, level text, step text, item text, message text);
-- What `iop4 serve` needs to let its clients change the store one after the other, and each change once.
create table served (n_changes bigint);
insert into served values (0);
create table served_change (id text primary key, time_utc timestamp);

create view results as
select m.id, m.source, m.telescope, m.instrument, m.night, m.mode, m.band, m.mjd_utc, m.bjd_tdb, m.exptime_s,
  m.n_frames, m.n_calibrators, m.mag, m.mag_err, m.zp, m.zp_err, m.q, m.q_err, m.u, m.u_err, m.qu_cov,
  m.p, m.p_err, m.p_debiased, m.p_lo68, m.p_hi68, m.p_upper95, m.chi_deg, m.chi_err_deg,
  m.q_sys, m.u_sys, m.p_sys, m.chi_sys_deg, m.q_instr, m.u_instr, m.chi2_red,
  c.mag_host, c.mag_host_err, c.p_host, c.p_host_err, m.aperture_arcsec, m.fwhm_arcsec,
  coalesce(c.quality, m.bits) as quality, c.quality_text,
  (select string_agg(f.reason, '; ' order by f.time_utc) from flag f where f.measurement = m.id) as flags,
  m.calibration, m.method, m.version,
  m.mag_err_photon, c.mag_err_night, m.mag_instrumental, m.mag_reason, m.zp_scatter, m.q_raw, m.u_raw, m.q_err_photon, m.u_err_photon, m.dof,
  m.gain_imbalance, m.gain_imbalance_err,
  m.transparency_stars, m.transparency_rms, m.q_inst, m.u_inst, m.origin,
  c.p_host_debiased, c.q_host, c.q_host_err, c.u_host, c.u_host_err, c.qu_host_cov,
  c.mag_q_host_cov, c.mag_u_host_cov, c.mag_p_host_cov,
  c.host_mjy, c.host_err_mjy, c.host_mag, c.host_mag_err, c.host_reason, c.notes as correction_notes,
  c.photometric_system
from measurement m left join correction c on c.measurement = m.id;
