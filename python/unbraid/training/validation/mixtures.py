"""The mixtures of validation: held-out voices, tracks and noises, drawn by a seed and told apart by a hash.

They are drawn with code of their own, not with that of training: what is heard in training may change, the yardstick
may not. A mixture depends on the corpus, the seed and its number alone, so any subset can be had without the others.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.fft
import soxr
from numpy.typing import NDArray

from unbraid.training.corpus.clips import Clip, load_clips, packed_file
from unbraid.training.frames import NYQUIST_HZ, SAMPLE_RATE
from unbraid.training.mixtures.augment import reverberate
from unbraid.training.mixtures.rooms import simulate_room

Audio = NDArray[np.float32]  # (channels, samples)

KINDS = {"speech+music+noise": 100, "speech+noise": 110, "speech+music": 90, "music+noise": 70, "music+hum": 50}
SECONDS = 6.0
SEED = 20
HELD_SHARE = {"speech": 0.4, "music": 0.0, "noise": 0.7}  # of what is drawn: sources, or folds, that are held out whole
REVERBERANT = 0.2  # of the voices; their reference is reverberant, too, so they flatter and are told apart
WIDE = 0.5  # of the mixtures with music are stereo
LEVEL_DB = (-60.0, -6.0)
# Speech against which the others are set; without speech the music is.
MUSIC_DB, NOISE_DB, HUM_DB = (-10.0, 10.0), (-12.0, 8.0), (-20.0, 5.0)
BANDWIDTHS_HZ = {NYQUIST_HZ: 0.5, 16000.0: 0.1, 12000.0: 0.1, 8000.0: 0.2, 4000.0: 0.1}
FULL_BAND_HZ = 22050.0  # what a recording at 44.1 kHz has: not narrow
HUM_UNSTEADINESS_DB, HUM_HZ, HUM_SECONDS = 2.0, 1500.0, 2.5
NUM_ROOMS = 20
INDEX = "validation-v2.json"


@dataclass(frozen=True)
class ValidationMixture:
    """Stems (channels, samples) at 48 kHz that sum to the mixture, and what they are made of."""

    number: int
    kind: str  # a key of KINDS
    stems: dict[str, Audio]
    sources: dict[str, str]
    reverberant: bool
    bandwidth_hz: float

    @functools.cached_property
    def sha256(self) -> str:
        """Of the stems, rounded to 16 bits of the mixture's peak."""
        scale = 16384 / (np.abs(sum(self.stems.values())).max() + 1e-12)
        digest = hashlib.sha256(self.kind.encode())
        for name, audio in self.stems.items():
            digest.update(name.encode() + np.round(audio * scale).astype(np.int16).tobytes())
        return digest.hexdigest()


