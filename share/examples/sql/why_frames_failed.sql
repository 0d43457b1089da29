-- What fails most, and an example of each.
select step, reason, count(*) as n, min(name) as example
from item
where status in ('failed', 'impossible')
group by all
order by n desc, step
