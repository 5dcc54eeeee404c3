"""Signals and files for tests. Audio is (channels, samples) float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from pedalboard.io import AudioFile

Audio = NDArray[np.float32]


def noise(rng: np.random.Generator, *shape: int) -> Audio:
    """White noise that fills the whole scale."""
    return rng.uniform(-1, 1, shape).astype(np.float32)


def soft_noise(rng: np.random.Generator, *shape: int) -> Audio:
    """White noise at -20 dB: none of it clips in a file of integers."""
    return (0.1 * rng.standard_normal(shape)).astype(np.float32)


def on_grid(audio: Audio, bits: int = 16) -> Audio:
    """Rounded to values that integers of so many bits hold."""
    full = 2.0 ** (bits - 1)
    return (np.rint(audio * full) / full).astype(np.float32)


def write(path: Path, audio: Audio, sample_rate: float = 48000, bit_depth: int = 16) -> Path:
    """Writes a file of the format that its name says; returns the path."""
    with AudioFile(str(path), "w", samplerate=sample_rate, num_channels=audio.shape[0], bit_depth=bit_depth) as file:
        file.write(audio)
    return path


def read(path: Path) -> tuple[Audio, float]:
    """All of a file, and its sample rate; as libsndfile has it, straight from the file."""
    audio, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(audio.T), sample_rate


def read_audio(path: Path) -> Audio:
    return read(path)[0]
