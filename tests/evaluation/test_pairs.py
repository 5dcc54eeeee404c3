"""Evaluation of talkers: the order of stems is free, ideal masks bound, like and unlike pitches are told apart."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

soundfile = pytest.importorskip("soundfile", reason="needs the extra [train]")
pytest.importorskip("soxr", reason="needs the extra [train]")
pytest.importorskip("scipy", reason="needs the extra [train]")

from helpers.audio import Audio  # noqa: E402
from helpers.toy_model import save_embedding_model  # noqa: E402
from unbraid.evaluation import __main__ as command  # noqa: E402
from unbraid.evaluation.pairs import (  # noqa: E402
    PairScore,
    ideal_stems,
    order_gain,
    pair_figures,
    pitch,
    worst_pair,
)

RATE = 16000


def voice(hz: float, seconds: float = 0.6) -> Audio:
    phase = 2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE
    tones = np.stack([np.sin(k * phase) / k for k in range(1, 9)])
    return (0.05 * tones.sum(axis=0, keepdims=True)).astype(np.float32)


def test_pitch_is_that_of_the_voice() -> None:
    for hz in (95.0, 160.0, 250.0):
        assert pitch(voice(hz)[0], RATE) == pytest.approx(hz, rel=0.02)


def test_the_order_that_gains_most_counts() -> None:
    talkers = {"talker1": voice(110), "talker2": voice(170)}
    swapped = {"talker1": talkers["talker2"], "talker2": talkers["talker1"]}
    leaking = {name: 0.9 * swapped[name] + 0.1 * talkers[name] for name in talkers}
    assert order_gain(swapped, talkers) == order_gain(talkers, talkers) > 100
    assert 15 < order_gain(leaking, talkers) < 25  # 20 lg 9 = 19 dB: a tenth of the other is left


def test_ideal_masks_gain_on_tones_that_lie_apart() -> None:
    talkers = {"talker1": voice(110), "talker2": voice(170)}
    stems = ideal_stems(talkers)
    assert order_gain(stems, talkers) > 8
    assert {stem.shape for stem in stems.values()} == {talkers["talker1"].shape}


def test_a_table_of_pairs() -> None:
    scores = [PairScore("000", 9.0, 17.0, True), PairScore("001", 2.0, 16.0, False), PairScore("002", 4.0, 15.0, False)]
    assert worst_pair(scores).clip == "001"
    rows = pair_figures(scores).splitlines()[2:]
    assert rows == [
        "| all | 3 | 5.00 | 16.00 |",
        "| unlike pitch | 1 | 9.00 | 17.00 |",
        "| like pitch | 2 | 3.00 | 15.50 |",
        "| the worst, 001 | 1 | 2.00 | 16.00 |",
    ]


def test_the_command_scores_pairs_of_a_model_of_talkers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save_embedding_model(tmp_path / "people.onnx")
    for clip, pitches in (("000", (110, 170)), ("001", (120, 125))):
        (tmp_path / "pairs" / clip).mkdir(parents=True)
        for number, hz in enumerate(pitches, 1):
            soundfile.write(tmp_path / "pairs" / clip / f"talker{number}.flac", voice(hz)[0], RATE)
    out = tmp_path / "scores.json"
    monkeypatch.setattr(sys, "argv", ["evaluation", str(model), str(tmp_path / "pairs"), "--json", str(out)])
    command.main()
    assert "| unlike pitch | 1 |" in capsys.readouterr().out
    scores = [PairScore(**row) for row in json.loads(out.read_text())]
    assert [(score.clip, score.unlike) for score in scores] == [("000", True), ("001", False)]
    assert all(np.isfinite(score.gain) and score.ideal > score.gain for score in scores)
