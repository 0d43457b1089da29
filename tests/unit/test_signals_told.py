"""Signals are told as what they are, whoever met them first."""

import pytest

from iop4cli.errors import StoreBusy
from iop4cli.shell.messages import HungUp, Terminated, exit_codes


@pytest.mark.parametrize(("came", "code"), [(KeyboardInterrupt, 130), (Terminated, 143), (HungUp, 129)])
def test_a_signal_is_told_though_a_library_made_another_error_of_it(came, code, capsys):
    with pytest.raises(SystemExit) as ended, exit_codes():
        try:
            raise came
        except came as signal_came:
            raise ImportError("initialization failed") from signal_came
    assert ended.value.code == code
    assert "what was finished is recorded" in capsys.readouterr().err


def test_what_could_not_be_kept_after_a_signal_is_not_hidden_by_it(capsys):
    with pytest.raises(SystemExit) as ended, exit_codes():
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise StoreBusy("the store is busy")  # noqa: B904
    assert ended.value.code == StoreBusy.exit_code
    assert "the store is busy" in capsys.readouterr().err


def test_an_error_without_a_signal_stays_an_error():
    with pytest.raises(ImportError), exit_codes():
        raise ImportError("initialization failed")
