"""The Python API over arrays and streams: shapes, alignment, bit-identity, messages."""

from __future__ import annotations

import copy
import math
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unbraid
from helpers.audio import Audio, soft_noise
from helpers.toy_model import save_toy_model

RATES = (8000, 16000, 44100, 48000, 96000)


def total(stems: dict[str, Audio]) -> Audio:
    return np.sum(list(stems.values()), axis=0, dtype=np.float32)


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("shape", [(0,), (1,), (700,), (2, 0), (2, 1), (1, 5000), (8, 3000)])
def test_stems_have_the_mixtures_shape_and_sum_to_it(
    any_model: unbraid.Model, rng: np.random.Generator, sample_rate: int, shape: tuple[int, ...]
) -> None:
    mixture = soft_noise(rng, *shape)
    stems = unbraid.separate(mixture, sample_rate, any_model)
    assert list(stems) == ["speech", "music", "noise"]
    for stem in stems.values():
        assert stem.shape == shape
        assert stem.dtype == np.float32
        assert stem.flags.c_contiguous
    np.testing.assert_allclose(total(stems), mixture, atol=1e-6)


@pytest.mark.parametrize("seconds", [0.5, 9])  # shorter and longer than a block of separate()
def test_separate_is_the_stream_without_its_latency(
    any_model: unbraid.Model, rng: np.random.Generator, seconds: float
) -> None:
    mixture = soft_noise(rng, 2, int(seconds * 16000))
    stems = unbraid.separate(mixture, 16000, any_model)
    separator = unbraid.Separator(16000, 2, any_model)
    parts, start = [], 0
    while start < mixture.shape[1]:
        length = int(rng.integers(0, 4000))
        parts.append(separator.process(mixture[:, start : start + length]))
        assert parts[-1].shape[-1] == min(length, mixture.shape[1] - start)
        start += length
    streamed = np.concatenate([*parts, separator.flush()], axis=-1)
    aligned = streamed[..., separator.latency_samples :]
    for name, estimate in zip(separator.stem_names, aligned, strict=True):
        np.testing.assert_array_equal(stems[name], estimate)


@pytest.mark.parametrize("fundamental_hz", [110.0, 170.0, 260.0])
def test_music_that_begins_at_once_does_not_click(fundamental_hz: float) -> None:
    """Of a chord that is cut off at the start of the file, the first 60 ms stay with the music."""
    time = np.arange(48000) / 48000
    ratios = [ratio * k for ratio in (1, 1.25, 1.5) for k in range(1, 9)]
    tones = [np.sin(2 * np.pi * fundamental_hz * ratio * time + ratio) / ratio for ratio in ratios]
    chord = np.asarray(0.05 * np.sum(tones, axis=0), np.float32)
    stems = unbraid.separate(chord, 48000)
    start = {name: float(np.mean(stem[:2880] ** 2) / np.mean(chord[:2880] ** 2)) for name, stem in stems.items()}
    assert start["noise"] < 0.1 > start["speech"]


def test_remix_is_the_sum_of_stems_at_their_gains(toy_model: unbraid.Model, rng: np.random.Generator) -> None:
    mixture = soft_noise(rng, 2, 50000)
    stems = unbraid.separate(mixture, 48000, toy_model)
    remixed = unbraid.remix(mixture, 48000, toy_model, speech_db=6, noise_db="mute")
    expected = np.float32(10 ** (6 / 20)) * stems["speech"] + stems["music"]
    np.testing.assert_allclose(remixed, expected, atol=2e-6)


def test_remix_at_zero_db_gives_the_mixture_back(toy_model: unbraid.Model, rng: np.random.Generator) -> None:
    mixture = soft_noise(rng, 30000)
    np.testing.assert_allclose(unbraid.remix(mixture, 44100, toy_model), mixture, atol=1e-6)


def test_mute_is_minus_infinity(toy_model: unbraid.Model, rng: np.random.Generator) -> None:
    mixture = soft_noise(rng, 10000)
    muted = unbraid.remix(mixture, 48000, toy_model, music_db="mute")
    infinite = unbraid.remix(mixture, 48000, toy_model, music_db=-math.inf)
    np.testing.assert_array_equal(muted, infinite)


