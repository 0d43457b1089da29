"""The shortened soak: every fault that is known, a few times each, and nothing may be lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.__main__ import faults
from tests.soak.faults import Fault

pytestmark = pytest.mark.night


@pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.name.replace(" ", "-")) for fault in faults()])
def test_nothing_is_lost(fault: Fault, tmp_path: Path) -> None:
    tried = fault.attempt(tmp_path, fault.quick)
    assert tried.times >= fault.quick
    assert not tried.lost, tried.told
