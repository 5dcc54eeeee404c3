"""The examples run as their first lines say."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pedalboard.io import AudioFile

import unbraid
from helpers import ROOT
from helpers.audio import read_audio, write

pytestmark = pytest.mark.skipif("dialogue" not in unbraid.models(), reason="the dialogue model is not installed")


@pytest.mark.parametrize(
    "script",
    # Those have tests of their own: tests/training/test_textbook_crnn.py, tests/live/test_pipecat_filter.py.
    sorted(path for path in (ROOT / "examples").glob("*.py") if path.stem not in ("textbook_crnn", "pipecat_filter")),
    ids=lambda path: path.stem,
)
def test_example_runs(script: Path, tmp_path: Path) -> None:
    usage = re.search(r"^\s*python (\S+ \S+) (\S+)$", script.read_text(), re.MULTILINE)
    assert usage, f"{script.name} does not say how to run it"
    output = tmp_path / usage[2]
    subprocess.run([sys.executable, *usage[1].split(), str(output)], cwd=ROOT, check=True)
    with AudioFile(str(ROOT / "examples/demo.flac")) as given, AudioFile(str(output)) as made:
        assert (made.frames, made.num_channels, made.samplerate) == (given.frames, given.num_channels, given.samplerate)
        before, after = given.read(given.frames), made.read(made.frames)

    # Aligned to the sample: nothing is as like the mixture as what comes at its own time.
    products = np.conj(np.fft.rfft(before.mean(axis=0), 2 * before.shape[1])) * np.fft.rfft(
        after.mean(axis=0), 2 * before.shape[1]
    )
    assert np.argmax(np.fft.irfft(products)) == 0

    assert 0.05 < np.std(after[:, 48000 * 2 :]) / np.std(before[:, 48000 * 2 :]) < 2
    assert np.isfinite(after).all()


def test_ducking_by_nothing_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the first sample, nor the last, whatever the blocks."""
    duck = runpy.run_path(str(ROOT / "examples/duck.py"))
    with AudioFile(str(ROOT / "examples/demo.flac")) as given:
        before = given.read(given.frames)
        rate = given.samplerate
    short = write(tmp_path / "short.wav", before[:, : 2 * rate + 77], rate, 24)
    for block in (480, 5000):
        monkeypatch.setitem(duck["duck"].__globals__, "DEPTH_DB", 0.0)
        monkeypatch.setitem(duck["duck"].__globals__, "BLOCK", block)
        duck["duck"](str(short), str(tmp_path / "same.wav"))
        np.testing.assert_allclose(read_audio(tmp_path / "same.wav"), read_audio(short), atol=1e-6)
