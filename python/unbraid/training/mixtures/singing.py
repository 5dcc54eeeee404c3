"""Singing made of speech: free recordings of singers are too few, and songs are music to us, words and all.

Spoken frames are slowed down and their pitch is moved onto the notes of a random tune, with slides and vibrato; the
formants stay where they were. As in voices.py this happens frame by frame: no vocoder, no waveform.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.ndimage
from numpy.typing import NDArray

from unbraid.training.bands import BIN_HZ
from unbraid.training.frames import SAMPLE_RATE, WIN_LENGTH, WINDOW, Spectra, transform
from unbraid.training.mixtures.voices import FRAMES_PER_SECOND, grains, shift_formants

PITCH_RANGE_HZ = (70.0, 500.0)
VOICED = 0.5  # correlation at the period from which a frame is sung on pitch
SCALE = np.array([0, 2, 4, 5, 7, 9, 11])  # major; its modes are as likely, for the key is random


def pitch(frames: Spectra) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Fundamental in Hz and whether there is one, per frame, by autocorrelation below 3 kHz."""
    power = np.abs(frames) ** 2
    power[:, int(3000 / BIN_HZ) :] = 0
    correlation = scipy.fft.irfft(power, WIN_LENGTH, axis=1)
    # The sine window's own correlation falls with the lag, and would favour short periods.
    falling = np.correlate(WINDOW, WINDOW, "full")[WIN_LENGTH - 1 :]
    low, high = (int(SAMPLE_RATE / hz) for hz in PITCH_RANGE_HZ[::-1])
    scores = correlation[:, low:high] / (falling[low:high] / falling[0]) / (correlation[:, :1] + 1e-20)
    peak = scores.max(axis=1)
    # The period is the first lag that does nearly as well as the best: later ones are its multiples.
    first = np.argmax(scores > 0.85 * peak[:, None], axis=1)
    reach = np.arange(12)
    near = np.minimum(first[:, None] + reach, scores.shape[1] - 1)
    lag = low + np.take_along_axis(near, np.take_along_axis(scores, near, axis=1).argmax(axis=1)[:, None], axis=1)[:, 0]
    return (SAMPLE_RATE / lag).astype(np.float32), peak > VOICED


def tune(num_frames: int, centre_hz: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """The pitch in Hz of a sung line, per frame: a walk over a scale around `centre_hz`."""
    key = rng.uniform(0, 12)
    steps = np.sort((key + SCALE[None] + 12 * np.arange(-2, 3)[:, None]).ravel())  # semitones around the centre
    note = int(np.argmin(np.abs(steps)))
    lowest, highest = np.searchsorted(steps, [-8, 10])
    line = np.empty(num_frames)
    at = 0
    while at < num_frames:
        length = max(4, int(FRAMES_PER_SECOND * rng.choice([0.15, 0.3, 0.45, 0.6, 1.2]) * rng.uniform(0.8, 1.3)))
        line[at : at + length] = steps[note]
        note = int(np.clip(note + rng.choice([-2, -1, -1, 0, 1, 1, 2, 3]), lowest, highest - 1))
        at += length
    line = scipy.ndimage.uniform_filter1d(line, int(rng.integers(2, 6)), mode="nearest")
    time = np.arange(num_frames) / FRAMES_PER_SECOND
    line += rng.uniform(0, 0.5) * np.sin(2 * np.pi * (rng.uniform(4.5, 7) * time + rng.random()))
    tuned: NDArray[np.float32] = (centre_hz * 2 ** (line / 12)).astype(np.float32)
    return tuned


def sing(audio: NDArray[np.float32], num_frames: int, hop: float, rng: np.random.Generator) -> Spectra:
    """Frames (num_frames, bins) of spoken `audio` sung; it is read at `hop` samples a frame.

    Silence stays silent; what has no pitch, consonants and breath, keeps its sound.
    """
    plain = transform(grains(audio, WIN_LENGTH, hop, np.ones(num_frames, np.float32)))
    found, voiced = pitch(plain)
    if not voiced.any():
        return plain
    spoken = scipy.ndimage.median_filter(np.interp(np.arange(num_frames), np.flatnonzero(voiced), found[voiced]), 5)
    centre = float(np.median(spoken)) * 2 ** rng.uniform(-0.2, 0.7)  # singers sing higher than they speak
    ratios = np.clip(tune(num_frames, centre, rng) / spoken, 0.4, 2.5).astype(np.float32)
    ratios = np.where(scipy.ndimage.binary_dilation(voiced), ratios, np.float32(1))
    sung = transform(grains(audio, WIN_LENGTH, hop, ratios))
    return shift_formants(sung, 1 / ratios[:, None], SAMPLE_RATE / 2)
