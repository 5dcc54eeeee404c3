"""The bands the network sees and masks: rectangular, one bin wide at the bottom, wider towards the top.

A mask that is constant over a band makes the spectral error of a stem exact in band sums:
Σ|Y − mX|² = m²P − 2mC + K, with P = Σ|X|², C = ΣRe(Y X*), K = Σ|Y|². So the training process never sees a bin.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BIN_HZ = 31.25
WIN_SECONDS = 0.032
HOP_SECONDS = 0.016
NUM_BINS = 769  # 0 … 24 kHz
NUM_BANDS = 160
NARROW_BANDS = 64  # one bin each, up to 2 kHz: resolves the harmonics of voices


@dataclass(frozen=True)
class Bands:
    """How the bins of a spectrum are grouped: `narrow` of one bin each, the others wider and wider."""

    num_bins: int
    num_bands: int
    narrow: int

    @functools.cached_property
    def edges(self) -> NDArray[np.int64]:
        """First bin of each band, and num_bins at the end: (num_bands + 1,)."""
        wide = np.geomspace(self.narrow, self.num_bins, self.num_bands - self.narrow + 1)
        edges = np.concatenate([np.arange(self.narrow), np.round(wide)]).astype(np.int64)
        for i in range(1, len(edges)):  # rounding may close a narrow band
            edges[i] = max(edges[i], edges[i - 1] + 1)
        edges[-1] = self.num_bins
        edges.flags.writeable = False  # every caller gets the same
        return edges

    @functools.cached_property
    def of_bin(self) -> NDArray[np.int64]:
        """Index of the band that holds each bin: (num_bins,)."""
        return np.repeat(np.arange(self.num_bands), np.diff(self.edges))

    def sum(self, per_bin: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sum bins into bands over the last axis: (..., num_bins) → (..., num_bands)."""
        return np.add.reduceat(per_bin, self.edges[:-1], axis=-1)

    def pair_sum(self, a: NDArray[np.complex64], b: NDArray[np.complex64]) -> NDArray[np.float32]:
        """Band sums of Re(a b*): (..., num_bins) twice → (..., num_bands)."""
        product = a.view(np.float32) * b.view(np.float32)
        return np.add.reduceat(product, 2 * self.edges[:-1], axis=-1)


DIALOGUE = Bands(NUM_BINS, NUM_BANDS, NARROW_BANDS)


def band_edges() -> NDArray[np.int64]:
    """First bin of each band of `dialogue`, and NUM_BINS at the end: (NUM_BANDS + 1,)."""
    return DIALOGUE.edges


def band_of_bin() -> NDArray[np.int64]:
    """Index of the band that holds each bin: (NUM_BINS,)."""
    return DIALOGUE.of_bin


def band_sum(per_bin: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum bins into bands over the last axis: (..., NUM_BINS) → (..., NUM_BANDS)."""
    return DIALOGUE.sum(per_bin)
