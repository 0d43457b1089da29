-- Nightly weighted means of each target, without what is flagged or of doubtful quality.
select source, band, night, count(*) as n,
    sum(mag / mag_err^2) / sum(1 / mag_err^2) as mag, sqrt(1 / sum(1 / mag_err^2)) as mag_err,
    avg(q) as q, avg(u) as u
from results
where flags is null and quality = 0 and mag is not null
    and source in (select target from calibrates)
group by all
order by source, band, night
