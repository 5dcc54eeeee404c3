"""Frames as the core sees them: window, transform, and sums over bands."""

from __future__ import annotations

import functools

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from unbraid.training.bands import DIALOGUE

SAMPLE_RATE = 48000
NYQUIST_HZ = SAMPLE_RATE / 2
WIN_LENGTH, HOP_LENGTH = 1536, 768

Samples = NDArray[np.float32]
Spectra = NDArray[np.complex64]  # (frames, bins), with a side (2, frames, bins): the middle comes first


@functools.cache
def sine_window(length: int) -> Samples:
    """The periodic square root of a Hann window: (length,)."""
    window: Samples = np.sin(np.pi * np.arange(length) / length).astype(np.float32)
    window.flags.writeable = False  # every caller gets the same
    return window


def power_scale(window: Samples) -> np.float32:
    """What brings |spectrum|² of a windowed frame to 1 for a full-scale sine on its bin."""
    return np.float32((2.0 / window.sum()) ** 2)


WINDOW = sine_window(WIN_LENGTH)
POWER_SCALE = power_scale(WINDOW)


def frame_power(mean_square: float, window: Samples = WINDOW) -> float:
    """The power in the bins of a frame of audio of that mean square, by Parseval: Σw² is half the window's length."""
    return float(mean_square * len(window) ** 2 / 4 * power_scale(window))


def spectra(audio: Samples, win_length: int = WIN_LENGTH, hop_length: int = HOP_LENGTH) -> Spectra:
    """Spectrum of every whole frame: (samples,) → (frames, bins)."""
    return transform(np.lib.stride_tricks.sliding_window_view(audio, win_length)[::hop_length])


def transform(frames: Samples) -> Spectra:
    """Spectrum of frames (..., win_length), windowed and scaled so that |·|² is the core's power."""
    window = sine_window(frames.shape[-1])
    scaled: Spectra = np.asarray(scipy.fft.rfft(frames * window), np.complex64) * np.sqrt(power_scale(window))
    return scaled


def normalize_rms(audio: Samples) -> Samples:
    """Scale (..., samples) to a mean square of one, that of middle and side in sum; silence stays silent."""
    normalized: Samples = audio / (np.sqrt(np.sum(audio**2) / audio.shape[-1]) + np.float32(1e-6))
    return normalized


def as_loud_as(frames: Spectra, other: Spectra) -> Spectra:
    """Scale spectra to the norm of others; silence stays silent."""
    scaled: Spectra = frames * (np.linalg.norm(other) / (np.linalg.norm(frames) + np.float32(1e-20)))
    return scaled


def pair_power(a: Spectra, b: Spectra) -> NDArray[np.float32]:
    """Band sums of Re(a b*): (frames, bins) twice → (frames, bands).

    Of middle and side, (2, frames, bins), those of the side follow upon those of the middle: (frames, 2 · bands).
    """
    sums = DIALOGUE.pair_sum(a, b)
    return sums if sums.ndim == 2 else np.concatenate(sums, axis=-1)
