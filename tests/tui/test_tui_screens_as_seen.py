"""The main screens as they are seen, on a store written by hand: `tests/tui/screens/*.txt`.

After a wanted change `IOP4_DRAW_SCREENS=1 pytest tests/tui/test_tui_screens_as_seen.py` writes them anew; look at
what `git diff` shows. Text only: what is seen, and where.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from driving import LARGE, SMALL, Seat, sit

from iop4cli.archive.store import Store
from tests.cli.small_archives import SmallArchive

_SEEN = Path(__file__).parent / "screens"
_DRAW = "IOP4_DRAW_SCREENS" in os.environ
_ROWS = """
insert into source by name select * from (values
    ('2200+420', ['BL Lac', 'BL Lacertae'], 330.680381, 42.277772, 'bllac', 0.0686),
    ('BL Lac B', ['B'], 330.689333, 42.276333, 'star', null),
    ('BL Lac C', ['C'], 330.666833, 42.287778, 'star', null)
) s(name, other_names, ra_deg, dec_deg, kind, redshift);
insert into source_mag values ('BL Lac B', 'R', 11.93, 0.05), ('BL Lac C', 'R', 13.75, 0.03);
insert into calibrates values ('BL Lac B', '2200+420'), ('BL Lac C', '2200+420');
insert into frame by name
select 'OSN-T090/2022-09-' || night || '/BLLac-000' || number || 'R' || angle || '.fit' as name,
    'OSN-T090' as telescope,
    ('2022-09-' || night)::date as night, 'BLLac-000' || number || 'R' || angle || '.fit' as filename, 'done' as status,
    '' as reason, 'AndorT90' as instrument, 'light' as kind, 'pol' as mode, 'R' as band, angle as angle_deg,
    60.0 as exptime_s, 59821.5 + night::int + number / 10.0 + angle / 10000.0 as mjd_utc, '2200+420' as target
from (values ('08'), ('09')) n(night), (values (1), (2)) g(number), (values (-45), (0), (45), (90)) a(angle);
insert into item by name
select step, name, case when step = 'phot' and filename = 'BLLac-0002R90.fit' then 'failed' else 'done' end as status,
    case when step = 'phot' and filename = 'BLLac-0002R90.fit'
        then '2200+420 is 3 px from the edge, the annulus needs 31' else '' end as reason
from frame, (values ('classify'), ('reduce'), ('solve'), ('phot')) s(step);
insert into master by name select * from (values
    ('OSN-T090/2022-09-08/bias-AndorT90-2048x2048', 'bias', null, null, 7, 0, 1000.1, 3.61, true, ''),
    ('OSN-T090/2022-09-08/flat-AndorT90-R-+0deg-2048x2048', 'flat', 'R', 0.0, 5, 1, 1.0, 0.0021, true, ''),
    ('OSN-T090/2022-09-08/flat-AndorT90-R-+45deg-2048x2048', 'flat', 'R', 45.0, 5, 0, 1.0, 0.0480, false,
     'scatter 0.0480, more than 5 times the 0.0022 of the last good one')
) m(name, kind, band, angle_deg, n_frames, n_rejected, level, scatter, accepted, reason),
    (select 'OSN-T090' as telescope, date '2022-09-08' as night, 'AndorT90' as instrument) t;
insert into measurement by name
select 'a00000000' || (10 * number + star) as id, 'OSN-T090/2022-09-0' || night || '/pol-2200+420-R-' || number
    as origin,
    ['2200+420', 'BL Lac B', 'BL Lac C'][star + 1] as source, 'OSN-T090' as telescope,
    ('2022-09-0' || night)::date as night, 'AndorT90' as instrument, 'pol' as mode, 'R' as band,
    59821.5 + night + number / 10.0 as mjd_utc, [13.02, 11.93, 13.75][star + 1] + (1 - star) * number / 20.0 as mag,
    0.028 as mag_err, [0.1593, 0.0006, 0.0023][star + 1] as p, 0.0032 as p_err,
    [125.9, null, null][star + 1] as chi_deg, [0.6, null, null][star + 1] as chi_err_deg, 4 as n_frames, 0 as bits
