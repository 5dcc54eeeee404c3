"""Whole signals with a model of embeddings: clusters, stretches, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import unbraid
from helpers.audio import write
from helpers.shell import Shell
from helpers.toy_model import save_embedding_model
from unbraid import _core
from unbraid.cli.commands import run_command


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> _core.Model:
    return unbraid.load_model(save_embedding_model(tmp_path_factory.mktemp("model") / "people.onnx", name="people"))


def noise(channels: int, samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(3).standard_normal((channels, samples))).astype(np.float32)


@pytest.mark.parametrize("talkers", [2, 3])
@pytest.mark.parametrize(
    ("channels", "samples", "rate"), [(1, 0, 16000), (1, 1, 8000), (8, 777, 44100), (2, 900000, 16000)]
)
def test_talkers_sum_to_the_mixture(channels: int, samples: int, rate: int, talkers: int, model: _core.Model) -> None:
    mixture = noise(channels, samples)
    stems = unbraid.separate(mixture, rate, model, talkers=talkers)
    assert list(stems) == ["talker1", "talker2", "talker3"][:talkers]
    assert all(stem.shape == mixture.shape and np.isfinite(stem).all() for stem in stems.values())
    np.testing.assert_allclose(sum(stems.values()), mixture, atol=1e-6)


def test_blocks_of_any_size_give_the_same(model: _core.Model) -> None:
    mixture = noise(1, 900000)  # two stretches and a half
    whole = _core.WholeSignal(16000, 1, model, 2)
    expected = np.concatenate([whole.process(mixture), whole.finish()], axis=-1)
    cut = _core.WholeSignal(16000, 1, model, 2)
    parts = [cut.process(part) for part in np.array_split(mixture, 53, axis=1)]
    np.testing.assert_array_equal(np.concatenate([*parts, cut.finish()], axis=-1), expected)


@pytest.mark.parametrize("talkers", [2, 3])
def test_stems_are_those_of_numpy(talkers: int, model: _core.Model) -> None:
    """Frames, embeddings, the softmax over cosines to the centres, and masks on the mixture's own spectra."""
    win, hop, count = 512, 256, 20000
    # Of -35 dB, which is neither lifted nor brought down.
    mixture = (0.018 * np.random.default_rng(talkers).standard_normal(count)).astype(np.float32)
    stft = _core.Stft(win, hop)
    signal = np.concatenate([mixture[:hop][::-1], mixture])
    num_frames = -(-len(signal) // hop)
    signal = np.concatenate([signal, signal[: -win - 1 : -1]])
    spectra = np.stack([stft.analyse(signal[frame * hop : frame * hop + win].copy()) for frame in range(num_frames)])
    power = (np.float32(stft.power_scale) * np.abs(spectra) ** 2).astype(np.float32)

    embeddings = model.embeddings(power)
    active = power > 1e-4 * power.max()
    centres = _core.cluster(embeddings[active], np.sqrt(power[active]), talkers)
    cosines = embeddings @ centres.T / np.linalg.norm(embeddings, axis=-1, keepdims=True)
    masks = np.exp(model.sharpness * cosines)
    masks /= masks.sum(axis=-1, keepdims=True)

    stems = unbraid.separate(mixture, 16000, model, talkers=talkers)
    for k, stem in enumerate(stems.values()):
        expected = np.zeros(num_frames * hop + win, np.float32)
        for frame in range(num_frames):
            masked = (masks[frame, :, k] * spectra[frame]).astype(np.complex64)
            expected[frame * hop : frame * hop + win] += stft.synthesise(masked)
        np.testing.assert_allclose(stem, expected[hop : hop + count], atol=2e-5)


def test_one_talker_alone_is_shared_out_evenly(tmp_path: Path) -> None:
    """Where nothing tells points apart, there is one voice, however many are asked for."""
    alike = unbraid.load_model(save_embedding_model(tmp_path / "alike.onnx", alike=True))
    mixture = noise(2, 30000)
    for talkers in (2, 3):
        for stem in unbraid.separate(mixture, 16000, alike, talkers=talkers).values():
            np.testing.assert_allclose(stem, mixture / talkers, atol=1e-6)


@pytest.mark.parametrize("silent", [slice(0, 500000), slice(300000, 900000), slice(0, 899000)])
def test_silence_for_a_stretch_or_more(silent: slice, model: _core.Model) -> None:
    mixture = noise(1, 900000)
    mixture[:, silent] = 0
    stems = unbraid.separate(mixture, 16000, model, talkers=3)
    assert all(np.isfinite(stem).all() for stem in stems.values())
    np.testing.assert_allclose(sum(stems.values()), mixture, atol=1e-6)


def test_a_tone_has_fewer_points_than_a_voice(model: _core.Model) -> None:
    mixture = 0.1 * np.sin(np.arange(30000) * 2 * np.pi / 16).astype(np.float32)
    stems = unbraid.separate(mixture, 16000, model, talkers=3)
    assert all(np.isfinite(stem).all() for stem in stems.values())
    np.testing.assert_allclose(sum(stems.values()), mixture, atol=1e-6)


def test_silence_is_silence(model: _core.Model) -> None:
    assert not any(stem.any() for stem in unbraid.separate(np.zeros(30000, np.float32), 16000, model).values())


def test_centres_are_a_fixed_point_of_k_means(model: _core.Model) -> None:
    power = np.random.default_rng(0).random((40, 257), np.float32)
    embeddings = model.embeddings(power)
    assert embeddings.shape == (40, 257, 4)
    points = embeddings.reshape(-1, 4)
    centres = _core.cluster(points, np.sqrt(power).ravel(), 2)
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1, atol=1e-5)
    # A fixed point of spherical k-means: each centre is the mean direction of the points that are nearest to it.
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    owners = (unit @ centres.T).argmax(axis=1)
    for k, centre in enumerate(centres):
        mean = (unit[owners == k] * np.sqrt(power).ravel()[owners == k, None]).sum(axis=0)
        assert mean @ centre / np.linalg.norm(mean) > 0.999


