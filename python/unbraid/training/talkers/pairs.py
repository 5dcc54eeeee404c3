"""Mixtures of voices, drawn from a corpus: two people who talk at the same time, for some of the time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from unbraid.training.corpus.clips import Clip
from unbraid.training.frames import SAMPLE_RATE as ROOM_RATE
from unbraid.training.mixtures.clips import Clips
from unbraid.training.mixtures.rooms import load_bank
from unbraid.training.talkers.frames import BANDS, HOP_LENGTH, SAMPLE_RATE, WIN_LENGTH, spectra

Audio = NDArray[np.float32]  # (samples,)

MAX_RATIO_DB = 5.0  # of one talker to the other
REVERBERANT = 0.25
PAUSE_SECONDS = (0.05, 0.6)
LEVEL_DB = (-40.0, -12.0)


@dataclass(frozen=True)
class Pair:
    """Band sums of a mixture of talkers: P (frames, bands); C and K (talkers, frames, bands)."""

    mixture: NDArray[np.float32]
    cross: NDArray[np.float32]
    talkers: NDArray[np.float32]


class PairDrawer:
    """Draws pairs of voices of one split of a corpus, each pair of two different people."""

    def __init__(self, corpus: Path, split: str, seconds: float, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self._clips = Clips(corpus, split, SAMPLE_RATE)
        # Long enough for whole frames, and no longer.
        self.length = (int(seconds * SAMPLE_RATE) - WIN_LENGTH) // HOP_LENGTH * HOP_LENGTH + WIN_LENGTH
        self._rooms = [soxr.resample(room, ROOM_RATE, SAMPLE_RATE) for room in load_bank(corpus)]

    def draw(self, num_talkers: int = 2) -> Pair:
        """A mixture of that many people.

        Raises ValueError where the corpus has fewer.
        """
        if len(self._clips.odds("speech")) < num_talkers:
            raise ValueError(f"the corpus has {len(self._clips.odds('speech'))} voices, {num_talkers} are needed")
        voices = self._voices(num_talkers)
        ratios_db = self.rng.uniform(-MAX_RATIO_DB / 2, MAX_RATIO_DB / 2, num_talkers)
        talkers = [audio * np.float32(10 ** (ratio / 20)) for audio, ratio in zip(voices, ratios_db, strict=True)]
        return band_sums(np.stack(talkers), 10 ** (self.rng.uniform(*LEVEL_DB) / 20))

    def _voices(self, count: int) -> list[Audio]:
        found: dict[str, Audio] = {}
        while len(found) < count:
            clips = self._clips.draw("speech", self.rng)
            if clips[0].speaker not in found:
                audio = self._talk(clips)
                loud = np.sqrt(np.mean(audio[audio != 0] ** 2)) if audio.any() else 0.0
                if loud > 0:
                    found[clips[0].speaker] = np.asarray(audio / np.float32(loud))
        return list(found.values())

    def _talk(self, clips: list[Clip]) -> Audio:
        """Files of one voice with pauses; half of the time it begins late, or in the middle of a word."""
        rng = self.rng
        audio = np.zeros(self.length, np.float32)
        speed = float(np.exp(rng.uniform(-0.12, 0.12)))
        at = 0 if rng.random() < 0.6 else int(rng.uniform(0, 0.4) * self.length)
        start = rng.uniform(0, 0.7) if at == 0 else 0.0
        while at < self.length:
            part = self._clips.read(clips[rng.integers(len(clips))], speed, self.length - at, start)
            audio[at : at + len(part)] += part
            at += len(part) + int(rng.uniform(*PAUSE_SECONDS) * SAMPLE_RATE)
            start = 0.0
        if rng.random() < REVERBERANT:
            room = self._rooms[rng.integers(len(self._rooms))]
            audio = oaconvolve(audio, room)[: self.length].astype(np.float32)
        return audio


def band_sums(talkers: Audio, rms: float) -> Pair:
    """The sums of talkers (talkers, samples), their mixture brought to a root mean square of `rms`."""
    scale = np.float32(rms / (np.sqrt(np.mean(talkers.sum(axis=0) ** 2)) + 1e-9))
    parts = [spectra(audio * scale) for audio in talkers]
    whole = np.sum(parts, axis=0)
    own = np.stack([BANDS.pair_sum(part, part) for part in parts])
    cross = np.stack([BANDS.pair_sum(part, whole) for part in parts])
    return Pair(BANDS.pair_sum(whole, whole), cross, own)


def batches(drawer: PairDrawer, batch_size: int, num_talkers: int = 2) -> Iterator[Pair]:
    """Batches without end: band sums with an axis of clips in front."""
    while True:
        pairs = [drawer.draw(num_talkers) for _ in range(batch_size)]
        yield Pair(*(np.stack([getattr(pair, part) for pair in pairs]) for part in ("mixture", "cross", "talkers")))
