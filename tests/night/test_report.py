"""A simulated night with a failed frame, as the person reads of it who was asleep."""

from __future__ import annotations

import re

import pytest

from iop4cli.archive.results import result_rows
from tests.night.archives import Archive
from tests.night.conftest import NIGHT, TARGETS

pytestmark = pytest.mark.night

FAILED = "S50716+71-0001R0.fit"


def test_a_night_with_a_failed_frame_is_told_whole(raw: Archive) -> None:
    path = raw.root / "raw" / "OSN-T090" / NIGHT / FAILED
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    raw.iop4("run", "-q", code=3)
    done = raw.iop4("report", "-q", "--save")
    assert (done.out, done.err) == ("", "")
    page = (raw.root / "reports" / "OSN-T090" / f"{NIGHT}.html").read_text(encoding="utf-8")
    text = raw.iop4("report").out
    assert text.splitlines()[2].startswith("**Needs a look: 1 item failed")
    cut = next(line for line in text.splitlines() if line.startswith("| classify"))
    assert FAILED in cut and "cut short" in cut
    for target in TARGETS:
        for row in _rows(raw, target):
            assert f"{row['mag']:.3f} ± {row['mag_err']:.3f}" in text
            assert f"{row['mag']:.3f} ± {row['mag_err']:.3f}" in page
            if row["p"] is not None:
                assert f"{100 * row['p']:.2f} ± {100 * row['p_err']:.2f}" in text
        assert f"{target}: this night (full)" in page
    solved = len(raw.sql("select 1 from item where step = 'solve' and status = 'done'"))
    assert f"{solved} of {solved} frames solved" in text
    fwhm = raw.sql("select median(fwhm_arcsec) as fwhm from wcs")[0]["fwhm"]
    assert f"FWHM {fwhm:.2f} arcsec" in text
    assert "<script" not in page and re.search(r'(src|href)="[^#]', page) is None


def _rows(archive: Archive, source: str) -> list[dict[str, float]]:
    columns = ["mag", "mag_err", "p", "p_err"]
    found = result_rows(archive.store, f"source = '{source}'", columns)
    assert found
    return found
