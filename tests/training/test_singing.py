"""Singing made of speech: on pitch, with its consonants and its formants."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("pyroomacoustics", reason="needs the extra [train]")
pytest.importorskip("soxr", reason="needs the extra [train]")
pytest.importorskip("soundfile", reason="needs the extra [train]")

from helpers.voices import formant_of, vowel
from unbraid.training.frames import WIN_LENGTH, spectra, transform
from unbraid.training.mixtures.singing import PITCH_RANGE_HZ, SCALE, pitch, sing, tune

HOP = 300.0
FRAMES = 120


@pytest.fixture(scope="module")
def spoken() -> NDArray[np.float32]:
    """A vowel that falls from 180 to 120 Hz, as a statement does."""
    steps = [vowel(hz, 0.15) for hz in (180.0, 165.0, 150.0, 135.0, 120.0)]
    return np.concatenate(steps)[: int(HOP * (FRAMES - 1)) + WIN_LENGTH]


@pytest.mark.parametrize("hz", [80.0, 123.0, 210.0, 380.0])
def test_the_pitch_of_a_vowel_is_found(hz: float) -> None:
    found, voiced = pitch(spectra(vowel(hz)))
    assert voiced.mean() > 0.9
    np.testing.assert_allclose(found[voiced], hz, rtol=0.03)


def test_noise_and_silence_have_no_pitch(rng: np.random.Generator) -> None:
    _, voiced = pitch(spectra(rng.standard_normal(24000).astype(np.float32)))
    assert voiced.mean() < 0.1
    assert not pitch(spectra(np.zeros(24000, np.float32)))[1].any()


def test_a_tune_keeps_to_its_range_and_moves(rng: np.random.Generator) -> None:
    for _ in range(20):
        line = tune(200, 200.0, rng)
        assert line.shape == (200,)
        assert 90 < line.min() < line.max() < 450
        assert np.abs(np.diff(np.log2(line))).max() < 0.4
    assert max(np.ptp(tune(400, 200.0, rng)) for _ in range(5)) > 40
    assert len(SCALE) == 7


def test_speech_is_sung_on_its_notes(
    spoken: NDArray[np.float32], rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unbraid.training.mixtures.singing.tune", lambda n, centre, _: np.full(n, 175.0, np.float32))
    sung = sing(spoken, FRAMES, HOP, rng)
    found, voiced = pitch(sung)
    assert sung.shape == (FRAMES, 769)
    assert sung.dtype == np.complex64
    assert voiced.mean() > 0.7
    assert np.median(np.abs(found[voiced] / 175.0 - 1)) < 0.03
    assert PITCH_RANGE_HZ[0] < found.min()
    plain = transform(np.lib.stride_tricks.sliding_window_view(spoken, WIN_LENGTH)[:: int(HOP)])
    assert formant_of(sung, 1200, 2800) == pytest.approx(formant_of(plain, 1200, 2800), rel=0.12)


def test_what_has_no_pitch_stays_as_it_is(rng: np.random.Generator) -> None:
    hiss = rng.standard_normal(int(HOP * (FRAMES - 1)) + WIN_LENGTH).astype(np.float32)
    plain = transform(np.lib.stride_tricks.sliding_window_view(hiss, WIN_LENGTH)[:: int(HOP)])
    sung = sing(hiss, FRAMES, HOP, rng)
    level = np.abs(sung).mean() / np.abs(plain).mean()
    assert 0.8 < level < 1.25
    assert not sing(np.zeros_like(hiss), FRAMES, HOP, rng).any()
