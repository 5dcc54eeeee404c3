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
from helpers.toy_corpus import write_clip  # noqa: E402
from unbraid.evaluation import __main__ as command  # noqa: E402
from unbraid.evaluation import metrics  # noqa: E402
from unbraid.evaluation.metrics import open_metrics, si_sdr, wide_band_pesq  # noqa: E402
from unbraid.evaluation.scores import Score, System, mixture_of, read_clip, resample, score_folder, system_of  # noqa: E402
from unbraid.evaluation.tables import figures, report, summary  # noqa: E402

STEMS = ["speech", "music", "noise"]


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
    length = {"length": lambda reference, estimate: {"stoi": len(estimate) / 16000}}
    found = list(score_folder(folder, STEMS, {"toy": system_of(toy_model)}, length))
    scores = {(s.clip, s.kind, s.stem, s.metric): s.value for s in found}
    mixed = [("000", "+".join(STEMS), stem) for stem in STEMS]
    mixed += [("001", "speech+noise", stem) for stem in ("speech", "noise")]
    expected = {(*row, metric) for row in mixed for metric in ("si_sdr_input", "si_sdr_gain", "si_sdr_gain_full")}
    expected |= {(*row, "stoi") for row in mixed if row[-1] == "speech"}
    expected |= {("001", "speech+noise", "music", "leak")}
    expected |= {("002", "noise", stem, "leak") for stem in ("speech", "music")}
    assert set(scores) == expected
    assert np.isfinite(list(scores.values())).all()
    assert all(value < 0 for key, value in scores.items() if key[-1] == "leak")
    assert all(value == 0.5 for key, value in scores.items() if key[-1] == "stoi")
    assert {score.system for score in found} == {"toy"}


def test_gains_are_over_the_sum_of_the_stems(folder: Path, toy_model: unbraid.Model) -> None:
    references, sample_rate = read_clip(folder / "000", STEMS)
    mixture = references["speech"] + references["music"] + references["noise"]
    np.testing.assert_allclose(mixture_of(references), mixture, atol=1e-7)
    estimates = unbraid.separate(mixture, sample_rate, toy_model)
    scores = [s for s in score_folder(folder, STEMS, {"toy": system_of(toy_model)}, {}) if s.clip == "000"]
    for score in scores:
        signals = [estimates[score.stem], mixture, references[score.stem]]
        if score.metric != "si_sdr_gain_full":
            signals = [resample(signal, sample_rate, 16000) for signal in signals]
        estimate, mixed, reference = signals
        before = si_sdr(mixed, reference)
        expected = before if score.metric == "si_sdr_input" else si_sdr(estimate, reference) - before
        assert score.value == pytest.approx(expected, abs=0.01)
    assert len(scores) == 9


def test_what_is_left_of_two_stems_is_the_other_one(folder: Path) -> None:
    """Of a system that knows only speech; of three stems it is none, and of nothing taken away it is nothing."""
    systems: dict[str, System] = {
        "half": lambda mixture, rate, reference: {"speech": 0.5 * reference},
        "nothing": lambda mixture, rate, reference: {"speech": mixture},
    }
    scores = [s for s in score_folder(folder, STEMS, systems, {}) if s.metric == "si_sdr_gain"]
    assert {(s.system, s.clip, s.stem) for s in scores} == {
        ("half", "000", "speech"), ("nothing", "000", "speech"),
        ("half", "001", "speech"), ("half", "001", "noise"), ("nothing", "001", "speech"),
    }  # fmt: skip
    (rest,) = (s.value for s in scores if s.stem == "noise")
    stems, _ = read_clip(folder / "001", STEMS)
    mixture = mixture_of(stems)
    left = mixture - 0.5 * stems["speech"]
    assert rest == pytest.approx(si_sdr(left, stems["noise"]) - si_sdr(mixture, stems["noise"]), abs=0.01)


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
        list(score_folder(tmp_path, STEMS, {"toy": system_of(toy_model)}, {}))


# --- metrics --------------------------------------------------------------------------------------------------------


def test_missing_metrics_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, _ in metrics.METRICS.values():
        monkeypatch.setitem(sys.modules, module, None)
    found, missing = open_metrics()
    assert not found
    assert list(missing) == ["PESQ", "STOI", "DNSMOS"]


