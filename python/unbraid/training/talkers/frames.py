"""Frames of voices: at 16 kHz, twice as long as those of `dialogue`, to tell the harmonics of two voices apart."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from unbraid.training.bands import Bands

SAMPLE_RATE = 16000
WIN_LENGTH, HOP_LENGTH = 1024, 256
BIN_HZ = SAMPLE_RATE / WIN_LENGTH
WIN_SECONDS, HOP_SECONDS = WIN_LENGTH / SAMPLE_RATE, HOP_LENGTH / SAMPLE_RATE
WINDOW = np.sin(np.pi * np.arange(WIN_LENGTH) / WIN_LENGTH).astype(np.float32)  # periodic sqrt-Hann
POWER_SCALE = np.float32((2.0 / WINDOW.sum()) ** 2)
BANDS = Bands(num_bins=WIN_LENGTH // 2 + 1, num_bands=192, narrow=128)  # one bin each up to 2 kHz


def spectra(audio: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Spectrum of every whole frame, scaled so that |·|² is the core's power: (samples,) → (frames, bins)."""
    frames = np.lib.stride_tricks.sliding_window_view(audio, WIN_LENGTH)[::HOP_LENGTH]
    scaled: NDArray[np.complex64] = np.asarray(scipy.fft.rfft(frames * WINDOW), np.complex64) * np.sqrt(POWER_SCALE)
    return scaled
