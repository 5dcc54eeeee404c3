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
STEADY = 0.5  # of music with noise: it is a hum, a motor, a fan, quiet or loud
BURIED = 0.25  # of speech with music: the music is as loud, or much louder
STRUCK = 0.1  # of speech with noise: something is struck just before a word
CHOICE = 5  # how many noises the steadiest, or the least steady, is chosen of

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
            mixtures = [mix(self._trio(present, rng), present, rng) for present in self._kinds(rng)]
            yield Batch(*(np.stack(parts) for parts in zip(*mixtures, strict=True)))

    def _kinds(self, rng: np.random.Generator) -> NDArray[np.int64]:
        return np.array(list(PRESENT))[rng.choice(len(PRESENT), self.batch_size, p=list(PRESENT.values()))]

    def _trio(self, present: NDArray[np.int64], rng: np.random.Generator) -> list[Stem]:
        """Three stems of the reservoir, the noise chosen for what it is heard with."""
        draw = rng.random()
        speech, music, noise = (stems[rng.integers(len(stems))] for stems in self._reservoir.values())
        others = [self._reservoir["noise"][i] for i in rng.integers(len(self._reservoir["noise"]), size=CHOICE)]
        if tuple(present) == (0, 1, 1) and draw < STEADY:
            noise = min(others, key=lambda stem: stem.unsteadiness)
        elif present[0] and present[2] and draw < STRUCK:
            noise = before_a_word(speech, max(others, key=lambda stem: stem.unsteadiness), rng)
        return [speech, music, noise]


def before_a_word(speech: Stem, noise: Stem, rng: np.random.Generator) -> Stem:
    """The noise with its sharpest rise some 20 to 300 ms before one of the speech."""
    rises = np.diff(speech.level_db)
    word = rng.choice(np.argsort(rises)[-5:])
    return noise.rolled(int(word - np.argmax(np.diff(noise.level_db)) - rng.integers(1, 20)))


def mix(stems: list[Stem], present: NDArray[np.int64], rng: np.random.Generator) -> tuple[NDArray[np.float32], ...]:
    """Mix those of three stems that are present, at random levels.

    Returns P (frames, bands), C and K (3, frames, bands).
    """
    pairs = [stems[i].power if i == j else pair_power(stems[i].spectra, stems[j].spectra) for i, j in PAIRS]
    level_db = [rng.normal(0, 1), rng.uniform(-13, 8), rng.uniform(-15, 7)]
    if present[0] and present[1] and rng.random() < BURIED:
        level_db[1] = rng.uniform(0, 12)
    if tuple(present) == (0, 1, 1) and rng.random() < STEADY:
        level_db[2] = level_db[1] + rng.uniform(-25, 5)
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
