"""The examples run as their first lines say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pedalboard.io import AudioFile

import unbraid
from helpers import ROOT

pytestmark = pytest.mark.skipif("dialogue" not in unbraid.models(), reason="the dialogue model is not installed")


@pytest.mark.parametrize("script", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem)
def test_example_runs(script: Path, tmp_path: Path) -> None:
    usage = re.search(r"^\s*python (\S+ \S+) (\S+)$", script.read_text(), re.MULTILINE)
    assert usage, f"{script.name} does not say how to run it"
    output = tmp_path / usage[2]
    subprocess.run([sys.executable, *usage[1].split(), str(output)], cwd=ROOT, check=True)
    with AudioFile(str(ROOT / "examples/demo.flac")) as given, AudioFile(str(output)) as made:
        assert (made.frames, made.num_channels, made.samplerate) == (given.frames, given.num_channels, given.samplerate)
        before, after = given.read(given.frames), made.read(made.frames)

    assert 0.05 < np.std(after[:, 48000 * 2 :]) / np.std(before[:, 48000 * 2 :]) < 2
    assert np.isfinite(after).all()
