"""Several frames in a run of the network: where that changes no bit, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import unbraid
from helpers.audio import Audio, noise
from helpers.installed import STREAMING
from helpers.toy_model import MID_AND_SIDE, save_pair_model
from unbraid import _core

MOST = 16


def in_blocks(stream: _core.Separator | _core.Remixer, audio: Audio, sizes: list[int]) -> Audio:
    cuts = np.cumsum(sizes)
    assert cuts[-1] >= audio.shape[1]
    parts = [stream.process(part) for part in np.split(audio, cuts[:-1], axis=1)]
    return np.concatenate([*parts, stream.flush()], axis=-1)


@pytest.mark.parametrize(
    "metadata", [{}, {"lookahead_frames": "2"}, {"hop_seconds": "0.008"}, {"channels": MID_AND_SIDE}]
)
@pytest.mark.parametrize("sample_rate", [8000, 44100])
def test_long_blocks_give_what_short_ones_give(
    tmp_path: Path, metadata: dict[str, str], sample_rate: int, rng: np.random.Generator
) -> None:
    model = _core.Model(str(save_pair_model(tmp_path / "pair.onnx", **metadata)))
    assert model.frames_per_run == MOST
    separator = _core.Separator(sample_rate, 2, model)
    remixer = _core.Remixer(sample_rate, 2, model, [1.0, 0.3, 0.0])
    for stream in (separator, remixer):
        hop = stream.hop_length
        audio = noise(rng, 2, 70 * hop + 11)
        alone = in_blocks(stream, audio, [hop // 2] * 150)
        for sizes in ([audio.shape[1]], [3 * hop + 5, 40 * hop, 30 * hop], [17 * hop] * 5, [hop + 1] * 70):
            np.testing.assert_array_equal(in_blocks(stream, audio, sizes), alone)
        random = rng.integers(0, 9 * hop, 60).tolist()
        np.testing.assert_array_equal(in_blocks(stream, audio, random), alone)


def test_a_fader_moves_from_the_same_hop_on(tmp_path: Path, rng: np.random.Generator) -> None:
    model = _core.Model(str(save_pair_model(tmp_path / "pair.onnx")))

    def remix(sizes: list[int]) -> Audio:
        stream = _core.Remixer(16000, 1, model, [1.0, 1.0, 1.0])
        first = in_parts(stream, audio[:, : 20 * stream.hop_length], sizes)
        stream.set_gains([0.0, 2.0, 0.5])
        return np.concatenate([first, in_parts(stream, audio[:, 20 * stream.hop_length :], sizes)], axis=-1)

    def in_parts(stream: _core.Remixer, part: Audio, sizes: list[int]) -> Audio:
        return np.concatenate([stream.process(piece) for piece in np.split(part, np.cumsum(sizes), axis=1)], axis=-1)

    audio = noise(rng, 1, 50 * 256)
    np.testing.assert_array_equal(remix([100] * 200), remix([5000]))


def test_a_model_that_hears_the_number_of_frames_runs_one_by_one(tmp_path: Path, rng: np.random.Generator) -> None:
    model = _core.Model(str(save_pair_model(tmp_path / "counts.onnx", counts_frames=True)))
    assert model.frames_per_run == 1
    assert model.one_frame_reason == "masks differ by how many hops share a run"
    stream = _core.Separator(16000, 1, model)
    audio = noise(rng, 1, 9000)
    np.testing.assert_array_equal(in_blocks(stream, audio, [9000]), in_blocks(stream, audio, [100] * 90))


@pytest.mark.parametrize("name", STREAMING)
def test_shipped_models_give_the_same_bits_in_any_blocks(name: str, rng: np.random.Generator) -> None:
    model = unbraid.load_model(name)
    assert model.frames_per_run == (1 if model.one_frame_reason else MOST)
    stream = _core.Separator(48000, 2, model)
    audio = noise(rng, 2, 48000)
    expected = in_blocks(stream, audio, [512] * 94)
    for sizes in ([48000], [20000, 768, 30000]):
        np.testing.assert_array_equal(in_blocks(stream, audio, sizes), expected)
