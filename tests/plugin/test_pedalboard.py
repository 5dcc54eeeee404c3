"""The plug-in in the real pedalboard: what its documentation promises, and every trap found on the way."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pedalboard
import pytest
from pedalboard import Chain, Compressor, Gain, Limiter, Mix, Pedalboard, Reverb, VST3Plugin

import unbraid
from helpers.audio import Audio, noise
from helpers.toy_model import MID_AND_SIDE, save_embedding_model, save_toy_model
from unbraid import plugin as unbraid_plugin

GAINS = {"speech_db": 3.0, "music_db": -12.0, "noise_db": "mute"}
RATE = 48000


def available() -> bool:
    try:
        return unbraid_plugin.bundle_path("vst3").exists()
    except FileNotFoundError:
        return False


pytestmark = pytest.mark.skipif(not available(), reason="this build has no plug-in")


@pytest.fixture
def load(toy_model_path: Path) -> Callable[..., VST3Plugin]:
    def loader(**gains: float | str) -> VST3Plugin:
        return unbraid.load_plugin(model=toy_model_path, **gains)

    return loader


def stream(board: Pedalboard | VST3Plugin, audio: Audio, sizes: Iterable[int], latency: int, rate: int = RATE) -> Audio:
    """All that comes out in chunks, with the drain that returns every sample: silence, as long as the latency."""
    board.reset()
    padded = np.concatenate([audio, np.zeros((audio.shape[0], latency), np.float32)], axis=1)
    outputs, start = [], 0
    for size in sizes:
        if start >= padded.shape[1]:
            break
        outputs.append(board.process(padded[:, start : start + size], rate, reset=False))
        start += size
    assert start >= padded.shape[1]
    return np.concatenate(outputs, axis=1)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000, 96000, 192000])
@pytest.mark.parametrize("channels", [1, 2])
def test_it_gives_what_remix_gives(
    load: Callable[..., VST3Plugin], toy_model: unbraid.Model, rng: np.random.Generator, rate: int, channels: int
) -> None:
    audio = noise(rng, channels, rate // 2 + 123)
    expected = unbraid.remix(audio, rate, toy_model, **GAINS)
    output = load(**GAINS)(audio, rate)
    assert output.shape == audio.shape
    np.testing.assert_allclose(output, expected, atol=1e-6)
    assert np.abs(output - audio).max() > 0.1


def test_all_faders_up_give_the_input_to_the_last_bit(
    load: Callable[..., VST3Plugin], rng: np.random.Generator
) -> None:
    audio = noise(rng, 2, RATE)
    plugin = load()
    for buffer_size in (8192, 512, 64, 777):
        for samples in (64, 441, 512, 8192, 40000):
            part = audio[:, :samples]
            assert np.array_equal(plugin.process(part, RATE, buffer_size=buffer_size), part)


@pytest.mark.parametrize("sizes", [[64], [441], [512], [8192], [20000, 9000, 513, 64, 3], [3, 64, 513, 9000, 20000]])
def test_streamed_is_whole_bit_for_bit_in_a_chain(
    load: Callable[..., VST3Plugin], rng: np.random.Generator, sizes: list[int]
) -> None:
    """Constant, shrinking and growing chunks: at each larger one pedalboard prepares the plug-in anew in mid-stream."""
    audio = noise(rng, 2, RATE)
    plugin = load(**GAINS)
    board = Pedalboard([Gain(-3), plugin, Limiter()])
    whole = board(audio, RATE)
    many = [*sizes, *([441 if sizes[-1] < 64 else sizes[-1]] * RATE)]
    streamed = stream(board, audio, many, plugin.reported_latency_samples)
    assert np.array_equal(streamed, whole)
    alone = stream(plugin, audio, many, plugin.reported_latency_samples)
    assert np.array_equal(alone, plugin(audio, RATE))


def test_random_chunks_then_whole_again(load: Callable[..., VST3Plugin], rng: np.random.Generator) -> None:
    """Nothing of a stream may reach the next run."""
    audio = noise(rng, 2, RATE)
    plugin = load(**GAINS)
    whole = plugin(audio, RATE)
    for _ in range(3):
        sizes = rng.integers(1, 3000, 1000).tolist()
        assert np.array_equal(stream(plugin, audio, sizes, plugin.reported_latency_samples), whole)
        assert np.array_equal(plugin(audio, RATE), whole)


def test_latency_is_compensated_exactly_in_parallel_chains(
    load: Callable[..., VST3Plugin], rng: np.random.Generator
) -> None:
    audio = noise(rng, 2, RATE)
    doubled = Pedalboard([Mix([Chain([load()]), Gain(0)])])(audio, RATE)
    np.testing.assert_allclose(doubled, 2 * audio, atol=1e-6)
    twice = Pedalboard([load(), load(), Reverb()])(audio, RATE)
    np.testing.assert_allclose(twice, Pedalboard([Reverb()])(audio, RATE), atol=1e-6)


def test_latency_is_the_models_at_every_rate(
    load: Callable[..., VST3Plugin], toy_model: unbraid.Model, rng: np.random.Generator
) -> None:
    plugin = load()
    for rate in (8000, 44100, 48000, 96000, 192000, 48000):
        plugin(noise(rng, 2, 100), rate)
        assert plugin.reported_latency_samples == toy_model.latency_samples(rate)
    plugin.bypass = True
    plugin(noise(rng, 2, 100), 48000)
    assert plugin.reported_latency_samples == toy_model.latency_samples(48000)


def test_the_rate_may_change_in_mid_stream(
    load: Callable[..., VST3Plugin], toy_model: unbraid.Model, rng: np.random.Generator
) -> None:
    """pedalboard then tells the plug-in while it is at work, and a new rate is a new stream."""
    plugin = load(**GAINS)
    plugin.process(noise(rng, 2, 5000), 44100, reset=False)
    audio = noise(rng, 2, 30000)
    latency = toy_model.latency_samples(96000)
    padded = np.concatenate([audio, np.zeros((2, latency), np.float32)], axis=1)
    after = plugin.process(padded, 96000, reset=False)
    assert np.array_equal(after[:, -30000:], load(**GAINS)(audio, 96000)[:, -after.shape[1] :])


def test_mono_and_stereo_in_one_instance(load: Callable[..., VST3Plugin], rng: np.random.Generator) -> None:
    plugin = load(**GAINS)
    for channels in (1, 2, 1):
        audio = noise(rng, channels, 20000)
        assert np.array_equal(plugin(audio, RATE), load(**GAINS)(audio, RATE))
    mono = noise(rng, 1, 20000)
    np.testing.assert_array_equal(plugin(mono[0], RATE), plugin(mono, RATE)[0])
    with pytest.raises(ValueError, match="4-channel"):
        plugin(noise(rng, 4, 1000), RATE)


def test_parameters_are_named_and_exact_to_a_tenth(load: Callable[..., VST3Plugin]) -> None:
    plugin = load()
    assert list(plugin.parameters) == ["speech_db", "music_db", "noise_db", "bypass", "solo", "status"]
    assert plugin.status == "ready"
    for tenths in range(-719, 121):
        plugin.music_db = tenths / 10
        assert plugin.music_db == tenths / 10, tenths
    assert plugin.parameters["music_db"].string_value == "12.0"
    plugin.music_db = 0
    assert plugin.parameters["music_db"].string_value == "0.0"
    plugin.music_db = -np.inf
    assert plugin.music_db == -np.inf
    with pytest.raises(ValueError, match="out of range"):
        plugin.music_db = 12.2
    with pytest.raises(ValueError, match="not in list of valid values"):
        plugin.solo = "vocals"


@pytest.mark.parametrize(
    ("gains", "error", "message"),
    [
        ({"musik_db": -3}, TypeError, "unknown gain 'musik_db'; this model has speech_db, music_db, noise_db"),
        ({"music": -3, "music_db": -3}, TypeError, "two gains for .music."),
        ({"music_db": "loud"}, TypeError, "music_db must be a number"),
        ({"music_db": 12.1}, ValueError, "at most 12 dB"),
        ({"music_db": 99}, ValueError, "at most 60 dB"),
        ({"music_db": float("nan")}, ValueError, "music_db"),
    ],
)
def test_wrong_gains_are_refused(
    load: Callable[..., VST3Plugin], gains: dict[str, float | str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        load(**gains)


def test_gains_land_on_the_nearest_step(load: Callable[..., VST3Plugin]) -> None:
    plugin = load(speech_db=-12.34, music_db=-100, noise_db="mute")
    assert (plugin.speech_db, plugin.music_db, plugin.noise_db) == (-12.3, -np.inf, -np.inf)
    assert load(speech_db=-72).speech_db == -np.inf
    assert load(speech_db=-71.9).speech_db == -71.9
    assert load(speech_db=12).speech_db == 12


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(unbraid.ModelError, match="no model is called 'nonesuch'"):
        unbraid.load_plugin(model="nonesuch")


def test_bypass_keeps_the_delay_and_solo_leaves_one_stem(
    load: Callable[..., VST3Plugin], toy_model: unbraid.Model, rng: np.random.Generator
) -> None:
    audio = noise(rng, 2, RATE)
    plugin = load(**GAINS)
    plugin.bypass = True
    assert np.array_equal(plugin(audio, RATE), audio)
    plugin.bypass = False
    plugin.solo = "speech"
    expected = unbraid.remix(audio, RATE, toy_model, speech_db=3, music_db="mute", noise_db="mute")
    np.testing.assert_allclose(plugin(audio, RATE), expected, atol=1e-6)
    plugin.solo = "none"
    np.testing.assert_allclose(plugin(audio, RATE), unbraid.remix(audio, RATE, toy_model, **GAINS), atol=1e-6)


def test_faders_move_in_mid_stream_without_a_click(load: Callable[..., VST3Plugin]) -> None:
    plugin = load()
    audio = np.ones((1, 512 * 40), np.float32)
    outputs = []
    for block in range(40):
        if block == 20:
            plugin.speech_db = plugin.music_db = plugin.noise_db = -20
        outputs.append(plugin.process(audio[:, :512], RATE, reset=False))
    output = np.concatenate(outputs, axis=1)[0]
    assert output[100] == 1
    assert output[-1] == pytest.approx(0.1, abs=1e-6)
    assert np.abs(np.diff(output)).max() < 0.002


def test_state_is_not_stale_and_survives(load: Callable[..., VST3Plugin], rng: np.random.Generator) -> None:
    plugin = load()
    plugin.music_db, plugin.solo, plugin.bypass = -33.3, "music", True
    state = plugin.raw_state  # right after setting, before any audio
    other = load()
    other.raw_state = state
    assert (other.music_db, other.solo, bool(other.bypass), other.speech_db) == (-33.3, "music", True, 0)
    audio = noise(rng, 2, RATE)
    plugin.bypass = other.bypass = False
    assert np.array_equal(plugin(audio, RATE), other(audio, RATE))


def test_presets_survive(load: Callable[..., VST3Plugin], tmp_path: Path) -> None:
    plugin = load(**GAINS)
    preset = tmp_path / "mine.vstpreset"
    preset.write_bytes(plugin.preset_data)
    other = load(speech_db=-40)
    other.load_preset(str(preset))
    assert (other.speech_db, other.music_db, other.noise_db) == (3, -12, -np.inf)


def test_it_clears_on_reset(load: Callable[..., VST3Plugin], rng: np.random.Generator) -> None:
    plugin = load(**GAINS)
    assert plugin._reload_type == pedalboard.ExternalPluginReloadType.ClearsAudioOnReset
    plugin(noise(rng, 2, RATE), RATE)
    assert not plugin(np.zeros((2, RATE), np.float32), RATE).any()


def test_nothing_but_audio_stays_in_its_memory(load: Callable[..., VST3Plugin], rng: np.random.Generator) -> None:
    """A NaN from the effect before it must not silence a plug-in in a live chain for good."""
    audio = noise(rng, 2, RATE)
    broken = audio.copy()
    broken[:, 5000:5010] = np.nan
    broken[:, 6000] = np.inf
    plugin = load(**GAINS)
    output = plugin.process(broken, RATE, reset=True)
    assert np.isfinite(output).all()


def test_four_plugins_in_four_threads(load: Callable[..., VST3Plugin], rng: np.random.Generator) -> None:
    plugins = [load(**GAINS) for _ in range(4)]
    signals = [noise(rng, 2, 30000) for _ in range(4)]
    expected = [load(**GAINS)(signal, RATE) for signal in signals]
    wrong: list[int] = []

    def work(index: int) -> None:
        for _ in range(10):
            if not np.array_equal(plugins[index](signals[index], RATE), expected[index]):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_after_a_fork_both_go_on(load: Callable[..., VST3Plugin], rng: np.random.Generator) -> None:
    plugin = load(**GAINS)
    audio = noise(rng, 2, 20000)
    expected = plugin(audio, RATE)
    child = os.fork()
    if child == 0:
        right = np.array_equal(plugin(audio, RATE), expected)
        os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert np.array_equal(plugin(audio, RATE), expected)


def test_fifty_instances(load: Callable[..., VST3Plugin], rng: np.random.Generator) -> None:
    audio = noise(rng, 2, 5000)
    plugins = [load(music_db=-index) for index in range(50)]
    assert [plugin.music_db for plugin in plugins] == [-index for index in range(50)]
    board = Pedalboard([load() for _ in range(5)])
    assert np.array_equal(board(audio, RATE), audio)
    del plugins, board


def test_it_sits_in_a_chain_with_builtin_effects(load: Callable[..., VST3Plugin], rng: np.random.Generator) -> None:
    audio = noise(rng, 2, RATE)
    board = Pedalboard([load(**GAINS), Compressor(), Limiter()])
    alone = load(**GAINS)(audio, RATE)
    np.testing.assert_allclose(board(audio, RATE), Pedalboard([Compressor(), Limiter()])(alone, RATE), atol=1e-6)


def test_several_models_can_be_chosen_and_share_one_latency(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    """Loaded as another program would load it, the plug-in offers all models; the slowest sets the delay."""
    models = {
        "alpha": save_toy_model(tmp_path / "alpha.onnx", seed=3),
        "beta": save_toy_model(tmp_path / "beta.onnx", seed=4, lookahead_frames="2"),
        "gamma": save_toy_model(tmp_path / "gamma.onnx", seed=5, channels=MID_AND_SIDE),
    }
    monkeypatch.setenv("UNBRAID_MODELS", str(tmp_path))
    plugin = VST3Plugin(str(unbraid_plugin.bundle_path("vst3")))
    latency = max(unbraid.load_model(path).latency_samples(RATE) for path in models.values())
    plugin.music_db = -30
    audio = noise(rng, 2, RATE)
    for name in ("alpha", "beta", "gamma", "alpha"):
        plugin.model = name
        output = plugin(audio, RATE)
        assert plugin.status == "ready"
        assert plugin.reported_latency_samples == latency
        np.testing.assert_allclose(output, unbraid.remix(audio, RATE, models[name], music_db=-30), atol=1e-6)
    # in mid-stream the new model fades in; with all faders up nobody can tell
    plugin.music_db = 0
    plugin.reset()
    outputs = []
    for block in range(80):
        if block == 10:
            plugin.model = "beta"
        outputs.append(plugin.process(audio[:, 512 * block : 512 * (block + 1)], RATE, reset=False))
    heard = np.concatenate(outputs, axis=1)
    np.testing.assert_allclose(heard, audio[:, : heard.shape[1]], atol=1e-6)


def test_models_that_do_not_stream_are_not_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("alpha", "beta"):
        save_toy_model(tmp_path / f"{name}.onnx")
    people = save_embedding_model(tmp_path / "people.onnx", name="people")
    monkeypatch.setenv("UNBRAID_MODELS", str(tmp_path))
    assert "people" in unbraid.models()
    offered = VST3Plugin(str(unbraid_plugin.bundle_path("vst3"))).parameters["model"].valid_values
    assert {"alpha", "beta"} <= set(offered)
    assert "people" not in offered
    with pytest.raises(unbraid.ModelError, match="the model 'people' separates whole signals, not streams"):
        unbraid.load_plugin(model=people)


@pytest.mark.parametrize(
    ("variable", "status"), [("UNBRAID_MODELS", "no model"), ("UNBRAID_ORT_LIBRARY", "no ONNX Runtime")]
)
def test_what_is_missing_is_said_and_the_audio_passes(
    tmp_path: Path, rng: np.random.Generator, variable: str, status: str
) -> None:
    """In a process of its own, because a runtime that was found stays loaded."""
    if variable == "UNBRAID_MODELS" and "dialogue" in unbraid.models():
        pytest.skip("with a model installed there is always one")
    if variable == "UNBRAID_ORT_LIBRARY":
        save_toy_model(tmp_path / "toy.onnx")
    script = """