def test_silence_stays_silent(toy_model: unbraid.Model) -> None:
    for stem in unbraid.separate(np.zeros((2, 5000), np.float32), 48000, toy_model).values():
        assert not stem.any()


def test_float64_and_strided_audio_are_converted(toy_model: unbraid.Model, rng: np.random.Generator) -> None:
    mixture = soft_noise(rng, 5000, 2).T
    expected = unbraid.separate(np.ascontiguousarray(mixture), 48000, toy_model)
    for given in (mixture, mixture.astype(np.float64), mixture.astype(">f4")):
        for name, stem in unbraid.separate(given, 48000, toy_model).items():
            np.testing.assert_array_equal(stem, expected[name])


def test_stream_mirrors_the_blocks_dimensions(toy_model: unbraid.Model) -> None:
    separator = unbraid.Separator(48000, 1, toy_model)
    remixer = unbraid.Remixer(48000, 1, toy_model)
    latency = separator.latency_samples
    for shape in ((100,), (1, 100)):
        block = np.zeros(shape, np.float32)
        assert separator.process(block).shape == (3, *shape)
        assert separator.flush().shape == (3, *shape[:-1], latency)
        assert remixer.process(block).shape == shape
        assert remixer.flush().shape == (*shape[:-1], latency)


def test_stream_properties(toy_model: unbraid.Model) -> None:
    separator = unbraid.Separator(44100, 2, toy_model)
    assert separator.sample_rate == 44100
    assert separator.channels == 2
    assert separator.stem_names == ("speech", "music", "noise")
    assert separator.model is toy_model
    assert separator.latency_samples == toy_model.latency_samples(44100) > 0


@pytest.mark.parametrize("how", ["reset()", "reset=True", "flush()"])
def test_reset_and_flush_make_the_stream_as_new(toy_model: unbraid.Model, rng: np.random.Generator, how: str) -> None:
    before, mixture = soft_noise(rng, 2, 5001), soft_noise(rng, 2, 9000)
    expected = unbraid.Separator(48000, 2, toy_model).process(mixture)
    separator = unbraid.Separator(48000, 2, toy_model)
    separator.process(before)
    if how == "reset()":
        separator.reset()
    elif how == "flush()":
        separator.flush()
    np.testing.assert_array_equal(separator.process(mixture, reset=how == "reset=True"), expected)


def test_nan_passes_through_and_reset_recovers(toy_model: unbraid.Model, rng: np.random.Generator) -> None:
    mixture = soft_noise(rng, 1, 9000)
    separator = unbraid.Separator(48000, 1, toy_model)
    expected = separator.process(mixture)
    spoilt = mixture.copy()
    spoilt[0, 100] = np.nan
    assert np.isnan(separator.process(spoilt, reset=True)).any()
    np.testing.assert_array_equal(separator.process(mixture, reset=True), expected)


def test_set_gains_moves_the_named_faders_only(toy_model: unbraid.Model, rng: np.random.Generator) -> None:
    mixture = soft_noise(rng, 2, 96000)
    remixer = unbraid.Remixer(48000, 2, toy_model, music_db="mute")
    remixer.process(mixture[:, :48000])
    remixer.set_gains(noise_db="mute")
    moved = remixer.process(mixture[:, 48000:])
    steady = unbraid.Remixer(48000, 2, toy_model, music_db="mute", noise_db="mute")
    expected = steady.process(mixture)[:, 48000:]
    assert not np.allclose(moved[:, :500], expected[:, :500], atol=1e-4)
    np.testing.assert_allclose(moved[:, 9600:], expected[:, 9600:], atol=1e-6)


