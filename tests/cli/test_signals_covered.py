"""No verb is forgotten by the fault that sends signals to each."""

from __future__ import annotations

from iop4cli.app import VERBS
from tests.soak.signals import ARGUMENTS, ELSEWHERE


def test_each_verb_is_sent_signals_or_has_a_reason_why_not() -> None:
    assert {verb.name for verb in VERBS} <= ARGUMENTS.keys() | ELSEWHERE.keys()
