"""The progress bar of the command line, within one process."""

from __future__ import annotations

import pytest

from unbraid.cli.progress import progress_bar


def test_one_report_is_enough_for_the_speed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal, to rich
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("talk.wav", quiet=False) as report:
        assert report
        report(2.0, 2.0)
    assert "x real time" in capsys.readouterr().err


@pytest.mark.parametrize("quiet", [True, False])
def test_nothing_shows_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], quiet: bool
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    with progress_bar("talk.wav", quiet) as report:
        assert report is None
    assert capsys.readouterr().err == ""
