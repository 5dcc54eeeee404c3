"""Evaluation: SI-SDR against closed forms, and the scores of a folder laid out like the public evaluation set."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

soundfile = pytest.importorskip("soundfile", reason="needs the extra [train]")
pytest.importorskip("soxr", reason="needs the extra [train]")

import unbraid  # noqa: E402
from toy_corpus import SOUNDS, Audio  # noqa: E402
from unbraid.training import evaluate  # noqa: E402
from unbraid.training.evaluate import Score, read_clip, score_clip, score_folder, table  # noqa: E402
from unbraid.training.metrics import si_sdr  # noqa: E402

STEMS = ["speech", "music", "noise"]


@pytest.fixture(autouse=True)
def _no_speech_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """PESQ refuses what holds no speech, as toys do: evaluate as where it is not installed."""
    monkeypatch.setitem(sys.modules, "pesq", None)


def write_clip(folder: Path, *names: str, sample_rate: int = 16000, channels: int = 1) -> dict[str, Audio]:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(len(names))
    stems = {}
    for name in names:
        audio = np.stack([SOUNDS[name](rng, sample_rate, 0.5) for _ in range(channels)])
        soundfile.write(folder / f"{name}.flac", audio.T, sample_rate, subtype="PCM_24")
        stems[name] = audio
    return stems


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_clip(tmp_path / "eval" / "000", *STEMS, sample_rate=48000, channels=2)
    write_clip(tmp_path / "eval" / "001", "speech", "noise")
    write_clip(tmp_path / "eval" / "002", "noise")
    (tmp_path / "eval" / "manifest.json").write_text("{}")
    return tmp_path / "eval"


# --- SI-SDR ---------------------------------------------------------------------------------------------------------


def test_si_sdr_is_the_ratio_of_what_is_in_the_reference_to_what_is_not() -> None:
    time = np.arange(4800) / 4800
    reference, other = np.sin(2 * np.pi * 5 * time), np.cos(2 * np.pi * 9 * time)  # of equal power, orthogonal
    for gain, error in ((1.0, 0.1), (0.5, 0.5), (3.0, 0.001)):
        expected = 20 * np.log10(gain / error)
        assert si_sdr(gain * reference + error * other, reference) == pytest.approx(expected, abs=1e-6)
        assert si_sdr(gain * reference + error * other + 0.7, 4 * reference - 2) == pytest.approx(expected, abs=1e-6)


def test_si_sdr_of_channels_is_that_of_one_vector(rng: np.random.Generator) -> None:
    reference, estimate = rng.standard_normal((2, 2, 1000))
    reference, estimate = (x - x.mean(axis=1, keepdims=True) for x in (reference, estimate))
    assert si_sdr(estimate, reference) == pytest.approx(si_sdr(estimate.ravel(), reference.ravel()))


def test_si_sdr_has_no_infinities(rng: np.random.Generator) -> None:
    signal = rng.standard_normal(100)
    silence = np.zeros(100)
    assert si_sdr(signal, signal) > 200
    assert all(np.isfinite(si_sdr(a, b)) for a in (signal, silence) for b in (signal, silence))


def test_si_sdr_wants_equal_shapes() -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 5\), got \(5,\)"):
        si_sdr(np.ones(5), np.ones((2, 5)))


# --- folders --------------------------------------------------------------------------------------------------------


def test_scores_of_a_folder(folder: Path, toy_model: unbraid.Model) -> None:
    scores = {(s.clip, s.kind, s.stem, s.metric): s.value for s in score_folder(folder, toy_model)}
    mixed = [("000", "+".join(STEMS), stem) for stem in STEMS]
    mixed += [("001", "speech+noise", stem) for stem in ("speech", "noise")]
    expected = {(*row, metric) for row in mixed for metric in ("si_sdr", "si_sdr_gain")}
    expected |= {("002", "noise", stem, "leak") for stem in ("speech", "music")} | {("002", "noise", "noise", "si_sdr")}
    assert set(scores) == expected
    assert np.isfinite(list(scores.values())).all()
    assert all(value < 0 for key, value in scores.items() if key[-1] == "leak")


def test_gains_are_over_the_sum_of_the_stems(folder: Path, toy_model: unbraid.Model) -> None:
    references, sample_rate = read_clip(folder / "000", STEMS)
    mixture = references["speech"] + references["music"] + references["noise"]
    estimates = unbraid.separate(mixture, sample_rate, toy_model)
    for score in score_clip(folder / "000", toy_model):
        value = si_sdr(estimates[score.stem], references[score.stem])
        if score.metric == "si_sdr_gain":
            value -= si_sdr(mixture, references[score.stem])
        assert score.value == pytest.approx(value, abs=0.01)


def test_clips_are_cut_to_their_shortest_stem(folder: Path) -> None:
    soundfile.write(folder / "001" / "music.wav", np.zeros(5000), 16000)
    stems, sample_rate = read_clip(folder / "001", STEMS)
    assert sample_rate == 16000
    assert [(name, audio.shape) for name, audio in stems.items()] == [(name, (1, 5000)) for name in STEMS]


def test_stems_of_unequal_rates_are_an_error(folder: Path) -> None:
    soundfile.write(folder / "001" / "music.wav", np.zeros(5000), 44100)
    with pytest.raises(ValueError, match=r"001: expected stems .* at one sample rate"):
        read_clip(folder / "001", STEMS)


@pytest.mark.parametrize("empty", [".", "clip"])
def test_folders_without_stems_are_an_error(tmp_path: Path, toy_model: unbraid.Model, empty: str) -> None:
    (tmp_path / empty).mkdir(exist_ok=True)
    with pytest.raises(ValueError, match="expected"):
        score_folder(tmp_path, toy_model)


def test_the_table_has_means_and_the_worst_clip() -> None:
    gains_db = {"000": 4.0, "001": 1.0, "002": 7.0}
    scores = [Score(clip, "speech+noise", "speech", "si_sdr_gain", value) for clip, value in gains_db.items()]
    scores += [Score("003", "noise", "music", "leak", -31.26)]
    lines = table(scores).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| speech+noise | speech | 3 | 4.00 | 1.0 (001) |")
    assert lines[3].startswith("| noise | music | 1 |")
    assert "-31.3" in lines[3]


def test_the_command_prints_the_table_and_keeps_the_scores(
    folder: Path, toy_model_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = folder.parent / "scores.json"
    monkeypatch.setattr("sys.argv", ["evaluate", str(toy_model_path), str(folder), "--json", str(kept)])
    evaluate.main()
    assert "| speech+noise | noise | 1 |" in capsys.readouterr().out
    assert len([Score(**row) for row in json.loads(kept.read_text())]) == 13
