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
from unbraid.training.frames import Spectra, as_loud_as, frame_power
from unbraid.training.mixtures.clips import Clips
from unbraid.training.mixtures.rooms import load_bank
from unbraid.training.mixtures.voices import shift_formants
from unbraid.training.talkers.frames import BANDS, BIN_HZ, HOP_LENGTH, SAMPLE_RATE, WIN_LENGTH, WINDOW, spectra

MAX_RATIO_DB = 5.0  # of one talker to the other
REVERBERANT = 0.25
PAUSE_SECONDS = (0.05, 0.6)
LEVEL_DB = (-40.0, -12.0)
SAME_SOURCE = 0.5  # of the time all speak into the same kind of microphone, or that would tell them apart
NARROW = 0.5  # of the time nobody is heard beyond the narrowest recording's bandwidth
CROWD = 20  # people of whom two files seldom have the same


@dataclass(frozen=True)
class Pair:
    """Band sums of a mixture of talkers: P (frames, bands); C and K (talkers, frames, bands)."""

    mixture: NDArray[np.float32]
    cross: NDArray[np.float32]
    talkers: NDArray[np.float32]


@dataclass(frozen=True)
class Talker:
    """A voice, its frames of a mean square of one, and the bandwidth of its recording."""

    spectra: Spectra
    bandwidth_hz: float


class PairDrawer:
    """Draws pairs of voices of one split of a corpus, each pair of two different people.

    Those of the training split are moved in pitch and formants.
    """

    def __init__(self, corpus: Path, split: str, seconds: float, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self._clips = Clips(corpus, split, SAMPLE_RATE)
        self._moved = split == "train"
        # Long enough for whole frames, and no longer.
        self.length = (int(seconds * SAMPLE_RATE) - WIN_LENGTH) // HOP_LENGTH * HOP_LENGTH + WIN_LENGTH
        self._rooms = [soxr.resample(room, ROOM_RATE, SAMPLE_RATE) for room in load_bank(corpus)]
        people: dict[str, int] = {}
        for clips in self._clips.groups("speech"):
            count = self._clips.num_voices(clips)
            people[clips[0].source] = people.get(clips[0].source, 0) + (count if count >= CROWD else 1)
        self._people = people  # that can be told apart, by source

    def draw(self, num_talkers: int = 2) -> Pair:
        """A mixture of that many people.

        Raises ValueError where the corpus has fewer.
        """
        if sum(self._people.values()) < num_talkers:
            raise ValueError(f"the corpus has {sum(self._people.values())} voices, {num_talkers} are needed")
        rng, voices = self.rng, self._voices(num_talkers)
        talkers = np.stack([voice.spectra for voice in voices])
        talkers *= 10 ** (rng.uniform(-MAX_RATIO_DB / 2, MAX_RATIO_DB / 2, (num_talkers, 1, 1)) / 20)
        if rng.random() < NARROW:
            talkers[..., int(min(voice.bandwidth_hz for voice in voices) / BIN_HZ) + 1 :] = 0
        return band_sums(talkers, 10 ** (rng.uniform(*LEVEL_DB) / 20))

    def _voices(self, count: int) -> list[Talker]:
        found: dict[str, Talker] = {}
        source = None
        while len(found) < count:
            clips = self._clips.draw("speech", self.rng, source)
            name = clips[0].speaker
            if (people := self._clips.num_voices(clips)) > 1:
                # Each file may be another's voice: of one talker there is one.
                clips = [clips[self.rng.integers(len(clips))]]
                name = clips[0].path if people >= CROWD else name
            if name not in found and (talker := self._talk(clips)):
                found[name] = talker
                if len(found) == 1 and self._people[clips[0].source] >= count and self.rng.random() < SAME_SOURCE:
                    source = clips[0].source
        return list(found.values())

    def _talk(self, clips: list[Clip]) -> Talker | None:
        """Files of one voice with pauses; half of the time it begins late, or in the middle of a word."""
        rng = self.rng
        audio = np.zeros(self.length, np.float32)
        speed = float(np.exp(rng.uniform(-0.2, 0.2))) if self._moved else 1.0
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
        if not audio.any():
            return None
        heard = spectra(audio / np.sqrt(np.mean(audio[audio != 0] ** 2)))
        bandwidth_hz = min(SAMPLE_RATE / 2, clips[0].bandwidth_hz * speed)
        if self._moved and rng.random() < 0.5:
            heard = as_loud_as(shift_formants(heard, float(np.exp(rng.normal(0, 0.1))), bandwidth_hz, BIN_HZ), heard)
        return Talker(heard, bandwidth_hz)


def band_sums(talkers: NDArray[np.complex64], rms: float) -> Pair:
    """The sums of spectra (talkers, frames, bins), the mixture's level brought to a root mean square of `rms`."""
    whole = talkers.sum(axis=0)
    scale = np.float32(frame_power(rms**2, WINDOW) / (np.mean(np.sum(np.abs(whole) ** 2, axis=1)) + 1e-20))
    own = np.stack([BANDS.pair_sum(part, part) for part in talkers])
    cross = np.stack([BANDS.pair_sum(part, whole) for part in talkers])
    return Pair(BANDS.pair_sum(whole, whole) * scale, cross * scale, own * scale)


def batches(drawer: PairDrawer, batch_size: int, num_talkers: int = 2) -> Iterator[Pair]:
    """Batches without end: band sums with an axis of clips in front."""
    while True:
        pairs = [drawer.draw(num_talkers) for _ in range(batch_size)]
        yield Pair(*(np.stack([getattr(pair, part) for pair in pairs]) for part in ("mixture", "cross", "talkers")))
