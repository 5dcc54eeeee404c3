"""The bands the network sees and masks: rectangular, one bin wide at the bottom, wider towards the top.

A mask that is constant over a band makes the spectral error of a stem exact in band sums:
Σ|Y − mX|² = m²P − 2mC + K, with P = Σ|X|², C = ΣRe(Y X*), K = Σ|Y|². So the training process never sees a bin.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

BIN_HZ = 31.25
WIN_SECONDS = 0.032
HOP_SECONDS = 0.016
NUM_BINS = 769  # 0 … 24 kHz
NUM_BANDS = 160
NARROW_BANDS = 64  # one bin each, up to 2 kHz: resolves the harmonics of voices


@functools.cache
def band_edges() -> NDArray[np.int64]:
    """First bin of each band, and NUM_BINS at the end: (NUM_BANDS + 1,)."""
    wide = np.geomspace(NARROW_BANDS, NUM_BINS, NUM_BANDS - NARROW_BANDS + 1)
    edges = np.concatenate([np.arange(NARROW_BANDS), np.round(wide)]).astype(np.int64)
    for i in range(1, len(edges)):  # rounding may close a narrow band
        edges[i] = max(edges[i], edges[i - 1] + 1)
    edges[-1] = NUM_BINS
    edges.flags.writeable = False  # every caller gets the same
    return edges


def band_of_bin() -> NDArray[np.int64]:
    """Index of the band that holds each bin: (NUM_BINS,)."""
    return np.repeat(np.arange(NUM_BANDS), np.diff(band_edges()))


def band_sum(per_bin: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum bins into bands over the last axis: (..., NUM_BINS) → (..., NUM_BANDS)."""
    return np.add.reduceat(per_bin, band_edges()[:-1], axis=-1)
