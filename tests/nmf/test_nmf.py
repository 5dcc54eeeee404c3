"""Dictionaries learnt, saved and loaded; mixtures taken apart with them; the updates beside scikit-learn's."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unbraid
from helpers.audio import Audio
from unbraid import nmf
from unbraid.evaluation.metrics import si_sdr
from unbraid.nmf.factorization import divergence, factorize
from unbraid.nmf.frames import Frames

decomposition = pytest.importorskip("sklearn.decomposition", reason="needs the extra [nmf]")

RATE = 16000


def drill(rng: np.random.Generator, seconds: float) -> Audio:
    """A buzz of fixed pitch whose loudness wavers."""
    time = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 310 * k * time + k) / k for k in range(1, 20))
    loudness = 1 + 0.5 * np.sin(2 * np.pi * 3 * time + rng.uniform(0, 6))
    return (0.1 * tone * loudness + 0.003 * rng.standard_normal(len(time))).astype(np.float32)


def melody(rng: np.random.Generator, seconds: float) -> Audio:
    """Four notes, over and over."""
    notes = rng.permutation([262.0, 392.0, 523.0, 659.0])
    time = np.arange(int(seconds * RATE)) / RATE
    pitch = notes[(time * 4).astype(int) % len(notes)]
    return (0.2 * np.sin(2 * np.pi * np.cumsum(pitch) / RATE)).astype(np.float32)


@pytest.fixture(scope="module")
def known() -> nmf.Dictionaries:
    return nmf.learn({"drill": drill(np.random.default_rng(5), 4.0)}, RATE, components=4)


# --- separation -----------------------------------------------------------------------------------------------------


def test_a_known_disturbance_is_taken_out(known: nmf.Dictionaries, rng: np.random.Generator) -> None:
    music, disturbance = melody(rng, 5.0), drill(rng, 5.0)
    stems = nmf.separate(music + disturbance, RATE, known, rest="music")
    assert list(stems) == ["drill", "music"]
    assert si_sdr(stems["music"], music) > si_sdr(music + disturbance, music) + 10
    assert si_sdr(stems["drill"], disturbance) > 10


def test_two_known_stems_come_apart(rng: np.random.Generator) -> None:
    examples = {"drill": [drill(rng, 2.0), drill(rng, 2.0)], "music": melody(rng, 4.0)}
    both = nmf.learn(examples, RATE, components={"drill": 4, "music": 6})
    music, disturbance = melody(rng, 3.0), drill(rng, 3.0)
    stems = nmf.separate(music + disturbance, RATE, both)
    assert si_sdr(stems["music"], music) > 10
    assert si_sdr(stems["drill"], disturbance) > 10


@pytest.mark.parametrize("shape", [(1,), (700,), (5000,), (1, 16000), (3, 16001), (2, 0), (0,)])
def test_stems_sum_to_the_mixture(known: nmf.Dictionaries, rng: np.random.Generator, shape: tuple[int, ...]) -> None:
    mixture = rng.standard_normal(shape).astype(np.float32)
    stems = nmf.separate(mixture, RATE, known, rest="rest", iterations=3)
    for stem in stems.values():
        assert (stem.shape, stem.dtype) == (mixture.shape, np.float32)
        assert np.isfinite(stem).all()
    np.testing.assert_allclose(sum(stems.values()), mixture, atol=1e-6)


def test_stretches_meet_without_a_seam(known: nmf.Dictionaries, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all known, a frame's masks do not depend on the frames beside it."""
    rng = np.random.default_rng(3)
    both = nmf.Dictionaries(RATE, known.win_length, {**known.templates, "other": known.templates["drill"][:, :2]})
    mixture = drill(rng, 2.0) + melody(rng, 2.0)
    whole = nmf.separate(mixture, RATE, both, iterations=5)
    monkeypatch.setattr("unbraid.nmf.separation.STRETCH_SECONDS", 0.25)
    parts = nmf.separate(mixture, RATE, both, iterations=5)
    np.testing.assert_allclose(parts["drill"], whole["drill"], atol=1e-4)


def test_silence_stays_silence(known: nmf.Dictionaries) -> None:
    stems = nmf.separate(np.zeros((2, 8000), np.float32), RATE, known, rest="rest")
    assert not any(stem.any() for stem in stems.values())


def test_a_loud_and_a_quiet_mixture_come_apart_alike(known: nmf.Dictionaries, rng: np.random.Generator) -> None:
    mixture = melody(rng, 1.0) + drill(rng, 1.0)
    usual = nmf.separate(mixture, RATE, known, rest="music")["music"]
    quiet = nmf.separate(mixture * np.float32(2**-14), RATE, known, rest="music")["music"]
    np.testing.assert_allclose(quiet * 2**14, usual, atol=1e-4)


