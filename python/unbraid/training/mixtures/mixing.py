"""Mixtures without end: pairs drawn stems and hands over band sums.

The spectra of the drawn stems are kept in a reservoir and paired anew for every batch: a stem is decoded and
transformed once and heard in about eight mixtures. Levels, equalisers, fades and bandwidth are applied to the
band sums of the pairs G_ij = ΣRe(Y_i Y_j*), where they cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unbraid.training.bands import NUM_BANDS
from unbraid.training.frames import POWER_SCALE, WIN_LENGTH, pair_power
from unbraid.training.mixtures import augment
from unbraid.training.mixtures.drawing import STEMS, Drawer, Stem

PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
# Which stems sound together, and how often.
PRESENT = {(1, 1, 1): 0.31, (1, 0, 1): 0.24, (1, 1, 0): 0.16, (0, 1, 1): 0.16,
           (1, 0, 0): 0.02, (0, 1, 0): 0.03, (0, 0, 1): 0.08}  # fmt: skip
NARROW_BAND_HZ = {24000.0: 0.60, 16000.0: 0.06, 12000.0: 0.06, 11025.0: 0.04, 8000.0: 0.18, 5500.0: 0.03, 4000.0: 0.03}


@dataclass(frozen=True)
class Batch:
    """Band sums of a batch: P = `mixture` (batch, frames, bands); C, K = `cross`, `stems` (batch, 3, frames, bands)."""

    mixture: NDArray[np.float32]
    cross: NDArray[np.float32]
    stems: NDArray[np.float32]


class Mixer:
    """Endless batches of band sums; iterate over it."""

    def __init__(self, drawer: Drawer, batch_size: int, reservoir: int = 64, uses: float = 8.0) -> None:
        reservoir = max(reservoir, 2 * batch_size)
        self.drawer = drawer
        self.batch_size = batch_size
        self._renewed = batch_size / uses
        self._reservoir = {kind: [drawer.stem(kind) for _ in range(reservoir)] for kind in STEMS}

    def __iter__(self) -> Iterator[Batch]:
        rng, due = self.drawer.rng, 0.0
        while True:
            due += self._renewed
            while due >= 1:
                for kind, stems in self._reservoir.items():
                    stems[rng.integers(len(stems))] = self.drawer.stem(kind)
                due -= 1
            orders = [rng.permutation(len(stems))[: self.batch_size] for stems in self._reservoir.values()]
            rows = zip(*orders, strict=True)
            trios = [[self._reservoir[kind][i] for kind, i in zip(STEMS, row, strict=True)] for row in rows]
            mixtures = [mix(trio, rng) for trio in trios]
            yield Batch(*(np.stack(parts) for parts in zip(*mixtures, strict=True)))


def mix(stems: list[Stem], rng: np.random.Generator) -> tuple[NDArray[np.float32], ...]:
    """Mix three stems at random levels; returns P (frames, bands), C and K (3, frames, bands)."""
    pairs = [stems[i].power if i == j else pair_power(stems[i].spectra, stems[j].spectra) for i, j in PAIRS]
    present = np.array(list(PRESENT))[rng.choice(len(PRESENT), p=list(PRESENT.values()))]
    level_db = [rng.normal(0, 1), rng.uniform(-13, 8), rng.uniform(-15, 7)]
    cutoff_hz = float(rng.choice(list(NARROW_BAND_HZ), p=list(NARROW_BAND_HZ.values())))
    if present[0] and rng.random() < 0.9:
        # The bandwidth of a narrow recording is the mixture's: or the network learns "above 8 kHz is never speech".
        cutoff_hz = min(cutoff_hz, stems[0].bandwidth_hz)
    band = augment.bandwidth(cutoff_hz)
    num_frames = len(pairs[0])
    gains = np.empty((3, num_frames, NUM_BANDS), np.float32)
    for i in range(3):
        shape = np.ones(num_frames, np.float32) if rng.random() < 0.85 else augment.fader(num_frames, rng)
        response = augment.equaliser(rng) * (augment.proximity(rng) if i == 0 else 1)
        # Levels are those of what is heard: a fuller voice is not a louder one.
        as_loud = np.sqrt(stems[i].power.sum() / ((stems[i].power * response**2).sum() + 1e-20))
        gains[i] = present[i] * 10 ** (level_db[i] / 20) * as_loud * shape[:, None] * response * band
    grams = {(i, j): power * gains[i] * gains[j] for (i, j), power in zip(PAIRS, pairs, strict=True)}
    cross = np.stack([sum(grams[min(i, j), max(i, j)] for j in range(3)) for i in range(3)])
    own = np.stack([grams[i, i] for i in range(3)])
    mixture = np.maximum(cross.sum(axis=0), 0)
    # By Parseval a mixture of mean square r² has r² · WIN_LENGTH² / 4 in the bins of a frame (Σw² = WIN_LENGTH / 2).
    frame_power = 10 ** (rng.uniform(-45, -12) / 10) * WIN_LENGTH**2 / 4 * POWER_SCALE
    scale = np.float32(frame_power / (mixture.sum() / num_frames + 1e-20))
    return mixture * scale, cross * scale, own * scale
