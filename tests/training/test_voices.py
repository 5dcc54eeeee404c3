"""Voices moved in their frames: pitch, formants and tempo apart from each other."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("scipy", reason="needs the extra [train]")

import scipy.fft
import scipy.signal

from helpers.voices import FORMANTS_HZ, RATE, formant_of, vowel
from unbraid.training.bands import BIN_HZ, NUM_BINS
from unbraid.training.mixtures.voices import (
    Voice,
    effort,
    grains,
    melody,
    shift_formants,
    strained,
    whisper,
    without_floor,
)

WIN = 1536
WINDOW = np.hanning(WIN + 1)[:WIN].astype(np.float32)


def frames_of(audio: NDArray[np.float32], ratio: float = 1.0, count: int = 20) -> NDArray[np.complex64]:
    frames = grains(audio, WIN, 768, np.full(count, ratio, np.float32)) * WINDOW
    return np.asarray(scipy.fft.rfft(frames), np.complex64)


def pitch_of(frames: NDArray[np.complex64]) -> float:
    """From the peak of the mean cepstrum between 60 and 400 Hz."""
    cepstrum = scipy.fft.irfft(np.log(np.abs(frames) ** 2 + 1e-9)).mean(axis=0)
    lags = np.arange(RATE // 400, RATE // 60)
    return RATE / lags[np.argmax(cepstrum[lags])]


def test_grains_at_their_own_pace_are_the_frames(rng: np.random.Generator) -> None:
    audio = rng.standard_normal(WIN + 9 * 768).astype(np.float32)
    plain = np.lib.stride_tricks.sliding_window_view(audio, WIN)[::768]
    np.testing.assert_array_equal(grains(audio, WIN, 768, np.ones(10, np.float32)), plain)


def test_grains_past_the_ends_are_silent(rng: np.random.Generator) -> None:
    audio = rng.standard_normal(WIN).astype(np.float32)
    frames = grains(audio, WIN, 768, np.array([2.0, 1.0, 1.0, 1.0], np.float32))
    assert not frames[0, : WIN // 4 - 1].any()
    assert frames[0, WIN // 2].any()
    assert not frames[3].any()


@pytest.mark.parametrize("ratio", [0.8, 1.25])
def test_pitch_moves_with_its_formants(ratio: float) -> None:
    before, after = frames_of(vowel()), frames_of(vowel(), ratio)
    assert pitch_of(after) == pytest.approx(ratio * pitch_of(before), rel=0.02)
    assert formant_of(after, 1200, 2800) == pytest.approx(ratio * formant_of(before, 1200, 2800), rel=0.07)


@pytest.mark.parametrize("ratio", [0.8, 1.25])
def test_formants_move_and_pitch_stays(ratio: float) -> None:
    before = frames_of(vowel())
    after = shift_formants(before, ratio, 24000.0)
    assert pitch_of(after) == pytest.approx(pitch_of(before), rel=0.01)
    assert formant_of(before, 1200, 2800) == pytest.approx(FORMANTS_HZ[1], rel=0.07)
    assert formant_of(after, 1200, 2800) == pytest.approx(ratio * formant_of(before, 1200, 2800), rel=0.08)


def test_formants_that_stay_change_nothing() -> None:
    before = frames_of(vowel())
    np.testing.assert_allclose(shift_formants(before, 1.0, 24000.0), before, rtol=1e-4)


def test_a_whisper_keeps_the_formants_and_loses_the_pitch(rng: np.random.Generator) -> None:
    before = frames_of(vowel(), count=40)
    after = whisper(before, 8000.0, rng)
    assert not after[:, int(8000 / BIN_HZ) :].any()
    assert formant_of(after, 1200, 2800) == pytest.approx(formant_of(before, 1200, 2800), rel=0.1)

    def harmonicity(frames: NDArray[np.complex64]) -> float:
        cepstrum = scipy.fft.irfft(np.log(np.abs(frames[:, :256]) ** 2 + 1e-9)).mean(axis=0)
        return float(cepstrum[510 * 48000 // 90 // 1536 - 8 : 510 * 48000 // 90 // 1536 + 8].max())

    assert harmonicity(after) < 0.3 * harmonicity(before)


def test_nothing_comes_of_silence(rng: np.random.Generator) -> None:
    silence = np.zeros((3, NUM_BINS), np.complex64)
    assert not shift_formants(silence, 1.2, 8000.0).any()
    assert np.abs(whisper(silence, 8000.0, rng)).max() < 1e-8


def test_a_melody_is_smooth_and_centred(rng: np.random.Generator) -> None:
    contour = np.log(melody(20_000, 0.1, rng))
    assert abs(contour.mean()) < 0.01
    assert 0.05 < contour.std() < 0.12
    assert np.abs(np.diff(contour)).max() < 0.1
    assert (melody(50, 0.0, rng) == 1).all()


def test_most_voices_are_moved(rng: np.random.Generator) -> None:
    voices = [Voice.draw(rng) for _ in range(400)]
    assert 0.1 < voices.count(Voice()) / 400 < 0.3
    assert any(voice.whispered for voice in voices)
    assert all(0.5 < voice.pitch < 2 and 0.5 < voice.formants < 2 for voice in voices)
    assert all(0.7 < voice.tempo < 1.4 for voice in voices if voice.shout == 1)


def test_some_voices_shout(rng: np.random.Generator) -> None:
    shouts = [voice for voice in (Voice.draw(rng) for _ in range(1000)) if voice.shout != 1]
    assert 30 < len(shouts) < 110
    assert all(1.3 < voice.shout < 3.5 and 0.6 < voice.tempo < 1.2 for voice in shouts)


def test_a_shout_comes_in_spells(rng: np.random.Generator) -> None:
    drawn = np.stack([effort(375, rng) for _ in range(200)])
    assert drawn.min() == 0
    assert drawn.max() == 1
    all_along = (drawn == 1).all(axis=1)
    assert 0.15 < all_along.mean() < 0.4
    assert 0.3 < (drawn[~all_along] > 0.4).mean() < 0.8
    assert np.abs(np.diff(drawn)).max() <= 0.5  # nothing is shouted from one frame to the next


def test_a_shout_is_higher_louder_and_of_the_same_mouth(rng: np.random.Generator) -> None:
    voice, half = Voice(shout=2.0), np.repeat(np.array([0, 1], np.float32), 20)
    audio = vowel(seconds=1.0)
    spoken = frames_of(audio, count=40)
    raised = np.asarray(scipy.fft.rfft(grains(audio, WIN, 768, voice.shout**half) * WINDOW), np.complex64)
    after = strained(raised, voice, half, 24000.0, rng)
    np.testing.assert_allclose(after[:20], spoken[:20], rtol=1e-3, atol=1e-4)
    assert pitch_of(after[24:]) == pytest.approx(2 * pitch_of(spoken), rel=0.03)
    moved, there = formant_of(raised[24:], 1600, 4800), formant_of(after[24:], 1600, 4800)
    assert there < 0.85 * moved
    power = np.abs(after[24:]) ** 2, np.abs(raised[24:]) ** 2
    low, high = slice(3, int(400 / BIN_HZ)), slice(int(1000 / BIN_HZ), int(4000 / BIN_HZ))
    share = [p[:, high].sum() / p[:, low].sum() for p in power]
    assert share[0] > share[1]


def test_a_recordings_floor_goes_and_its_words_stay(rng: np.random.Generator) -> None:
    frames = rng.standard_normal((60, NUM_BINS, 2), dtype=np.float32).view(np.complex64)[..., 0]
    frames[20:40] *= 0.01  # a pause 40 dB below
    clean = without_floor(frames, 30.0)
    heard = slice(int(100 / BIN_HZ), None)
    np.testing.assert_array_equal(clean[:20, heard], frames[:20, heard])
    np.testing.assert_array_equal(clean[40:, heard], frames[40:, heard])
    assert np.linalg.norm(clean[24:36]) < 0.2 * np.linalg.norm(frames[24:36])
    assert not clean[:, :2].any()  # up to 31 Hz
    assert not without_floor(np.zeros((5, NUM_BINS), np.complex64), 30.0).any()
