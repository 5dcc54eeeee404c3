"""Frames of voices: at 16 kHz, twice as long as those of `dialogue`, to tell the harmonics of two voices apart."""

from __future__ import annotations

from unbraid.training import frames
from unbraid.training.bands import Bands
from unbraid.training.frames import Samples, Spectra, power_scale, sine_window

SAMPLE_RATE = 16000
WIN_LENGTH, HOP_LENGTH = 1024, 256
BIN_HZ = SAMPLE_RATE / WIN_LENGTH
WIN_SECONDS, HOP_SECONDS = WIN_LENGTH / SAMPLE_RATE, HOP_LENGTH / SAMPLE_RATE
WINDOW = sine_window(WIN_LENGTH)
POWER_SCALE = power_scale(WINDOW)
BANDS = Bands(num_bins=WIN_LENGTH // 2 + 1, num_bands=192, narrow=128)  # one bin each up to 2 kHz


def spectra(audio: Samples) -> Spectra:
    """Spectrum of every whole frame, scaled so that |·|² is the core's power: (samples,) → (frames, bins)."""
    return frames.spectra(audio, WIN_LENGTH, HOP_LENGTH)
