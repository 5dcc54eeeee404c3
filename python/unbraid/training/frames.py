"""Frames as the core sees them: window, transform, and sums over bands."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from unbraid.training.bands import DIALOGUE

SAMPLE_RATE = 48000
NYQUIST_HZ = SAMPLE_RATE / 2
WIN_LENGTH, HOP_LENGTH = 1536, 768
WINDOW = np.sin(np.pi * np.arange(WIN_LENGTH) / WIN_LENGTH).astype(np.float32)  # periodic sqrt-Hann
POWER_SCALE = np.float32((2.0 / WINDOW.sum()) ** 2)

Samples = NDArray[np.float32]
Spectra = NDArray[np.complex64]  # (frames, bins)


def spectra(audio: Samples) -> Spectra:
    """Spectrum of every whole frame: (samples,) → (frames, bins)."""
    return transform(np.lib.stride_tricks.sliding_window_view(audio, WIN_LENGTH)[::HOP_LENGTH])


def transform(frames: Samples) -> Spectra:
    """Spectrum of frames (frames, WIN_LENGTH), windowed and scaled so that |·|² is the core's power."""
    scaled: Spectra = np.asarray(scipy.fft.rfft(frames * WINDOW), np.complex64) * np.sqrt(POWER_SCALE)
    return scaled


def normalize_rms(audio: Samples) -> Samples:
    """Scale to a mean square of one; silence stays silent."""
    normalized: Samples = audio / (np.sqrt(np.mean(audio**2)) + np.float32(1e-6))
    return normalized


def as_loud_as(frames: Spectra, other: Spectra) -> Spectra:
    """Scale spectra to the norm of others; silence stays silent."""
    scaled: Spectra = frames * (np.linalg.norm(other) / (np.linalg.norm(frames) + np.float32(1e-20)))
    return scaled


def pair_power(a: Spectra, b: Spectra) -> NDArray[np.float32]:
    """Band sums of Re(a b*): (frames, bins) twice → (frames, bands)."""
    return DIALOGUE.pair_sum(a, b)
