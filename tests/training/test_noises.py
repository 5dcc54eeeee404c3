"""Noise without a recording: each kind sounds like what it is called."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

for package in ("scipy", "soxr"):
    pytest.importorskip(package, reason="needs the extra [train]")

from unbraid.training.frames import spectra  # noqa: E402
from unbraid.training.mixtures import noises  # noqa: E402
from unbraid.training.mixtures.noises import NOISES, SAMPLE_RATE, synthetic_noise  # noqa: E402

SECOND = SAMPLE_RATE


def power(audio: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(np.abs(spectra(audio)) ** 2, np.float64)


def flatness(audio: NDArray[np.float32]) -> float:
    """Of the long-term spectrum up to 8 kHz: towards one for hiss, towards zero for tones."""
    mean = power(audio).mean(axis=0)[2:256] + 1e-20
    return float(np.exp(np.log(mean).mean()) / mean.mean())


@pytest.mark.parametrize("kind", NOISES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("length", [1, 700, 2 * SECOND])
def test_noise_has_its_length_and_is_never_silent(kind: noises.Noise, length: int, rng: np.random.Generator) -> None:
    for _ in range(10):
        audio = kind(length, rng)
        assert audio.shape == (length,)
        assert np.isfinite(audio).all()
        assert audio.any() or length == 1 or kind is noises.beeps  # which may pause as long as 1.6 s


def test_hiss_is_flat_and_tones_are_not(rng: np.random.Generator) -> None:
    assert all(flatness(noises.hiss(SECOND, rng, 0.0)) > 0.3 for _ in range(5))
    for kind in (noises.hum, noises.beeps):
        assert all(flatness(kind(SECOND, rng)) < 0.1 for _ in range(5))


@pytest.mark.parametrize("kind", [noises.wind, noises.rumble])
def test_wind_and_rumble_are_low(kind: noises.Noise, rng: np.random.Generator) -> None:
    for _ in range(5):
        mean = power(kind(SECOND, rng)).mean(axis=0)
        assert mean[:32].sum() > 0.9 * mean.sum()


def test_hum_is_the_mains(rng: np.random.Generator) -> None:
    for _ in range(5):
        spectrum = np.abs(np.fft.rfft(noises.hum(4 * SECOND, rng))) ** 2
        mains = [spectrum[int(4 * hz * 0.99) : int(4 * hz * 1.01)].sum() for hz in (50, 60)]
        others = np.array([spectrum[int(4 * hz) :][:4].sum() for hz in (41, 55.5, 73)])
        assert max(mains) > 10 * others.max() or mains[0] + mains[1] < 0.01 * spectrum.sum()


def test_beeps_are_on_and_off(rng: np.random.Generator) -> None:
    for _ in range(10):
        level = power(noises.beeps(4 * SECOND, rng)).sum(axis=1)
        assert 0.1 < np.mean(level > 0.1 * level.max()) < 0.95


def test_a_motor_is_silent_until_it_is_switched_on_and_slows_down_after(rng: np.random.Generator) -> None:
    runs = np.array([noises._switched(3 * SECOND, rng) for _ in range(60)])
    assert runs.min() == 0
    assert runs.max() <= 1
    assert (runs.max(axis=1) > 0.1).all()
    late = runs[:, 0] == 0
    assert 15 < late.sum() < 50
    assert (np.diff(np.sign(runs[late])) >= 0).all()  # once on it never stands still at once
    assert (runs.argmax(axis=1) < 3 * SECOND - 1).sum() > 10


def test_squeaks_have_a_pitch_that_slides(rng: np.random.Generator) -> None:
    tones, pitches = [], []
    for _ in range(20):
        frames = power(noises.squeak(2 * SECOND, rng))[:, 4:]
        loud = frames[frames.sum(axis=1) > 0.1 * frames.sum(axis=1).max()]
        tones.append(np.median(np.sort(loud, axis=1)[:, -40:].sum(axis=1) / loud.sum(axis=1)))
        pitches.append(np.ptp(np.log2(loud.argmax(axis=1) + 4)))
    assert np.median(tones) > 0.5  # in 40 of 765 bins; white noise has a fifth of its power there
    assert np.median(pitches) > 0.3


def test_impacts_come_seldom_or_often(rng: np.random.Generator) -> None:
    crests = []
    for _ in range(30):
        audio = noises.impacts(SECOND, rng)
        crests.append(np.abs(audio).max() / np.sqrt(np.mean(audio**2)))
    assert min(crests) < 8
    assert max(crests) > 15


def test_all_kinds_are_drawn(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sum(NOISES.values()) == pytest.approx(1)
    counts: Counter[int] = Counter()

    def kind(number: int) -> noises.Noise:
        def draw(length: int, _: np.random.Generator) -> NDArray[np.float32]:
            counts[number] += 1
            return np.ones(length, np.float32)

        return draw

    odds = {kind(number): chance for number, chance in enumerate(NOISES.values())}
    monkeypatch.setattr(noises, "NOISES", odds)
    for _ in range(1000):
        synthetic_noise(10, rng)
    for number, chance in enumerate(NOISES.values()):
        assert counts[number] == pytest.approx(1000 * chance, abs=60)


def test_a_cross_modulated_noise_moves_as_the_other_does(rng: np.random.Generator) -> None:
    steady, other = (spectra(rng.standard_normal(48000).astype(np.float32)) for _ in range(2))
    other[:30] *= 0.1  # twenty decibels louder from there on
    mixed = noises.cross_modulated(steady, other)
    assert (mixed.dtype, mixed.shape) == (np.complex64, steady.shape)
    np.testing.assert_allclose(np.linalg.norm(mixed), np.linalg.norm(steady), rtol=1e-3)
    assert 18 < 20 * np.log10(np.linalg.norm(mixed[30:60]) / np.linalg.norm(mixed[:30])) < 22
    np.testing.assert_allclose(np.angle(mixed[3] / steady[3])[1:-1], 0, atol=1e-3)  # its own fine structure


def test_silence_crosses_to_silence(rng: np.random.Generator) -> None:
    noise = spectra(rng.standard_normal(9600).astype(np.float32))
    assert not noises.cross_modulated(np.zeros_like(noise), noise).any()
    assert np.isfinite(noises.cross_modulated(noise, np.zeros_like(noise))).all()