@pytest.mark.parametrize("count", [2, 3])
def test_clusters_are_those_of_scikit_learn(count: int) -> None:
    cluster = pytest.importorskip("sklearn.cluster", reason="needs the extra [nmf]")
    rng = np.random.default_rng(count)
    directions = rng.standard_normal((count, 6))
    points = directions[rng.integers(count, size=500)] + 0.2 * rng.standard_normal((500, 6))
    points = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    weights = rng.random(500, np.float32)
    theirs = cluster.KMeans(count, n_init=10, random_state=0).fit(points, sample_weight=weights).cluster_centers_
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    ours = _core.cluster(points, weights, count)
    nearest = (ours @ theirs.T).argmax(axis=1)
    assert sorted(nearest) == list(range(count))
    np.testing.assert_allclose(ours, theirs[nearest], atol=0.02)


def test_fewer_points_than_clusters() -> None:
    point = np.array([[3, 4]], np.float32)
    np.testing.assert_allclose(_core.cluster(point, np.ones(1, np.float32), 3), [[0.6, 0.8]] * 3, rtol=1e-6)
    assert not _core.cluster(point, np.zeros(1, np.float32), 2).any()


def test_streams_refuse_it(model: _core.Model) -> None:
    with pytest.raises(unbraid.ModelError, match="the model 'people' separates whole signals"):
        unbraid.StemRack({}, model)
    for make in (unbraid.Separator, unbraid.Remixer):
        with pytest.raises(unbraid.ModelError, match="the model 'people' separates whole signals"):
            make(16000, 1, model)
    with pytest.raises(unbraid.ModelError, match="the model 'people' separates whole signals"):
        unbraid.remix(noise(1, 100), 16000, model)


def test_a_file_is_separated_from_the_command_line(model: _core.Model, tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    mixture = noise(2, 500000)
    soundfile.write(tmp_path / "in.wav", mixture.T, 16000, subtype="FLOAT")
    command = ["separate", str(tmp_path / "in.wav"), "--model", model.path, "-o", str(tmp_path / "out")]
    assert run_command([*command, "--talkers", "3", "--quiet"]) == 0
    expected = unbraid.separate(mixture, 16000, model, talkers=3)
    for name, stem in expected.items():
        np.testing.assert_array_equal(
            soundfile.read(tmp_path / "out" / "in" / f"{name}.wav", dtype="float32")[0].T, stem
        )
    assert run_command([*command, "--talkers", "4"]) == 2


def test_the_command_line_remixes_streams_only(model: _core.Model, shell: Shell) -> None:
    write(shell.folder / "in.wav", noise(1, 1000), 16000)
    said = shell.fails(1, "remix", "in.wav", "out.wav", "--model", model.path, "--talker1", "-6")
    assert said.endswith("use unbraid.separate, unbraid.separate_file or `unbraid separate`")
    assert shell.files() == ["in.wav"]


def test_info_says_what_it_serves(model: _core.Model, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["info", model.path]) == 0
    shown = capsys.readouterr().out
    assert "whole signals and files; no streams, no plug-in" in shown
    assert "latency" not in shown


@pytest.mark.parametrize("talkers", [1, 4])
def test_a_number_of_talkers_out_of_range(talkers: int, model: _core.Model) -> None:
    with pytest.raises(ValueError, match=f"talkers must be 2 to 3 with this model, got {talkers}"):
        unbraid.separate(noise(1, 100), 16000, model, talkers=talkers)


@pytest.mark.parametrize(("key", "value"), [("embedding", "0"), ("sharpness", "0"), ("more_stems", "talker1")])
def test_entries_out_of_range(key: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(unbraid.ModelError, match=f"metadata unbraid.{key} "):
        unbraid.load_model(save_embedding_model(tmp_path / "bad.onnx", **{key: value}))
