"""What the page draws and measures, made while the stems come: peaks, loudness and spectrograms."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._checks import Audio
from .growing import GrowingFile
from .loudness import k_weights

PEAKS_PER_SECOND = 100
FRAMES_PER_SECOND = 60
FRAMES_PER_LEVEL = 6  # a tenth of a second: BS.1770's blocks are four of these
WIN_SECONDS = 0.043
NUM_BANDS = 128
MIN_HZ, MAX_HZ = 40.0, 20000.0
LOWEST_DB = -110.0
TOP_FRAMES = 512  # the coarsest spectrogram has about as many


class Analysis:
    """Appends to three kinds of files in `folder` as the stems come in, (stems, channels, samples).

    - `peaks`: int8 (peaks, 1 + stems, 2), the lowest and highest sample of mixture and stems, 100 a second.
    - `levels`: float32 (levels, pairs), ten a second: the products of each two stems after BS.1770's weighting, as the
      rows of the upper triangle. g'Cg is the power of the mix with gains g, whatever they are.
    - `spectrogram[k]`: uint8 (frames, stems, bands), 60 / 2^k frames a second, from 0 (LOWEST_DB) to 255 (a full-scale
      sine), in bands that lie evenly in mel.
    """

    def __init__(self, folder: Path, sample_rate: float, num_stems: int, num_samples: int) -> None:
        self.peaks = GrowingFile(folder / "peaks")
        self.levels = GrowingFile(folder / "levels")
        self.num_stems = num_stems
        self.band_edges_hz = (MIN_HZ, min(MAX_HZ, sample_rate / 2))
        self._peak_length = int(sample_rate // PEAKS_PER_SECOND)
        self._hop_length = int(sample_rate // FRAMES_PER_SECOND)
        self.peak_rate = sample_rate / self._peak_length
        self.frame_rate = sample_rate / self._hop_length
        self.level_rate = self.frame_rate / FRAMES_PER_LEVEL
        frames = max(1, num_samples // self._hop_length)
        depth = 1 + max(0, math.ceil(math.log2(frames / TOP_FRAMES)))
        self.spectrogram = [GrowingFile(folder / f"spectrogram-{level}") for level in range(depth)]

        self._win_length = 1 << round(math.log2(sample_rate * WIN_SECONDS))
        self._window = np.hanning(self._win_length + 1)[:-1].astype(np.float32)
        num_bins = self._win_length // 2 + 1
        self._bands = Bands(sample_rate, num_bins)
        self._full_scale = float(self._window.sum() / 2) ** 2
        energy = np.full(num_bins, 2.0)
        energy[[0, -1]] = 1.0
        energy /= self._win_length * float((self._window**2).sum())
        self._weights = np.sqrt(energy * k_weights(sample_rate, num_bins)).astype(np.float32)
        self._pairs = np.triu_indices(num_stems)

        self._for_peaks: Audio | None = None
        self._for_frames: Audio | None = None
        self._for_levels = np.zeros((0, len(self._pairs[0])))
        self._halves = [np.zeros((0, num_stems, NUM_BANDS))] * depth

    def add(self, stems: Audio) -> None:
        self._add_peaks(stems, last=False)
        if self._for_frames is None:  # the first frame is centred on the first sample
            self._for_frames = np.zeros((*stems.shape[:2], self._win_length // 2), np.float32)
        self._add_frames(stems)

    def end(self) -> None:
        """Writes what waits for more, and closes the files."""
        if self._for_frames is not None:
            shape = self._for_frames.shape[:2]
            self._add_peaks(np.zeros((*shape, 0), np.float32), last=True)
            self._add_frames(np.zeros((*shape, self._win_length // 2), np.float32))
            for level in range(len(self.spectrogram)):
                if len(self._halves[level]):
                    self._add_spectrogram(level + 1, self._halves[level])
        self.close()

    def state(self) -> dict[str, Any]:
        """What has to be known to read the files, for JSON."""
        return {
            "peak_rate": self.peak_rate,
            "peaks": self.peaks.size // (2 * (1 + self.num_stems)),
            "level_rate": self.level_rate,
            "frame_rate": self.frame_rate,
            "frames": [file.size // (NUM_BANDS * self.num_stems) for file in self.spectrogram],
            "bands": NUM_BANDS,
            "band_edges_hz": self.band_edges_hz,
            "lowest_db": LOWEST_DB,
        }

    def close(self) -> None:
        for file in (self.peaks, self.levels, *self.spectrogram):
            file.end()

    def _add_peaks(self, stems: Audio, last: bool) -> None:
        rows = np.concatenate([stems.sum(axis=0, keepdims=True), stems])
        held = rows if self._for_peaks is None else np.concatenate([self._for_peaks, rows], axis=2)
        if last and (missing := -held.shape[2] % self._peak_length):
            held = np.pad(held, ((0, 0), (0, 0), (0, missing)))
        count = held.shape[2] // self._peak_length
        used, self._for_peaks = np.split(held, [count * self._peak_length], axis=2)
        cells = used.reshape(*used.shape[:2], count, self._peak_length)
        ends = np.stack([cells.min(axis=(1, 3)), cells.max(axis=(1, 3))], axis=-1)  # (rows, peaks, 2)
        whole = np.clip(np.rint(ends * 127), -127, 127).astype(np.int8)
        self.peaks.append(whole.transpose(1, 0, 2).tobytes())

    def _add_frames(self, stems: Audio) -> None:
        assert self._for_frames is not None
        held = np.concatenate([self._for_frames, stems], axis=2)
        count = max(0, (held.shape[2] - self._win_length) // self._hop_length + 1)
        self._for_frames = held[:, :, count * self._hop_length :]
        if not count:
            return
        windows = np.lib.stride_tricks.sliding_window_view(held, self._win_length, axis=2)
        frames = windows[:, :, : count * self._hop_length : self._hop_length] * self._window
        spectra = np.fft.rfft(frames).astype(np.complex64)  # (stems, channels, frames, bins)
        power = (spectra.real**2 + spectra.imag**2).mean(axis=1)
        self._add_spectrogram(0, (self._bands(power) / self._full_scale).transpose(1, 0, 2))
        self._add_levels(spectra * self._weights)

    def _add_levels(self, weighted: NDArray[np.complex64]) -> None:
        stems, _, frames, _ = weighted.shape
        rows = np.ascontiguousarray(weighted.transpose(2, 0, 1, 3)).reshape(frames, stems, -1).view(np.float32)
        products = (rows @ rows.transpose(0, 2, 1))[:, self._pairs[0], self._pairs[1]]
        held = np.concatenate([self._for_levels, products])
        count = len(held) // FRAMES_PER_LEVEL
        used, self._for_levels = np.split(held, [count * FRAMES_PER_LEVEL])
        self.levels.append(used.reshape(count, FRAMES_PER_LEVEL, used.shape[1]).mean(axis=1).astype("<f4").tobytes())

    def _add_spectrogram(self, level: int, power: NDArray[np.float64]) -> None:
        """(frames, stems, bands) at one level of detail; pairs of them go on to the next."""
        if level == len(self.spectrogram):
            return
        decibels = 10 * np.log10(np.maximum(power, 1e-12))
        self.spectrogram[level].append(
            np.clip(np.rint(255 * (1 - decibels / LOWEST_DB)), 0, 255).astype(np.uint8).tobytes()
        )
        held = np.concatenate([self._halves[level], power])
        used, self._halves[level] = np.split(held, [len(held) // 2 * 2])
        if len(used):
            self._add_spectrogram(level + 1, used.reshape(-1, 2, *used.shape[1:]).mean(axis=1))


class Bands:
    """Means of a power spectrum (..., bins) over bands (..., bands) whose edges lie evenly in mel.

    By differences of running sums: a matrix would have BLAS start threads, beside those of the separation.
    """

    def __init__(self, sample_rate: float, num_bins: int) -> None:
        lowest, highest = (2595 * math.log10(1 + hertz / 700) for hertz in (MIN_HZ, min(MAX_HZ, sample_rate / 2)))
        edges = 700 * (10 ** (np.linspace(lowest, highest, NUM_BANDS + 1) / 2595) - 1)
        places = edges / (sample_rate / 2) * (num_bins - 1) + 0.5  # a bin reaches half a bin down and up
        self._below = np.minimum(places.astype(int), num_bins - 1)
        self._part = places - self._below
        self._widths = np.diff(places)

    def __call__(self, power: NDArray[np.float32]) -> NDArray[np.float64]:
        sums = np.cumsum(power, axis=-1, dtype=np.float64)
        at_edges = sums[..., self._below] - power[..., self._below] * (1 - self._part)
        means: NDArray[np.float64] = np.diff(at_edges, axis=-1) / self._widths
        return means