from (values (8, 1), (8, 2), (9, 3), (9, 4)) g(night, number), (values (0), (1), (2)) s(star);
insert into correction by name select id as measurement, origin, 0 as quality, '' as quality_text from measurement;
insert into flag values ('a0000000040', 'clouds', 'ana', timestamp '2022-09-10 07:00:00');
insert into calibration by name select 'AndorT90 R 2022-08' as name, 'AndorT90' as instrument, 'R' as band,
    0.0579 as q_inst, 0.0003 as q_inst_err, 0.0583 as u_inst, 0.0003 as u_inst_err, -18.2 as zero_angle_deg,
    0.3 as zero_angle_err_deg, date '2022-08-01' as valid_from, 12 as n_measurements, true as accepted;
insert into log by name
select timestamp '2022-09-09 06:00:00' + to_seconds(n) as time_utc, 'run1' as run, level, step,
    'OSN-T090/2022-09-08/' || item as item, message
from (values (1, 'info', 'reduce', 'BLLac-0002R90.fit', 'done'), (2, 'info', 'solve', 'BLLac-0002R90.fit', 'done'),
    (3, 'error', 'phot', 'BLLac-0002R90.fit', '2200+420 is 3 px from the edge, the annulus needs 31'),
    (4, 'warning', 'mkmaster', 'flat-AndorT90-R-+45deg-2048x2048', 'not accepted: scatter 0.0480')
) l(n, level, step, item, message);
"""
# Name of the picture, what is seen when it is there, the keys that lead there.
_VIEWS: list[tuple[str, str, tuple[str, ...]]] = [
    ("nights", "1/2 nights", ("1",)),
    ("frames", "1/16 frames", ("2",)),
    ("results", "1/12 results", ("3",)),
    ("sources", "1/3 sources", ("4",)),
    ("masters", "1/3 masters", ("5",)),
    ("calibrations", "AndorT90 R 2022-08", ("6",)),
    ("log", "3/4 log", ("7", "up")),
    ("jobs", "no jobs yet", ("8",)),
    ("flag", "Why flag", ("3", "f")),
    ("help", "Help: nights", ("1", "question_mark")),
    ("columns", "space: show or hide", ("3", "o")),
    ("filter", "1/8 frames", ("2", "slash", *"0002", "enter")),
]


@pytest.fixture(scope="module")
def written_archive(module_folder: Callable[[str], Path]) -> SmallArchive:
    archive = SmallArchive(module_folder("seen") / "archive")
    archive.root.mkdir()
    assert archive.run("init").returncode == 0
    Store(archive.root / "iop4.duckdb").write([], _ROWS)
    return archive


@pytest.mark.parametrize("size", [SMALL, pytest.param(LARGE, marks=pytest.mark.night)], ids=["80x24", "160x50"])
@pytest.mark.parametrize(("name", "wanted", "keys"), _VIEWS, ids=[view[0] for view in _VIEWS])
def test_a_screen_is_as_it_was_drawn(
    written_archive: SmallArchive, size: tuple[int, int], name: str, wanted: str, keys: tuple[str, ...]
) -> None:
    kept = _SEEN / f"{name}_{size[0]}x{size[1]}.txt"

    async def look(seat: Seat) -> None:
        await seat.until("1/2 nights")
        for key in keys:
            await seat.press(key)
            # What a screen asks of the store comes before the next key.
            await seat.pilot.pause()
            await seat.app.workers.wait_for_complete()
        await seat.until(wanted)
        if name == "results" and size == LARGE:
            await seat.until("against MJD")
        seen = _stripped(seat.seen)
        if _DRAW:
            kept.parent.mkdir(exist_ok=True)
            kept.write_text(seen, encoding="utf-8")
        await seat.until(lambda: _stripped(seat.seen) == kept.read_text(encoding="utf-8"))

    sit(written_archive, look, size)


def _stripped(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def test_no_drawn_screen_is_left_over() -> None:
    names = {f"{view[0]}_{width}x{height}.txt" for view in _VIEWS for width, height in (SMALL, LARGE)}
    assert {path.name for path in _SEEN.iterdir()} == names