def test_a_seed_gives_one_result(known: nmf.Dictionaries, rng: np.random.Generator) -> None:
    mixture = melody(rng, 1.0) + drill(rng, 1.0)
    first, second = (nmf.separate(mixture, RATE, known, rest="music", seed=4)["music"] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    example = drill(np.random.default_rng(5), 4.0)
    again = nmf.learn({"drill": example}, RATE, components=4)
    np.testing.assert_array_equal(again.templates["drill"], known.templates["drill"])


# --- the updates ----------------------------------------------------------------------------------------------------


def test_the_divergence_never_rises(rng: np.random.Generator) -> None:
    spectrogram = rng.gamma(0.5, 1, (40, 60)).astype(np.float32)
    known, free = rng.random((40, 3), np.float32), rng.random((40, 4), np.float32)
    seen = []
    for iterations in range(1, 25):
        found, activations = factorize(spectrogram, known, free, iterations)
        seen.append(divergence(spectrogram, np.concatenate([known, found], axis=1) @ activations))
    assert (np.diff(seen) <= 1e-4 * seen[0]).all()
    assert seen[-1] < 0.8 * seen[0]


def test_activations_are_scikit_learns(rng: np.random.Generator) -> None:
    templates = rng.random((30, 5), np.float32)
    spectrogram = templates @ rng.gamma(0.5, 1, (5, 40)).astype(np.float32) + np.float32(0.01)
    _, ours = factorize(spectrogram, templates, templates[:, :0], 2000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, _, _ = decomposition.non_negative_factorization(
            spectrogram.T.astype(np.float64),
            n_components=5,
            init="custom",
            H=templates.T.astype(np.float64),
            update_H=False,
            solver="mu",
            beta_loss="kullback-leibler",
            max_iter=2000,
            tol=0,
        )
    np.testing.assert_allclose(ours, theirs.T, atol=0.02 * theirs.max())
    model = templates @ ours
    assert divergence(spectrogram, model) == pytest.approx(divergence(spectrogram, templates @ theirs.T), abs=1e-2)


def test_the_divergence_is_scikit_learns(rng: np.random.Generator) -> None:
    beta_divergence = importlib.import_module("sklearn.decomposition._nmf")._beta_divergence
    one, other = rng.random((4, 9)), rng.random((4, 9))
    one[0, 0] = 0
    assert divergence(one, other) == pytest.approx(beta_divergence(one, other, np.eye(9), 1), rel=1e-6)
    assert divergence(one, one) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("num_samples", [1, 255, 256, 257, 5000])
def test_frames_add_up_to_the_signal(rng: np.random.Generator, num_samples: int) -> None:
    frames = Frames(256)
    signal = rng.standard_normal((2, num_samples)).astype(np.float32)
    found = np.zeros_like(signal)
    for first in range(0, frames.count(num_samples), 7):
        last = min(first + 7, frames.count(num_samples))
        frames.add(frames.analyse(signal, first, last), first, found)
    np.testing.assert_allclose(found, signal, atol=1e-5)


# --- files ----------------------------------------------------------------------------------------------------------


def test_what_is_saved_is_loaded(known: nmf.Dictionaries, tmp_path: Path) -> None:
    path = tmp_path / "drill.npz"
    known.save(path)
    loaded = nmf.Dictionaries.load(path)
    assert (loaded.sample_rate, loaded.win_length, loaded.stem_names) == (RATE, known.win_length, ("drill",))
    np.testing.assert_array_equal(loaded.templates["drill"], known.templates["drill"])
    assert [p.name for p in tmp_path.iterdir()] == ["drill.npz"]


def test_what_is_no_dictionary_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    for write in (
        lambda: path.write_bytes(b"no"),
        lambda: path.write_bytes(b""),
        lambda: np.savez(path, format="other"),
        lambda: np.savez(path, format=np.array({"a": 1}, object)),
        lambda: np.savez(path, format="unbraid.nmf 1", sample_rate=RATE, win_length=1024),
        lambda: np.savez(
            path, **{"format": "unbraid.nmf 1", "sample_rate": RATE, "win_length": 8, "templates.a": -1.0}
        ),
    ):
        write()
        with pytest.raises(ValueError, match=r"file\.npz: no dictionaries of unbraid\.nmf: "):
            nmf.Dictionaries.load(path)
    with pytest.raises(FileNotFoundError):
        nmf.Dictionaries.load(tmp_path / "missing.npz")


# --- what is wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("examples", "options", "message"),
    [
        ({}, {}, "expected examples by stem"),
        ({"a": []}, {}, "a signal or several"),
        ({"a": np.zeros(8000, np.float32)}, {}, "'a' are silent"),
        ({"a": np.ones(800, np.float32)}, {}, "800 samples; a frame alone has 1024"),
        ({"a": np.full(8000, np.nan, np.float32)}, {}, "finite"),
        ({"a": np.ones(8000, np.float32)}, {"components": 0}, "1 and more"),
        ({"a": np.ones(8000, np.float32)}, {"components": {"b": 3}}, "components are for"),
        ({"a": np.ones(8000, np.float32)}, {"iterations": 0}, "1 and more"),
    ],
)
def test_examples_must_be_good_for_something(examples: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nmf.learn(examples, RATE, **options)


def test_a_mixture_must_fit_the_dictionaries(known: nmf.Dictionaries) -> None:
    audio = np.zeros(8000, np.float32)
    with pytest.raises(ValueError, match=r"for 16000 Hz, got 44100: resample"):
        nmf.separate(audio, 44100, known, rest="rest")
    with pytest.raises(ValueError, match="the only stem is 'drill'"):
        nmf.separate(audio, RATE, known)
    with pytest.raises(ValueError, match="not be the name of a known stem"):
        nmf.separate(audio, RATE, known, rest="drill")
    with pytest.raises(ValueError, match="iterations"):
        nmf.separate(audio, RATE, known, rest="rest", iterations=0)
    with pytest.raises(TypeError, match="int16"):
        nmf.separate(audio.astype(np.int16), RATE, known, rest="rest")
    with pytest.raises(ValueError, match="templates of one stem"):
        nmf.Dictionaries(RATE, 1024, {})
    with pytest.raises(ValueError, match=r"must be \(513, components\), got \(513, 0\)"):
        nmf.Dictionaries(RATE, 1024, {"a": np.zeros((513, 0), np.float32)})


def test_it_is_there_from_the_package() -> None:
    assert unbraid.nmf is nmf