def test_pesq_of_silence(rng: np.random.Generator) -> None:
    pesq = pytest.importorskip("pesq", reason="needs the extra [bench]")
    silence = np.zeros(32000, np.float32)
    syllables = (0.1 * rng.standard_normal(32000) * (np.sin(np.arange(32000) / 800) > 0)).astype(np.float32)
    assert wide_band_pesq(pesq, syllables, syllables) == {"pesq": pytest.approx(4.64, abs=0.01)}
    assert wide_band_pesq(pesq, syllables, silence) == {"pesq": 1}
    assert wide_band_pesq(pesq, silence, syllables) == {}


# --- tables ---------------------------------------------------------------------------------------------------------


def test_figures_have_means_and_the_worst_clip() -> None:
    gains_db = {"000": 4.0, "001": 1.0, "002": 7.0}
    scores = [Score("toy", clip, "speech+noise", "speech", "si_sdr_gain", value) for clip, value in gains_db.items()]
    scores.insert(0, Score("toy", "003", "noise", "music", "leak", -31.26))
    assert figures(scores).splitlines() == [
        "| mixture | stem | clips | SI-SDR gain dB | leak dB | worst (clip) |",
        "| --- | --- | --- | --- | --- | --- |",
        "| speech+noise | speech | 3 | 4.00 |  | 1.00 (001) |",
        "| noise | music | 1 |  | -31.3 | -31.3 (003) |",
    ]


def test_a_report_has_a_row_per_stem_and_system_and_the_worst_of_one() -> None:
    def score(system: str, kind: str, stem: str, metric: str, value: float) -> Score:
        return Score(system, "000", kind, stem, metric, value)

    mixtures, singles = report(
        [
            score("peer", "speech+noise", "speech", "si_sdr_gain", 3.0),
            score("ours", "speech+noise", "noise", "si_sdr_gain", 2.0),
            score("ours", "speech+noise", "speech", "si_sdr_gain", 1.0),
            score("ours", "music", "noise", "leak", -40.0),
        ],
        "ours",
        STEMS,
    ).split("### ")[1:]
    assert mixtures.splitlines()[0] == "speech+noise"
    assert mixtures.splitlines()[4:7] == [
        "| speech | peer | 1 | 3.00 |  |",
        "| speech | ours | 1 | 1.00 | 1.00 (000) |",
        "| noise | ours | 1 | 2.00 | 2.00 (000) |",
    ]
    assert singles.splitlines()[0] == "a single stem"
    assert singles.splitlines()[4] == "| music → noise | ours | 1 | -40.0 | -40.0 (000) |"


def test_the_summary_has_the_means_of_the_speech() -> None:
    scores = [
        Score("mixture", "0", "speech+noise", "speech", "si_sdr_gain", 0.0),
        Score("Unbraid", "0", "speech+noise", "speech", "si_sdr_gain", 6.0),
        Score("Unbraid", "1", "speech+noise", "speech", "si_sdr_gain", 7.0),
        Score("Unbraid", "0", "speech+noise", "speech", "pesq", 1.625),
        Score("Unbraid", "0", "speech+noise", "noise", "si_sdr_gain", 9.0),
        Score("Unbraid", "2", "speech+music+noise", "speech", "si_sdr_gain", 8.0),
        Score("Unbraid", "3", "speech", "speech", "pesq", 4.5),
    ]
    assert summary(scores).splitlines() == [
        "| system | speech+music+noise | speech+noise |",
        "| --- | --- | --- |",
        "| mixture |  | 0.0 |",
        "| Unbraid | 8.0 | 6.5 / 1.62 |",
    ]


def test_the_command_prints_the_table_and_keeps_the_scores(
    folder: Path, toy_model_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # PESQ refuses what holds no speech, as toys do: as where no metric is installed.
    monkeypatch.setattr(metrics, "METRICS", {"PESQ": ("a_package_that_is_not_there", wide_band_pesq)})
    kept = folder.parent / "scores.json"
    monkeypatch.setattr("sys.argv", ["evaluation", str(toy_model_path), str(folder), "--json", str(kept)])
    command.main()
    told = capsys.readouterr().out
    assert "PESQ skipped: No module named" in told
    assert "| speech+noise | noise | 1 |" in told
    assert len([Score(**row) for row in json.loads(kept.read_text())]) == 18
