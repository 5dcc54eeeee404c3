"""Mixtures without end: pairs drawn stems and hands over band sums.

The spectra of the drawn stems are kept in a reservoir and paired anew for every batch: a stem is decoded and
transformed once and heard in about eight mixtures. Levels, equalisers, fades and bandwidth are applied to the
band sums of the pairs G_ij = ΣRe(Y_i Y_j*), where they cost nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unbraid.training.bands import NUM_BANDS
from unbraid.training.frames import NYQUIST_HZ, frame_power, pair_power
from unbraid.training.mixtures import augment
from unbraid.training.mixtures.stems import Drawer, Stem
from unbraid.training.mixtures.stereo import MONO

# Which kinds sound together, and how often; a corpus that lacks a kind has the others.
PRESENT = {
    ("speech", "music", "noise"): 0.31,
    ("speech", "noise"): 0.24,
    ("speech", "music"): 0.16,
    ("music", "noise"): 0.16,
    ("speech",): 0.02,
    ("music",): 0.03,
    ("noise",): 0.08,
}
MUSIC_WITH_NOISE = frozenset({"music", "noise"})
STEADY = 0.5  # of music with noise: it is a hum, a motor, a fan, quiet or loud
BURIED = 0.25  # of speech with music: the music is as loud, or much louder
STRUCK = 0.1  # of speech with noise: something is struck just before a word
LEVELS_DB = (-45.0, -20.0)  # mean squares of mixtures: what the core's level normalizer lets a network hear
CHOICE = 5  # how many noises the steadiest, or the least steady, is chosen of

BANDWIDTHS_HZ = {
    NYQUIST_HZ: 0.60,
    16000.0: 0.06,
    12000.0: 0.06,
    11025.0: 0.04,
    8000.0: 0.18,
    5500.0: 0.03,
    4000.0: 0.03,
}


@dataclass(frozen=True)
class Batch:
    """Band sums of a batch: P = `mixture` (batch, frames, bands); C and K = `cross` and `stems`, with an axis of kinds
    after the batch's. With a side its bands follow upon those of the middle.
    """

    mixture: NDArray[np.float32]
    cross: NDArray[np.float32]
    stems: NDArray[np.float32]


class Mixer:
    """Endless batches of band sums; iterate over it. The stems are in the order of the drawer's kinds."""

    def __init__(self, drawer: Drawer, batch_size: int, reservoir: int = 64, uses: float = 8.0) -> None:
        reservoir = max(reservoir, 2 * batch_size)
        self.drawer = drawer
        self.batch_size = batch_size
        self._renewed = batch_size / uses
        self._reservoir = {kind: [drawer.stem(kind) for _ in range(reservoir)] for kind in drawer.kinds}
        shares = {present: share for present, share in PRESENT.items() if set(present) <= set(drawer.kinds)}
        self._present = [frozenset(present) for present in shares]
        self._odds = np.array(list(shares.values())) / sum(shares.values())

    def __iter__(self) -> Iterator[Batch]:
        rng, due = self.drawer.rng, 0.0
        while True:
            due += self._renewed
            while due >= 1:
                for kind, stems in self._reservoir.items():
                    stems[rng.integers(len(stems))] = self.drawer.stem(kind)
                due -= 1
            draws = rng.choice(len(self._present), self.batch_size, p=self._odds)
            mixtures = [mix(self._draw(self._present[i], rng), self._present[i], rng) for i in draws]
            yield Batch(*(np.stack(parts) for parts in zip(*mixtures, strict=True)))

    def _draw(self, present: frozenset[str], rng: np.random.Generator) -> dict[str, Stem]:
        """A stem of each kind from the reservoir, the noise chosen for what it is heard with."""
        draw = rng.random()
        stems = {kind: kept[rng.integers(len(kept))] for kind, kept in self._reservoir.items()}
        if "noise" in present:
            kept = self._reservoir["noise"]
            others = [kept[i] for i in rng.integers(len(kept), size=CHOICE)]
            if present == MUSIC_WITH_NOISE and draw < STEADY:
                stems["noise"] = min(others, key=lambda stem: stem.unsteadiness)
            elif "speech" in present and draw < STRUCK:
                loudest = max(others, key=lambda stem: stem.unsteadiness)
                stems["noise"] = before_a_word(stems["speech"], loudest, rng)
        return stems