class ValidationMixtures:
    """The mixtures of a corpus, by number: `len`, indexing and iteration.

    Raises ValueError for a corpus that lacks held-out clips of a kind.
    """

    def __init__(self, corpus: Path, seed: int = SEED) -> None:
        self._corpus, self._seed = corpus, seed
        self._kinds = [kind for kind, count in KINDS.items() for _ in range(count)]
        clips = [clip for clip in load_clips(corpus) if clip.split == "validation"]
        self._pools = {kind: _Pool(corpus, [c for c in clips if c.kind == kind], kind) for kind in HELD_SHARE}
        self._rooms = functools.cache(lambda i: simulate_room(np.random.default_rng([seed, i])))

    def __len__(self) -> int:
        return len(self._kinds)

    def __iter__(self) -> Iterator[ValidationMixture]:
        return (self[i] for i in range(len(self)))

    @functools.cached_property
    def hums(self) -> list[Clip]:
        """Held-out recordings of steady low noise: motors, fans, engines, rumble."""
        hums = [clip for clip in self._pools["noise"].clips if self._is_hum(clip)]
        if not hums:
            raise ValueError(f"{self._corpus}: no held-out noise is steady and low")
        return hums

    def _is_hum(self, clip: Clip) -> bool:
        if clip.length < HUM_SECONDS * clip.sample_rate:
            return False
        audio = _read(self._corpus, clip, 0, int(SECONDS * clip.sample_rate)).mean(axis=0)
        size = clip.sample_rate // 20
        blocks = audio[: len(audio) // size * size].reshape(-1, size)
        unsteadiness = np.std(10 * np.log10(np.mean(blocks**2, axis=1) + 1e-12))
        power = np.cumsum(np.abs(scipy.fft.rfft(audio)) ** 2)
        middle_hz = np.searchsorted(power, power[-1] / 2) * clip.sample_rate / len(audio)
        return bool(unsteadiness < HUM_UNSTEADINESS_DB and middle_hz < HUM_HZ)

    def __getitem__(self, number: int) -> ValidationMixture:
        kind = self._kinds[number]
        rng = np.random.default_rng([self._seed, number])
        names = kind.replace("hum", "noise").split("+")
        wide = "music" in names and rng.random() < WIDE
        length = int(SECONDS * SAMPLE_RATE)
        cutoff_hz = float(rng.choice(list(BANDWIDTHS_HZ), p=list(BANDWIDTHS_HZ.values())))
        stems: dict[str, Audio] = {}
        sources: dict[str, str] = {}
        reverberant = False
        for name in names:
            clips = [self.hums[rng.integers(len(self.hums))]] if kind == "music+hum" and name == "noise" else None
            audio, clip = self._stretch(name, length, rng, clips)
            sources[name] = clip.speaker
            if name == "speech":
                # The recording's bandwidth is the mixture's, as where one microphone hears everything.
                cutoff_hz = min(cutoff_hz, clip.bandwidth_hz) if clip.bandwidth_hz < FULL_BAND_HZ else cutoff_hz
                reverberant = bool(rng.random() < REVERBERANT)
                if reverberant:
                    audio = reverberate(audio[0], self._rooms(int(rng.integers(NUM_ROOMS))), 1.0)[None]
            stems[name] = _placed(audio, wide, rng if name == "speech" else None)
        levels_db = {"speech": 0.0, "music": rng.uniform(*MUSIC_DB), "noise": rng.uniform(*NOISE_DB)}
        if "speech" not in names:
            against = HUM_DB if kind == "music+hum" else (-15.0, 5.0)
            levels_db |= {"music": 0.0, "noise": rng.uniform(*against)}
        stems = {name: _level(_low_pass(a, cutoff_hz)) * _amplitude(levels_db[name]) for name, a in stems.items()}
        scale = _amplitude(rng.uniform(*LEVEL_DB)) / _rms(np.asarray(sum(stems.values())))
        stems = {name: (audio * scale).astype(np.float32) for name, audio in stems.items()}
        return ValidationMixture(number, kind, stems, sources, reverberant, cutoff_hz)

    def _stretch(
        self, kind: str, length: int, rng: np.random.Generator, clips: Sequence[Clip] | None
    ) -> tuple[Audio, Clip]:
        """One voice's files with pauses, one track, or one noise over and over: (channels, length) at 48 kHz."""
        clips = clips or self._pools[kind].draw(rng)
        first = clip = clips[int(rng.integers(len(clips)))]
        parts: list[Audio] = []
        at = 0
        while at < length:
            start = int(rng.uniform(0, max(0, clip.length - SECONDS * clip.sample_rate)))
            part = _read(self._corpus, clip, start, int((length - at) * clip.sample_rate / SAMPLE_RATE) + 64)
            part = soxr.resample(part.T, clip.sample_rate, SAMPLE_RATE).T[:, : length - at]
            # Ambience goes on and on; a knock over and over would be a buzz.
            pauses = kind == "speech" or (kind == "noise" and clip.length < HUM_SECONDS * clip.sample_rate)
            pause = int(pauses * rng.uniform(0.2, 0.8) * SAMPLE_RATE)
            pause = min(pause, length - at - part.shape[1])
            parts += [part, np.zeros((len(part), pause), np.float32)]
            at += part.shape[1] + pause
            same = [other for other in clips if other.channels == first.channels]
            clip = same[rng.integers(len(same))]
        return np.concatenate(parts, axis=1), first


class _Pool:
    """Held-out clips of a kind: first a source is drawn, then a voice, track or noise in it."""

    def __init__(self, corpus: Path, clips: list[Clip], kind: str) -> None:
        if not clips:
            raise ValueError(f"{corpus}: no clip of {kind} is held out for validation")
        self.clips = clips
        self._sources: dict[str, dict[str, list[Clip]]] = defaultdict(lambda: defaultdict(list))
        for clip in clips:
            self._sources[clip.source][clip.speaker].append(clip)
        self._names = list(self._sources)
        seconds = [sum(c.length / c.sample_rate for voice in s.values() for c in voice) for s in self._sources.values()]
        weights = np.sqrt(seconds)
        held = np.array([_is_held_out(corpus, name) for name in self._names])
        if held.any() and not held.all() and HELD_SHARE[kind]:
            weights[held] *= HELD_SHARE[kind] / weights[held].sum()
            weights[~held] *= (1 - HELD_SHARE[kind]) / weights[~held].sum()
        self._odds = weights / weights.sum()

    def draw(self, rng: np.random.Generator) -> list[Clip]:
        voices = list(self._sources[self._names[rng.choice(len(self._names), p=self._odds)]].values())
        return voices[rng.integers(len(voices))]


def verify(corpus: Path, mixtures: Sequence[ValidationMixture]) -> str:
    """Note the hashes of mixtures in the corpus on first sight, compare them later; the hash of all that were given.

    Raises ValueError if a mixture is not what it was: figures of before and after do not compare.
    """
    path = corpus / INDEX
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    for mixture in mixtures:
        if known.setdefault(str(mixture.number), mixture.sha256) != mixture.sha256:
            raise ValueError(f"{path}: mixture {mixture.number} has changed; remove that file to begin a new set")
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(known, indent=0))
    draft.replace(path)
    return hashlib.sha256("".join(mixture.sha256 for mixture in mixtures).encode()).hexdigest()