import sys
import numpy as np
from pedalboard import VST3Plugin
plugin = VST3Plugin(sys.argv[1])
audio = np.random.default_rng(1).uniform(-1, 1, (2, 20000)).astype(np.float32)
plugin.music_db = -20
assert np.array_equal(plugin(audio, 48000), audio)
assert plugin.reported_latency_samples == 1536
print(plugin.status)
"""
    environment = {**os.environ, "UNBRAID_MODELS": str(tmp_path)}
    if variable == "UNBRAID_ORT_LIBRARY":
        environment[variable] = str(tmp_path / "nothing.so")
    done = subprocess.run(
        [sys.executable, "-c", script, str(unbraid_plugin.bundle_path("vst3"))],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"passing through: {status}"
    assert done.stderr == ""


@pytest.mark.parametrize("db", [-72, -72.0, -73, -100, float("-inf")])
def test_a_fader_at_its_bottom_is_silent(load: Callable[..., VST3Plugin], rng: np.random.Generator, db: float) -> None:
    plugin = load()
    plugin.speech_db = plugin.music_db = plugin.noise_db = db
    assert plugin.speech_db == (db if db == float("-inf") else -72.0)
    assert not plugin(noise(rng, 2, RATE // 4), RATE).any()
    plugin.speech_db = -71.9
    assert plugin(noise(rng, 2, RATE // 4), RATE).any()


@pytest.mark.parametrize("rate", [352800, 384000])
def test_higher_rates_pass_through_and_it_says_so(
    load: Callable[..., VST3Plugin], rng: np.random.Generator, rate: int
) -> None:
    plugin = load(**GAINS)
    audio = noise(rng, 2, 20000)
    assert np.array_equal(plugin(audio, rate), audio)
    assert plugin.status == "passing through: only 8 to 192 kHz"
    plugin(audio, RATE)
    assert plugin.status == "ready"


def test_another_thread_than_the_main_one_is_told_so_at_once(toy_model_path: Path) -> None:
    """In a process of its own: pedalboard must not have been touched."""
    done = run_python(
        """
