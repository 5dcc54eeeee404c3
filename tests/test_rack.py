"""A chain per stem in the real pedalboard: in step whatever the latencies, streamed and whole."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pedalboard import Compressor, Delay, Gain, Limiter, Pedalboard, PitchShift, Reverb
from pedalboard._pedalboard import Plugin
from pedalboard.io import AudioFile
from pedalboard_native._internal import AddLatency

import unbraid
from helpers.audio import Audio, soft_noise, write

RATE = 48000


def streamed(rack: unbraid.StemRack, audio: Audio, lengths: list[int]) -> Audio:
    """The rack's output for the signal cut into blocks of these lengths, over and over, and the rest."""
    parts, start, i = [], 0, 0
    while start < audio.shape[-1]:
        block = audio[..., start : start + lengths[i % len(lengths)]]
        parts.append(rack.process(block, RATE, reset=False))
        start, i = start + lengths[i % len(lengths)], i + 1
    return np.concatenate([*parts, rack.flush()], axis=-1)


def chains() -> dict[str, object]:
    return {"speech": Pedalboard([Compressor(-30, 4), AddLatency(1000)]), "music": [AddLatency(77), Gain(-12)]}


def test_chains_of_unequal_latency_stay_in_step(toy_model: unbraid.Model, rng: np.random.Generator) -> None:
    audio = soft_noise(rng, 2, 30000)
    rack = unbraid.StemRack(
        {"speech": AddLatency(1234), "music": Pedalboard([AddLatency(5), AddLatency(600)])}, toy_model
    )
    np.testing.assert_allclose(rack.process(audio, RATE), audio, atol=1e-6)
    np.testing.assert_allclose(streamed(rack, audio, [400]), audio, atol=1e-6)


@pytest.mark.parametrize("lengths", [[1], [7], [767, 768, 769], [4096], [3, 0, 9000, 50], [100, 1000, 10000]])
def test_a_stream_is_the_whole_signal_to_the_last_bit(
    toy_model: unbraid.Model, rng: np.random.Generator, lengths: list[int]
) -> None:
    audio = soft_noise(rng, 2, 4000 if lengths == [1] else 20000)
    rack = unbraid.StemRack(chains(), toy_model)  # type: ignore[arg-type]
    whole = rack.process(audio, RATE)
    assert whole.shape == audio.shape
    np.testing.assert_array_equal(streamed(rack, audio, lengths), whole)
    np.testing.assert_array_equal(rack.process(audio, RATE), whole)


def test_each_stem_goes_through_its_own_chain(toy_model: unbraid.Model, rng: np.random.Generator) -> None:
    audio = soft_noise(rng, 2, 20000)
    stems = unbraid.separate(audio, RATE, toy_model)
    rack = unbraid.StemRack({"speech": Gain(6), "music": None}, toy_model)
    out = rack.process_stems(audio, RATE)
    np.testing.assert_allclose(out["speech"], stems["speech"] * 10 ** (6 / 20), rtol=1e-5, atol=1e-7)
    assert not out["music"].any()
    np.testing.assert_array_equal(out["noise"], stems["noise"])
    np.testing.assert_allclose(rack.process(audio, RATE), out["speech"] + out["noise"], atol=1e-6)


def test_an_empty_rack_gives_the_mixture_back(toy_model: unbraid.Model, rng: np.random.Generator) -> None:
    for shape in [(5000,), (1, 5000), (2, 1), (2, 0), (0,)]:
        audio = soft_noise(rng, *shape)
        out = unbraid.StemRack({}, toy_model).process(audio, RATE)
        assert out.shape == shape
        np.testing.assert_allclose(out, audio, atol=1e-6)


def test_muting_all_gives_silence(toy_model: unbraid.Model, rng: np.random.Generator) -> None:
    rack = unbraid.StemRack(dict.fromkeys(toy_model.stem_names), toy_model)
    assert not rack.process(soft_noise(rng, 2, 5000), RATE).any()


@pytest.mark.parametrize(
    "plugin", [Reverb(), Limiter(), Delay(0.01), PitchShift(2)], ids=lambda plugin: type(plugin).__name__
)
def test_stock_effects_keep_length_and_start_afresh(
    toy_model: unbraid.Model, rng: np.random.Generator, plugin: Plugin
) -> None:
    audio = soft_noise(rng, 2, 30000)
    rack = unbraid.StemRack({"music": plugin}, toy_model)
    first = rack.process(audio, RATE)
    assert first.shape == audio.shape
    np.testing.assert_array_equal(rack.process(audio, RATE), first)


