"""The CLAP plug-in in a host of our own: what a host relies on, and the stems on their own ports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import unbraid
from helpers.audio import Audio, noise
from helpers.clap_host import ClapHost
from helpers.hostile_model import wrong_masks_graph
from helpers.toy_model import METADATA, save_model, save_toy_model
from unbraid import plugin as unbraid_plugin

RATE = 48000


def clap_path() -> Path:
    try:
        return unbraid_plugin.bundle_path("clap")
    except FileNotFoundError:
        pytest.skip("this build has no plug-in")


@pytest.fixture
def host(toy_model_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClapHost]:
    monkeypatch.setenv("UNBRAID_PLUGIN_MODEL", str(toy_model_path))
    host = ClapHost(clap_path())
    yield host
    host.close()


def whole(host: ClapHost, audio: Audio, block: int = 512) -> Audio:
    """All that comes out, aligned with the input."""
    host.plugin.reset(host.address)
    padded = np.concatenate([audio, np.zeros((len(audio), host.latency), np.float32)], axis=1)
    blocks = [host.process(padded[:, start : start + block]) for start in range(0, padded.shape[1], block)]
    return np.concatenate(blocks, axis=-1)[..., host.latency :]


def test_it_describes_itself(host: ClapHost) -> None:
    assert host.descriptor.name == b"Unbraid"
    assert host.descriptor.plugin_version.decode() == unbraid.__version__
    assert list(host.infos()) == ["Speech", "Music", "Noise", "Bypass", "Solo", "Status"]
    info = host.infos()["Music"]
    assert (info.minimum, info.maximum, info.initial) == (-72, 12, 0)
    assert len({info.id for info in host.infos().values()}) == 6


@pytest.mark.parametrize(("channels", "config"), [(2, 0), (1, 1)])
@pytest.mark.parametrize("rate", [8000, 44100, 48000, 192000])
def test_it_gives_what_remix_gives(
    host: ClapHost, toy_model: unbraid.Model, rng: np.random.Generator, rate: int, channels: int, config: int
) -> None:
    host.select(config, channels, 0)
    host.flush([(0, "Music", -12.0), (0, "Noise", -72.0)])
    host.activate(rate)
    assert host.latency == toy_model.latency_samples(rate)
    audio = noise(rng, channels, 30000)
    output = whole(host, audio)
    expected = unbraid.remix(audio, rate, toy_model, music_db=-12, noise_db="mute")
    np.testing.assert_allclose(output[0], expected, atol=1e-6)
    host.deactivate()


@pytest.mark.parametrize("block", [1, 64, 480, 1000, 65536])
def test_no_block_size_changes_a_bit(host: ClapHost, rng: np.random.Generator, block: int) -> None:
    host.flush([(0, "Music", -12.0)])
    host.activate(16000)
    audio = noise(rng, 2, 3000)
    assert np.array_equal(whole(host, audio, block), whole(host, audio, 512))
    host.deactivate()


def test_the_memory_may_be_shared_and_blocks_may_be_empty(host: ClapHost, rng: np.random.Generator) -> None:
    host.flush([(0, "Speech", -6.0)])
    audio = noise(rng, 2, 6000)
    host.activate(RATE)
    apart = host.process(audio)
    host.plugin.reset(host.address)
    assert host.process(audio[:, :0], [(0, "Noise", -72.0)]).shape[-1] == 0
    assert host.value("Noise") == -72
    host.flush([(0, "Noise", 0.0)])
    host.plugin.reset(host.address)
    assert np.array_equal(host.process(audio, in_place=True), apart)
    host.deactivate()


@pytest.mark.parametrize(("channels", "config"), [(2, 2), (1, 3)])
def test_each_stem_has_a_port(
    host: ClapHost, toy_model: unbraid.Model, rng: np.random.Generator, channels: int, config: int
) -> None:
    assert host.ports(False) == [("Output", 2)]
    host.select(config, channels, 3)
    assert host.ports(True) == [("Input", channels)]
    assert host.ports(False) == [(name, channels) for name in ("Output", "Speech", "Music", "Noise")]
    host.flush([(0, "Music", -12.0), (0, "Solo", 2.0)])
    host.activate(RATE)
    audio = noise(rng, channels, 30000)
    output = whole(host, audio)
    stems = unbraid.separate(audio, RATE, toy_model)
    for port, stem in zip(output[1:], stems.values(), strict=True):
        np.testing.assert_allclose(port, stem, atol=1e-6)
    np.testing.assert_allclose(output[1:].sum(axis=0), audio, atol=1e-6)
    np.testing.assert_allclose(output[0], 10 ** (-12 / 20) * stems["music"], atol=2e-6)
    host.deactivate()


def test_changes_count_from_their_sample_on_whatever_the_blocks(host: ClapHost, rng: np.random.Generator) -> None:
    """The same automation in blocks of every size is the same sound, to the last bit."""
    audio = noise(rng, 2, 12000)
    changes = [(100, "Music", -20.0), (4000, "Speech", 6.0), (4001, "Solo", 1.0), (9999, "Bypass", 1.0)]
    outputs = []
    for block in (12000, 512, 64, 777):
        host.activate(RATE)
        host.flush([(0, "Music", 0.0), (0, "Speech", 0.0), (0, "Solo", 0.0), (0, "Bypass", 0.0)])
        host.plugin.reset(host.address)
        blocks = []
        for start in range(0, 12000, block):
            due = [(time - start, name, value) for time, name, value in changes if start <= time < start + block]
            blocks.append(host.process(audio[:, start : start + block], due))
        outputs.append(np.concatenate(blocks, axis=-1))
        host.deactivate()
    for output in outputs[1:]:
        assert np.array_equal(output, outputs[0])


def test_texts(host: ClapHost) -> None:
    assert host.text("Music", -72) == "-inf dB"
    assert host.text("Music", -0.04) == "0.0 dB"
    assert host.text("Music", -3.3) == "-3.3 dB"
    assert host.text("Solo", 2) == "music"
    assert host.text("Bypass", 1) == "On"
    assert host.parse("Music", "mute") == -72
    assert host.parse("Music", "-inf dB") == -72
    assert host.parse("Music", "-3.3 dB") == -3.3
    assert host.parse("Music", "+2,5") == 2.5
    assert host.parse("Music", "loud") is None
    assert host.parse("Solo", "noise") == 3
    for tenths in range(-719, 121):
        value = host.parse("Music", host.text("Music", tenths / 10))
        assert value == pytest.approx(tenths / 10)


def test_state_survives_and_bad_states_change_nothing(host: ClapHost) -> None:
    host.flush([(0, "Music", -12.3), (0, "Bypass", 1.0), (0, "Solo", 2.0)])
    state = host.save()
    host.flush([(0, "Music", 0.0), (0, "Bypass", 0.0), (0, "Solo", 0.0), (0, "Noise", -5.0)])
    assert host.load(state)
    assert host.rescans == 1
    assert [host.value(name) for name in ("Music", "Bypass", "Solo", "Noise")] == [-12.3, 1, 2, 0]
    for bad in (b"", b"nonsense", state.replace(b"state 1", b"state 2"), bytes(100)):
        assert not host.load(bad)
    assert host.value("Music") == -12.3
    # what a later version or another set of models wrote is taken as far as it is known
    assert host.load(state + b"vocals_db=-3.0\nmusic_db=nonsense\nsolo=vocals\n\n=\n")
    assert host.value("Music") == -12.3


def test_a_poor_host_is_enough(toy_model_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    monkeypatch.setenv("UNBRAID_PLUGIN_MODEL", str(toy_model_path))
    host = ClapHost(clap_path(), extensions=False)
    assert host.load(host.save())
    host.activate(RATE)
    audio = noise(rng, 2, 30000)
    assert np.array_equal(whole(host, audio)[0], audio)
    host.deactivate()
    host.close()


def test_a_model_chosen_in_mid_stream_is_loaded_on_the_main_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.delenv("UNBRAID_PLUGIN_MODEL", raising=False)
    monkeypatch.setenv("UNBRAID_MODELS", str(tmp_path))
    paths = [save_toy_model(tmp_path / f"{name}.onnx", seed=seed) for seed, name in ((5, "alpha"), (6, "beta"))]
    host = ClapHost(clap_path())
    names = [host.text("Model", index) for index in range(int(host.infos()["Model"].maximum) + 1)]
    alpha, beta = names.index("alpha"), names.index("beta")
    host.flush([(0, "Model", alpha), (0, "Solo", 1.0)])
    host.activate(RATE)
    audio = noise(rng, 2, 40000)
    blocks = [host.process(audio[:, :10000]), host.process(audio[:, 10000:10001], [(0, "Model", beta)])]
    assert host.callbacks_requested >= 1
    host.plugin.on_main_thread(host.address)
    blocks += [host.process(audio[:, 10001 + 500 * i : 10501 + 500 * i]) for i in range(59)]
    output = np.concatenate(blocks, axis=-1)[0]
    before, after = (unbraid.separate(audio, RATE, path)["speech"] for path in paths)
    latency = host.latency
    np.testing.assert_allclose(output[:, latency:10000], before[:, : 10000 - latency], atol=1e-6)
    # beta has begun to listen at 10001: its memory is younger, so that only nearly the same comes out
    late = output[:, 30000:]
    from_alpha, from_beta = (
        np.abs(late - stem[:, 30000 - latency : output.shape[1] - latency]).mean() for stem in (before, after)
    )
    assert from_beta < 0.1 * from_alpha > 0.005, (from_beta, from_alpha)
    host.plugin.on_main_thread(host.address)  # takes the old model away
    host.deactivate()
    host.close()


def test_rates_beyond_ours_pass_straight(host: ClapHost, rng: np.random.Generator) -> None:
    host.flush([(0, "Music", -20.0)])
    for rate in (4000, 352800, 384000):
        host.activate(rate)
        assert host.latency == 0
        audio = noise(rng, 2, 5000)
        assert np.array_equal(whole(host, audio)[0], audio)
        assert host.text("Status", host.value("Status")) == "passing through: only 8 to 192 kHz"
        host.deactivate()
    host.activate(RATE)
    assert host.text("Status", host.value("Status")) == "ready"
    host.deactivate()


@pytest.mark.parametrize("spoil", [float("nan"), 1.5])
def test_a_model_that_goes_wrong_later_passes_audio_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, spoil: float
) -> None:
    path = save_model(tmp_path / "toy.onnx", wrong_masks_graph(spoil, after_hops=20), METADATA)
    monkeypatch.setenv("UNBRAID_PLUGIN_MODEL", str(path))
    host = ClapHost(clap_path())
    host.flush([(0, "Music", -20.0)])
    host.activate(RATE)
    assert host.text("Status", host.value("Status")) == "ready"
    audio = noise(rng, 2, 60000)
    output = whole(host, audio)[0]
    assert not np.array_equal(output[:, :10000], audio[:, :10000])
    assert np.array_equal(output[:, 20000:], audio[:, 20000:])
    assert host.text("Status", host.value("Status")) == "passing through: the model failed"
    host.deactivate()
    host.close()


def test_a_broken_model_passes_audio_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    """A sound header over a graph that cannot run: known only when it is loaded."""
    path = save_toy_model(tmp_path / "toy.onnx", num_bins="700")
    monkeypatch.setenv("UNBRAID_PLUGIN_MODEL", str(path))
    host = ClapHost(clap_path())
    host.activate(RATE)
    assert host.latency == 1536
    audio = noise(rng, 2, 30000)
    assert np.array_equal(whole(host, audio)[0], audio)
    assert host.text("Status", host.value("Status")) == "passing through: the model failed"
    host.deactivate()
    host.close()
