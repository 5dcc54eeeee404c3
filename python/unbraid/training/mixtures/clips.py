"""The clips of one split of a corpus: how often each voice, track or noise is drawn, and reading it at any rate."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from unbraid.training.corpus.clips import Clip, load_clips, load_kinds, load_voices, packed_file
from unbraid.training.frames import SAMPLE_RATE, Samples

MAX_VOICES = 150  # a source of more voices than that weighs no more
MAX_NOISE_SHARE = 0.15  # of what is drawn of recorded noise, for one source
WIDE_BAND_HZ = 15000.0
SENTENCE_SECONDS = 2.2  # a voice whose files last that long on average speaks fluently


class Clips:
    """The clips of one split of a corpus, by kind, and in a kind by voice, track or noise; read at `sample_rate`."""

    def __init__(self, corpus: Path, split: str, sample_rate: int = SAMPLE_RATE) -> None:
        self._corpus = corpus
        self.sample_rate = sample_rate
        self._packed: dict[tuple[str, int, int], NDArray[np.int16]] = {}
        self._groups: dict[str, dict[str, list[Clip]]] = {kind: {} for kind in load_kinds(corpus)}
        for clip in load_clips(corpus):
            if clip.split == split:
                self._groups[clip.kind].setdefault(clip.speaker, []).append(clip)
        self._names = {kind: list(groups) for kind, groups in self._groups.items()}
        self._counts = load_voices(corpus)
        self._odds = {kind: self._weigh(kind) for kind in self._groups}

    @property
    def kinds(self) -> list[str]:
        """The kinds of sound, as the recipe names them."""
        return list(self._groups)

    def odds(self, kind: str) -> dict[str, float]:
        """How often each voice, track or noise of a kind is drawn."""
        return dict(zip(self._names[kind], self._odds[kind].tolist(), strict=True))

    def _weigh(self, kind: str) -> NDArray[np.float64]:
        # Square root of the hours: long recordings count, but do not drown the many short ones. Voices near a
        # wide-band microphone are scarce and would be drowned by the 16 kHz corpora, sentences by strung words.
        weights = []
        for speaker, clips in self._groups[kind].items():
            count = min(self._counts.get(speaker, 1), MAX_VOICES)
            seconds = sum(clip.length / clip.sample_rate for clip in clips)
            weight = count * np.sqrt(min(seconds / count, 6000.0))
            if kind == "speech" and clips[0].bandwidth_hz >= WIDE_BAND_HZ:
                weight *= 3.0
            if kind == "speech" and seconds / len(clips) >= SENTENCE_SECONDS:
                weight *= 2.0
            weights.append(weight)
        odds: NDArray[np.float64] = np.array(weights) / np.sum(weights)
        if kind == "noise":
            odds = capped(odds, [clips[0].source for clips in self._groups[kind].values()], MAX_NOISE_SHARE)
        return odds

    def draw(self, kind: str, rng: np.random.Generator, source: str | None = None) -> list[Clip]:
        """The clips of one voice, one track or one noise; of one source alone if it is named."""
        odds = self._odds[kind]
        if source is not None:
            odds = odds * [clips[0].source == source for clips in self.groups(kind)]
            odds = odds / odds.sum()
        return self._groups[kind][rng.choice(self._names[kind], p=odds)]

    def groups(self, kind: str) -> Collection[list[Clip]]:
        """The clips of each voice, track or noise."""
        return self._groups[kind].values()

    def num_voices(self, clips: Sequence[Clip]) -> int:
        """How many people may speak in the clips of one voice, for nothing tells them apart."""
        return min(self._counts.get(clips[0].speaker, 1), len(clips))

    def read(
        self, clip: Clip, speed: float = 1.0, max_samples: int | None = None, start: float = 0.0, planes: int = 1
    ) -> Samples:
        """A clip, played `speed` times as fast, from the fraction `start` on, cut to `max_samples`.

        Returns its middle (samples,), with two `planes` middle and side (2, samples).
        """
        first = int(start * clip.length)
        ratio = clip.sample_rate * speed
        last = clip.length
        if max_samples is not None:
            last = min(last, first + int(max_samples * ratio / self.sample_rate) + 64)
        key = (clip.source, clip.sample_rate, clip.channels)
        if key not in self._packed:
            packed = np.memmap(packed_file(self._corpus, *key), np.int16, "r")
            self._packed[key] = packed.reshape(-1, clip.channels)
        raw = self._packed[key][clip.offset + first : clip.offset + last]
        middle = raw.mean(axis=1, dtype=np.float32)
        audio = middle if planes == 1 else np.stack([middle, raw[:, 0] - middle], axis=1)
        out: Samples = soxr.resample(audio * np.float32(1 / 32768), ratio, self.sample_rate, quality="LQ")
        return out[:max_samples].T


def capped(odds: NDArray[np.float64], groups: Sequence[str], most: float) -> NDArray[np.float64]:
    """Odds of which no group has more than `most`; as they are where there are too few groups for that."""
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    odds = odds.copy()
    if len(names) * most < 1:
        return odds
    full = np.zeros(len(names), bool)
    while True:
        shares = np.bincount(index, odds, len(names))
        over = (shares > most + 1e-9) & ~full
        if not over.any():
            return odds
        full |= over
        free = ~full[index]
        for name in np.flatnonzero(over):
            odds[index == name] *= most / shares[name]
        odds[free] *= (1 - most * full.sum()) / odds[free].sum()