def test_streams_of_one_model_run_in_two_threads(toy_model: unbraid.Model, rng: np.random.Generator) -> None:
    mixtures = [soft_noise(rng, 2, 100000) for _ in range(2)]
    expected = [unbraid.separate(mixture, 48000, toy_model) for mixture in mixtures]
    found: list[dict[str, Audio]] = [{}, {}]

    def work(index: int) -> None:
        found[index] = unbraid.separate(mixtures[index], 48000, toy_model)

    threads = [threading.Thread(target=work, args=[index]) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for stems, reference in zip(found, expected, strict=True):
        for name in reference:
            np.testing.assert_array_equal(stems[name], reference[name])


@pytest.mark.parametrize(
    ("audio", "error", "message"),
    [
        (np.zeros(9, np.int16), TypeError, r"got int16; .*audio\.astype\(np\.float32\) / 32768"),
        (np.zeros(9, np.float16), TypeError, r"got float16; convert"),
        (np.zeros(9, np.complex64), TypeError, "got complex64"),
        (["a"], TypeError, "float32 or float64"),
        (np.zeros((1, 2, 9), np.float32), ValueError, r"got shape \(1, 2, 9\)"),
        (np.float32(1.0), ValueError, r"got shape \(\)"),
        (np.zeros((0, 9), np.float32), ValueError, r"1 to 8 channels, got shape \(0, 9\)"),
        (np.zeros((48000, 2), np.float32), ValueError, r"\(samples, channels\), pass audio\.T"),
        (np.zeros((9, 99), np.float32), ValueError, r"1 to 8 channels, got shape \(9, 99\)$"),
        (np.array([[0, 1], [np.nan, np.inf]]), ValueError, r"2 NaN or inf.* first at \(1, 0\)"),
        (np.array([0, 1e300]), ValueError, r"1 NaN or infinite samples, the first at \(1,\)"),
    ],
)
def test_unsuitable_audio_is_refused(
    toy_model: unbraid.Model, audio: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        unbraid.separate(audio, 48000, toy_model)  # type: ignore[arg-type]
    with pytest.raises(error, match=message):
        unbraid.remix(audio, 48000, toy_model)  # type: ignore[arg-type]


@pytest.mark.parametrize("sample_rate", [0, -1, 7999, 192001, math.nan, math.inf])
def test_unsuitable_sample_rates_are_refused(toy_model: unbraid.Model, sample_rate: float) -> None:
    with pytest.raises(ValueError, match="8000 to 192000 Hz, got"):
        unbraid.separate(np.zeros(9), sample_rate, toy_model)


@pytest.mark.parametrize("sample_rate", ["48000", None, True])
def test_sample_rates_must_be_numbers(toy_model: unbraid.Model, sample_rate: object) -> None:
    with pytest.raises(TypeError, match="number in Hz"):
        unbraid.Separator(sample_rate, 1, toy_model)  # type: ignore[arg-type]


def test_unsuitable_channels_are_refused(toy_model: unbraid.Model) -> None:
    for channels in (0, 9):
        with pytest.raises(ValueError, match=f"1 to 8, got {channels}"):
            unbraid.Separator(48000, channels, toy_model)
    with pytest.raises(TypeError, match="integer, got float"):
        unbraid.Remixer(48000, 2.0, toy_model)  # type: ignore[arg-type]
    separator = unbraid.Separator(48000, 2, toy_model)
    for shape in ((9,), (1, 9), (3, 9)):
        with pytest.raises(ValueError, match="expected 2 channels, got"):
            separator.process(np.zeros(shape, np.float32))


def test_unsuitable_gains_are_refused(toy_model: unbraid.Model) -> None:
    audio = np.zeros(9)
    with pytest.raises(TypeError, match="'speach_db'; this model has speech_db, music_db, noise"):
        unbraid.remix(audio, 48000, toy_model, speach_db=1)
    for gain_db in (math.nan, math.inf, 61):
        with pytest.raises(ValueError, match="music_db must be at most 60 dB, got"):
            unbraid.remix(audio, 48000, toy_model, music_db=gain_db)
    with pytest.raises(TypeError, match="number in dB or \"mute\", got 'off'"):
        unbraid.Remixer(48000, 1, toy_model).set_gains(noise_db="off")


@pytest.mark.parametrize(
    "huge", [10**400, 10**5000, Fraction(10**400), 1e400], ids=["int", "int-beyond-digits", "fraction", "float"]
)
def test_huge_numbers_are_refused_in_words(toy_model: unbraid.Model, huge: Any) -> None:
    for number in (huge, -huge):
        with pytest.raises(ValueError, match="sample_rate must be 8000 to 192000 Hz, got "):
            unbraid.Separator(number, 1, toy_model)
    with pytest.raises(ValueError, match="music_db must be at most 60 dB, got "):
        unbraid.Remixer(48000, 1, toy_model, music_db=huge)
    assert unbraid.Remixer(48000, 1, toy_model, music_db=-huge).gains_db["music"] == -math.inf
    if isinstance(huge, int):
        with pytest.raises(ValueError, match="channels must be 1 to 8, got "):
            unbraid.Separator(48000, huge, toy_model)


@pytest.mark.parametrize("gain", [np.zeros(3), np.zeros((2, 2)), np.array(1.0), [1.0], "x" * 10_000, b"mute", 1j])
def test_what_is_no_gain_is_refused_in_words(toy_model: unbraid.Model, gain: Any) -> None:
    for call in (
        lambda: unbraid.remix(np.zeros(9), 48000, toy_model, music_db=gain),
        lambda: unbraid.Remixer(48000, 1, toy_model, {"music": gain}),
        lambda: unbraid.Remixer(48000, 1, toy_model).set_gains(music=gain),
    ):
        with pytest.raises(TypeError, match=r"music(_db)? must be a number in dB or \"mute\", got ") as caught:
            call()
        assert len(str(caught.value)) < 200


def test_overlong_names_are_refused_in_words(toy_model: unbraid.Model) -> None:
    name = "x" * 100_000
    for model in (name, name + ".onnx", "/".join([name] * 3) + ".onnx", "a\0b.onnx", "a\0b"):
        with pytest.raises(unbraid.ModelError, match=r"no model ") as no_model:
            unbraid.load_model(model)
        assert len(str(no_model.value)) < 1000
    with pytest.raises(TypeError, match="unknown gain 'xxx") as caught:
        unbraid.remix(np.zeros(9), 48000, toy_model, **{name: 1.0})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("dtype", ["f4", "f8", ">f4"])
def test_unaligned_audio_is_copied(toy_model: unbraid.Model, rng: np.random.Generator, dtype: str) -> None:
    audio = soft_noise(rng, 2, 5000).astype(dtype)
    unaligned = np.frombuffer(b"x" + audio.tobytes(), dtype, offset=1).reshape(audio.shape)
    assert not unaligned.flags.aligned
    for row, stem in unbraid.separate(unaligned, 48000, toy_model).items():
        np.testing.assert_array_equal(stem, unbraid.separate(audio, 48000, toy_model)[row])
    unbraid.Separator(48000, 2, toy_model).process(unaligned)


@pytest.mark.parametrize("kind", [unbraid.Separator, unbraid.Remixer])
@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_stream_is_one_workers(
    toy_model: unbraid.Model, kind: type[unbraid.Separator], how: Callable[[object], object]
) -> None:
    with pytest.raises(TypeError, match=rf"a {kind.__name__} cannot be copied or pickled.* one per worker"):
        how(kind(48000, 2, toy_model))


def test_a_model_goes_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_toy_model(tmp_path / "mine.onnx")
    monkeypatch.chdir(tmp_path)
    model = unbraid.Model("mine.onnx")
    monkeypatch.chdir("/")
    assert Path(model.path) == tmp_path / "mine.onnx"
    bytes_of_it = pickle.dumps(model)
    assert len(bytes_of_it) < 1000
    again = pickle.loads(bytes_of_it)
    assert (again.path, again.stem_names) == (model.path, model.stem_names)
    assert pickle.loads(bytes_of_it) is again  # loaded once, as by load_model
    assert copy.copy(model) is model
    assert copy.deepcopy({"m": model})["m"] is model


def test_models_are_shared_until_their_file_changes(tmp_path: Path) -> None:
    path = save_toy_model(tmp_path / "mine.onnx")
    first = unbraid.load_model(path)
    assert unbraid.load_model(str(path)) is first
    assert unbraid.load_model(tmp_path / "." / "mine.onnx") is first
    assert unbraid.load_model(first) is first
    save_toy_model(path, name="another", lookahead_frames="1")
    assert unbraid.load_model(path).lookahead_frames == 1


def test_a_folder_of_ones_own_adds_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_toy_model(tmp_path / "mine.onnx", lookahead_frames="2", license="CC0-1.0")
    monkeypatch.setenv("UNBRAID_MODELS", str(tmp_path))
    info = unbraid.models()["mine"]
    assert info.name == "mine"
    assert info.path == path
    assert info.stem_names == ("speech", "music", "noise")
    assert info.license == "CC0-1.0"
    assert info.channels == ("mid",)
    assert info.lookahead_frames == 2
    assert info.latency_ms == pytest.approx(64)
    assert info.metadata["training_run"] == "random weights"
    assert unbraid.separate(np.zeros(9), 48000, "mine")["music"].shape == (9,)


def test_unknown_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(unbraid.ModelError, match=r"no model is called 'nosuch'; installed: "):
        unbraid.load_model("nosuch")
    with pytest.raises(unbraid.ModelError, match="no model file at"):
        unbraid.load_model(tmp_path / "nosuch.onnx")
    with pytest.raises(TypeError, match=r"a name, a path .* or a Model, got int"):
        unbraid.load_model(3)  # type: ignore[arg-type]
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(unbraid.ModelError, match=r"text\.onnx"):
        unbraid.load_model(tmp_path / "text.onnx")


def test_import_is_light() -> None:
    program = (
        "import sys, os, unbraid\n"
        "heavy = {'pedalboard', 'rich', 'click', 'onnxruntime', 'soundfile', 'torch'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'\n"
        "assert unbraid.__version__\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# --- gains by stem --------------------------------------------------------------------------------------------------


def test_a_mapping_by_stem_is_as_good_as_keywords(toy_model: unbraid.Model, rng: np.random.Generator) -> None:
    mixture = soft_noise(rng, 2, 20000)
    expected = unbraid.remix(mixture, 48000, toy_model, speech_db=3, music="mute")
    for gains in ({"speech": 3, "music": "mute"}, {"speech": 3.0, "music": float("-inf")}):
        np.testing.assert_array_equal(unbraid.remix(mixture, 48000, toy_model, gains_db=gains), expected)
    same = unbraid.remix(mixture, 48000, toy_model, {"music": "mute"}, speech_db=3)
    np.testing.assert_array_equal(same, expected)


def test_a_remixer_shows_its_gains(toy_model: unbraid.Model) -> None:
    remixer = unbraid.Remixer(48000, 2, toy_model, {"speech": 3}, music="mute")
    assert remixer.gains_db == {"speech": pytest.approx(3), "music": float("-inf"), "noise": 0}
    remixer.set_gains({"music": -6}, noise_db=1.5)
    assert remixer.gains_db == pytest.approx({"speech": 3, "music": -6, "noise": 1.5})
    remixer.reset()
    assert remixer.gains_db["music"] == pytest.approx(-6)


@pytest.mark.parametrize(
    ("gains_db", "keywords", "message"),
    [
        ({"song": 1}, {}, "unknown gain 'song'; this model has speech, music, noise"),
        ({"music_db": 1}, {}, "unknown gain 'music_db'; this model has speech, music, noise"),
        ({"music": 1}, {"music_db": 2}, "two gains for 'music'"),
        ({"music": None}, {}, 'music must be a number in dB or "mute", got None'),
        ([1, 2, 3], {}, "gains_db must map stem names to gains in dB, got list"),
    ],
)
def test_wrong_gains_are_named(toy_model: unbraid.Model, gains_db: Any, keywords: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        unbraid.Remixer(48000, 1, toy_model, gains_db, **keywords)