def test_an_effect_in_python_will_do(toy_model: unbraid.Model, rng: np.random.Generator) -> None:
    class Invert:
        def process(self, input_array: Audio, sample_rate: float, buffer_size: int, reset: bool) -> Audio:
            assert (sample_rate, reset) == (RATE, False)
            return -input_array

    audio = soft_noise(rng, 1, 10000)
    rack = unbraid.StemRack(dict.fromkeys(toy_model.stem_names, Invert()), toy_model)
    np.testing.assert_allclose(rack.process(audio, RATE), -audio, atol=1e-6)


def test_wrong_chains_are_refused(toy_model: unbraid.Model) -> None:
    with pytest.raises(ValueError, match="unknown stem 'vocals'; this model has speech, music, noise"):
        unbraid.StemRack({"vocals": Gain()}, toy_model)
    with pytest.raises(TypeError, match=r"chain of 'music' must be a Pedalboard.* got float"):
        unbraid.StemRack({"music": -12.0}, toy_model)  # type: ignore[dict-item]


def test_a_stream_keeps_its_format(toy_model: unbraid.Model, rng: np.random.Generator) -> None:
    rack = unbraid.StemRack({}, toy_model)
    rack.process(soft_noise(rng, 2, 100), RATE, reset=False)
    with pytest.raises(ValueError, match="under way is 2 channels at 48000 Hz, got 1 channels at 44100 Hz"):
        rack.process(soft_noise(rng, 1, 100), 44100, reset=False)
    rack.reset()
    rack.process(soft_noise(rng, 1, 100), 44100, reset=False)


def test_a_chain_that_swallows_everything_is_an_error(toy_model: unbraid.Model, rng: np.random.Generator) -> None:
    class Sink:
        def process(self, input_array: Audio, sample_rate: float, buffer_size: int, reset: bool) -> Audio:
            return input_array[:, :0]

    rack = unbraid.StemRack({"music": Sink()}, toy_model)
    with pytest.raises(RuntimeError, match="'music' gave back less than it took"):
        rack.process(soft_noise(rng, 1, 2000), RATE)


@pytest.mark.parametrize("seconds", [0.0, 2.5])
def test_a_file_comes_out_as_the_array_does(
    toy_model: unbraid.Model, rng: np.random.Generator, tmp_path: Path, seconds: float
) -> None:
    audio = soft_noise(rng, 2, int(seconds * RATE))
    with AudioFile(str(tmp_path / "in.wav"), "w", RATE, 2, bit_depth=32) as file:
        file.write(audio)
    rack = unbraid.StemRack(chains(), toy_model)  # type: ignore[arg-type]
    rack.process_file(tmp_path / "in.wav", tmp_path / "out.wav")
    with AudioFile(str(tmp_path / "out.wav")) as file:
        assert (file.samplerate, file.num_channels, file.frames) == (RATE, 2, audio.shape[1])
        np.testing.assert_array_equal(file.read(max(1, file.frames)), rack.process(audio, RATE))


def test_files_of_unknown_formats_are_refused(
    tmp_path: Path, toy_model: unbraid.Model, rng: np.random.Generator
) -> None:
    source = write(tmp_path / "in.wav", soft_noise(rng, 2, 1000), RATE)
    with pytest.raises(ValueError, match=r"out\.aiff: the output must end in \.wav, \.flac"):
        unbraid.StemRack({}, toy_model).process_file(source, tmp_path / "out.aiff")
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


class Halve:
    def process(self, input_array: Audio, sample_rate: float, buffer_size: int, reset: bool) -> Audio:
        return 0.5 * input_array


@pytest.mark.parametrize("how", [copy.deepcopy, lambda rack: pickle.loads(pickle.dumps(rack))])
def test_a_copy_has_the_settings_and_a_stream_of_its_own(
    toy_model: unbraid.Model, rng: np.random.Generator, how: Callable[[unbraid.StemRack], unbraid.StemRack]
) -> None:
    audio = soft_noise(rng, 2, 10000)
    rack = unbraid.StemRack({"music": Halve(), "noise": None}, toy_model)
    expected = rack.process(audio, RATE)
    rack.process(audio, RATE, reset=False)
    other = how(rack)
    assert other.flush().size == 0
    np.testing.assert_array_equal(other.process(audio, RATE), expected)
    assert rack.flush().size > 0


def test_what_cannot_be_copied_says_so(toy_model: unbraid.Model) -> None:
    rack = unbraid.StemRack({"music": Gain(-12)}, toy_model)
    for how in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"chain of 'music' cannot be copied .* one StemRack per worker"):
            how(rack)
    with pytest.raises(TypeError, match="would share its chains"):
        copy.copy(rack)


def test_chains_are_a_mapping_by_stem(toy_model: unbraid.Model) -> None:
    with pytest.raises(TypeError, match="chains must map stem names to chains, got list"):
        unbraid.StemRack([Gain()], toy_model)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"unknown stem 'x{50,60}…; this model"):
        unbraid.StemRack({"x" * 100_000: None}, toy_model)
