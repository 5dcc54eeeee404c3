"""Spectra of whole signals, and signals of spectra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._checks import Audio

Spectra = NDArray[np.complex64]  # (channels, bins, frames)

OVERLAP = 4  # frames over each sample


@dataclass(frozen=True)
class Frames:
    """Frames of `win_length` samples, a quarter of it apart, under a square-root Hann window both ways."""

    win_length: int

    @classmethod
    def of(cls, sample_rate: float, win_seconds: float) -> Frames:
        """Of about so many seconds at a rate, in samples a whole number of hops."""
        return cls(OVERLAP * max(2, round(sample_rate * win_seconds / OVERLAP)))

    @property
    def hop_length(self) -> int:
        return self.win_length // OVERLAP

    @property
    def num_bins(self) -> int:
        return self.win_length // 2 + 1

    def count(self, num_samples: int) -> int:
        """Of the frames that reach into a signal of that length, its first and last included."""
        return -(-num_samples // self.hop_length) + OVERLAP - 1

    def analyse(self, signal: Audio, first: int, last: int) -> Spectra:
        """Frames `first` to `last`, the latter excluded, of a signal (channels, samples) with silence around it."""
        start = (first - OVERLAP + 1) * self.hop_length
        end = start + (last - first + OVERLAP - 1) * self.hop_length
        num_samples = signal.shape[1]
        part = signal[:, max(0, start) : min(end, num_samples)]
        part = np.pad(part, ((0, 0), (max(0, -start), max(0, end - max(num_samples, start)))))
        framed = np.lib.stride_tricks.sliding_window_view(part, self.win_length, axis=1)[:, :: self.hop_length]
        spectra: Spectra = np.fft.rfft(framed * self._window()).astype(np.complex64)
        return spectra.transpose(0, 2, 1)

    def add(self, spectra: Spectra, first: int, signal: Audio) -> None:
        """Adds the signal of spectra to one (channels, samples), where `analyse` has found them from `first` on."""
        framed = np.fft.irfft(spectra.transpose(0, 2, 1), self.win_length) * (self._window() * 2 / OVERLAP)
        for i in range(framed.shape[1]):
            start = (first + i - OVERLAP + 1) * self.hop_length
            end = min(start + self.win_length, signal.shape[1])
            signal[:, max(0, start) : end] += framed[:, i, max(0, -start) : end - start]

    def _window(self) -> NDArray[np.float32]:
        return np.sin(np.pi * np.arange(self.win_length) / self.win_length).astype(np.float32)