def before_a_word(speech: Stem, noise: Stem, rng: np.random.Generator) -> Stem:
    """The noise with its sharpest rise some 20 to 300 ms before one of the speech."""
    rises = np.diff(speech.level_db)
    word = rng.choice(np.argsort(rises)[-5:])
    return noise.rolled(int(word - np.argmax(np.diff(noise.level_db)) - rng.integers(1, 20)))


def draw_levels(present: AbstractSet[str], rng: np.random.Generator) -> dict[str, float]:
    """The level of each kind in dB, speech about 0."""
    levels_db = {"speech": rng.normal(0, 1), "music": rng.uniform(-13, 8), "noise": rng.uniform(-15, 7)}
    if {"speech", "music"} <= present and rng.random() < BURIED:
        levels_db["music"] = rng.uniform(0, 12)
    if present == MUSIC_WITH_NOISE and rng.random() < STEADY:
        levels_db["noise"] = levels_db["music"] + rng.uniform(-25, 5)
    return levels_db


def mix(
    drawn: Mapping[str, Stem], present: AbstractSet[str], rng: np.random.Generator
) -> tuple[NDArray[np.float32], ...]:
    """Mix those of the drawn stems, by kind, that are present, at random levels.

    Returns P (frames, bands), C and K (kinds, frames, bands); bands of the middle and, if the stems have one, the side.
    """
    planes = next(iter(drawn.values())).power.shape[1] // NUM_BANDS
    mono = planes == 2 and rng.random() < MONO
    levels_db = draw_levels(present, rng)
    cutoff_hz = float(rng.choice(list(BANDWIDTHS_HZ), p=list(BANDWIDTHS_HZ.values())))
    if "speech" in present and rng.random() < 0.9:
        # The bandwidth of a narrow recording is the mixture's: or the network learns "above 8 kHz is never speech".
        cutoff_hz = min(cutoff_hz, drawn["speech"].bandwidth_hz)
    band = np.tile(augment.bandwidth(cutoff_hz), planes)
    if mono:
        band[NUM_BANDS:] = 0
    gains = []
    for kind, stem in drawn.items():
        num_frames = len(stem.power)
        shape = np.ones(num_frames, np.float32) if rng.random() < 0.85 else augment.fader(num_frames, rng)
        response = np.tile(augment.equaliser(rng) * (augment.proximity(rng) if kind == "speech" else 1), planes)
        # Levels are those of what is heard: a fuller voice is not a louder one.
        as_loud = np.sqrt(stem.power.sum() / ((stem.power * response**2).sum() + 1e-20))
        gain = (kind in present) * 10 ** (levels_db[kind] / 20) * as_loud
        gains.append((gain * shape[:, None] * response * band).astype(np.float32))
    stems = np.stack([stem.power * gain * gain for stem, gain in zip(drawn.values(), gains, strict=True)])
    cross = stems.copy()
    spectra = [stem.spectra for stem in drawn.values()]
    for i, j in itertools.combinations(range(len(drawn)), 2):
        shared = pair_power(spectra[i], spectra[j]) * gains[i] * gains[j]
        cross[[i, j]] += shared
    mixture = np.maximum(cross.sum(axis=0), 0)
    power = frame_power(10 ** (rng.uniform(*LEVELS_DB) / 10))
    scale = np.float32(power / (heard(mixture).sum() / len(mixture) + 1e-20))
    return mixture * scale, cross * scale, stems * scale


def heard(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the core takes the level of: the power of the middle, where the channels cancel an eighth of the whole."""
    middle, side = power[..., :NUM_BANDS], power[..., NUM_BANDS:]
    return np.maximum(middle, (middle + side) / 8) if side.size else middle
