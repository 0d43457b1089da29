"""An archive of ten years: a store as large as people will have, without the files."""

from __future__ import annotations

from pathlib import Path

from iop4cli.archive.store import Store
from tests.cli.small_archives import SmallArchive

N_FRAMES, N_RESULTS = 20_000, 100_000
_ROWS = f"""
insert into frame by name
select 'OSN-T090/' || night::text || '/' || filename as name, * from (
    select 'OSN-T090' as telescope, date '2015-01-01' + (i // 100)::int as night,
        'F-' || lpad(i::text, 5, '0') || 'R.fit' as filename, 'done' as status, '' as reason, 'AndorT90' as instrument,
        'light' as kind, 'pol' as mode, 'R' as band, (i % 4) * 45.0 as angle_deg, 60.0 as exptime_s,
        57023 + i / 100.0 as mjd_utc, '2200+420' as target
    from generate_series(0, {N_FRAMES - 1}) g(i));
insert into item by name
select step, name, case when hash(name || step) % 50 = 0 then 'failed' else 'done' end as status, '' as reason
from frame, (values ('classify'), ('reduce'), ('solve'), ('phot')) s(step);
insert into measurement by name
select md5(i::text)[1:12] as id, 'OSN-T090/' || (date '2015-01-01' + (i // 500)::int)::text || '/G' || i // 5 as origin,
    ['2200+420', '0716+714', '1101+384', '1641+399', '2251+158'][i % 5 + 1] as source, 'OSN-T090' as telescope,
    date '2015-01-01' + (i // 500)::int as night, 'AndorT90' as instrument, 'pol' as mode, 'R' as band,
    57023 + i / 500.0 as mjd_utc, 14 + sin(i / 5000.0) as mag, 0.02 as mag_err, 0.1 as p, 0.004 as p_err,
    90.0 as chi_deg, 1.2 as chi_err_deg, 0 as bits
from generate_series(0, {N_RESULTS - 1}) g(i);
insert into correction by name select id as measurement, origin, 0 as quality, '' as quality_text from measurement;
insert into flag by name select id as measurement, 'clouds' as reason, 'me' as who, now()::timestamp as time_utc
from measurement where hash(id) % 100 = 0;
insert into log by name select timestamp '2015-01-01' + to_minutes(i) as time_utc, 'run' as run, 'info' as level,
    'phot' as step, 'item ' || i as item, 'done' as message from generate_series(0, {N_RESULTS - 1}) g(i);
"""


def make_large_archive(root: Path) -> SmallArchive:
    """`root` must not be there yet."""
    archive = SmallArchive(root)
    root.mkdir()
    assert archive.run("init").returncode == 0
    Store(root / "iop4.duckdb").write([], _ROWS)
    return archive
