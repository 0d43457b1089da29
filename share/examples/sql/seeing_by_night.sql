-- Seeing and the scatter of zero points, night by night and instrument by instrument.
select night, instrument, band, count(*) as results, round(median(fwhm_arcsec), 2) as fwhm_arcsec,
    round(median(zp), 3) as zp, round(stddev_samp(zp), 3) as zp_scatter
from results
group by all
order by night, instrument, band