def _is_held_out(corpus: Path, source: str) -> bool:
    """Whether the recipe, and no draw, says what of a source is held out."""
    made_by = json.loads((corpus / f"{source}.json").read_text()).get("made_by", {})
    return bool(made_by.get("source", {}).get("held_out"))


def _read(corpus: Path, clip: Clip, start: int, count: int) -> Audio:
    packed = np.memmap(packed_file(corpus, clip.source, clip.sample_rate, clip.channels), np.int16, "r")
    frames = packed.reshape(-1, clip.channels)[clip.offset + start : clip.offset + min(clip.length, start + count)]
    return np.asarray(np.ascontiguousarray(frames.T, np.float32) / np.float32(32768))


def _placed(audio: Audio, wide: bool, panned: np.random.Generator | None) -> Audio:
    """In stereo or in mono; a voice stands in the middle, one in five some way beside it."""
    if not wide:
        return np.asarray(audio.mean(axis=0, keepdims=True))
    if len(audio) == 2:
        return audio
    gains = np.ones(2, np.float32)
    if panned is not None and panned.random() < 0.2:
        gains[panned.integers(2)] = _amplitude(-panned.uniform(2, 8))
    return np.asarray(audio * gains[:, None])


def _low_pass(audio: Audio, cutoff_hz: float) -> Audio:
    if cutoff_hz >= NYQUIST_HZ:
        return audio
    spectrum = scipy.fft.rfft(audio)
    spectrum[:, int(cutoff_hz * audio.shape[1] / SAMPLE_RATE) :] = 0
    passed: Audio = scipy.fft.irfft(spectrum, audio.shape[1]).astype(np.float32)
    return passed


def _rms(audio: Audio) -> float:
    return float(np.sqrt(np.mean(audio**2))) + 1e-9


def _level(audio: Audio) -> Audio:
    return np.asarray(audio / np.float32(_rms(audio)))


def _amplitude(level_db: float) -> float:
    return float(10 ** (level_db / 20))
