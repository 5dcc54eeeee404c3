"""The progress bar of the command line, within one process."""

from __future__ import annotations

import pytest

from unbraid.cli.progress import progress_bar


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard error is a terminal, to rich."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.usefixtures("terminal")
def test_one_report_is_enough_for_the_speed(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("talk.wav", quiet=False) as report:
        assert report
        report(2.0, 2.0)
    assert "x real time" in capsys.readouterr().err


@pytest.mark.usefixtures("terminal")
def test_nothing_shows_where_it_is_to_be_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("talk.wav", quiet=True) as report:
        assert report is None
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("quiet", [True, False])
def test_nothing_shows_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], quiet: bool
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    with progress_bar("talk.wav", quiet) as report:
        assert report is None
    assert capsys.readouterr().err == ""
