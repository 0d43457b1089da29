-- Significant polarisation (p over 3 errors), the newest first; p in percent.
select source, night, band, mjd_utc, round(100 * p, 2) as p_percent, round(100 * p_err, 2) as p_err_percent,
    round(chi_deg, 1) as chi_deg, round(chi_err_deg, 1) as chi_err_deg
from results
where p > 3 * p_err and flags is null
order by mjd_utc desc
limit 20
