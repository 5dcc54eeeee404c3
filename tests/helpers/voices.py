"""A spoken vowel, and where its formants are."""

from __future__ import annotations

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from unbraid.training.bands import BIN_HZ
from unbraid.training.mixtures.voices import envelope

RATE = 48000
FORMANTS_HZ = (700.0, 1900.0)


def vowel(pitch_hz: float = 90.0, seconds: float = 0.5) -> NDArray[np.float32]:
    """Pulses through two resonances."""
    audio = np.zeros(int(seconds * RATE))
    audio[(np.arange(int(seconds * pitch_hz)) * RATE / pitch_hz).astype(int)] = 1.0
    for formant_hz in FORMANTS_HZ:
        b, a = scipy.signal.iirpeak(formant_hz, 4.0, RATE)
        audio = audio * 0.05 + scipy.signal.lfilter(b, a, audio)
    return audio.astype(np.float32)


def formant_of(frames: NDArray[np.complex64], low: float, high: float) -> float:
    smooth = envelope(frames, 24000.0).mean(axis=0)
    first = int(low / BIN_HZ)
    return (first + np.argmax(smooth[first : int(high / BIN_HZ)])) * BIN_HZ