import concurrent.futures, sys, unbraid

def load():
    try:
        return unbraid.load_plugin(model=sys.argv[1]).status
    except RuntimeError as error:
        return error

with concurrent.futures.ThreadPoolExecutor(1) as pool:
    print(pool.submit(load).result())
    print(load())
    print(pool.submit(load).result())
""",
        toy_model_path,
    )
    told = "load_plugin must be called in the main thread; then any thread may use the plug-in"
    assert done == [told, "ready", told]


def test_a_plugin_of_another_threads_is_named_as_the_reason(toy_model_path: Path) -> None:
    done = run_python(
        """
import concurrent.futures, sys, unbraid
from pedalboard import VST3Plugin
with concurrent.futures.ThreadPoolExecutor(1) as pool:
    pool.submit(VST3Plugin, str(unbraid.plugin.bundle_path("vst3"))).result()
try:
    unbraid.load_plugin(model=sys.argv[1])
except RuntimeError as error:
    print(error)
""",
        toy_model_path,
    )
    assert done == ["pedalboard can load no plug-in here: its first one was loaded in another thread than the main one"]


def run_python(code: str, *arguments: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_loading_leaves_the_environment_alone(load: Callable[..., VST3Plugin]) -> None:
    before = dict(os.environ)
    load()
    assert dict(os.environ) == before
