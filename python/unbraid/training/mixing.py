"""Mixtures without end: draws stems from a corpus and hands over band sums.

The spectra of the drawn stems are kept in a reservoir and paired anew for every batch: a stem is decoded and
transformed once and heard in about three mixtures. Levels, equalisers, fades and bandwidth are applied to the
band sums of the pairs G_ij = ΣRe(Y_i Y_j*), where they cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.fft
import soxr
from numpy.typing import NDArray

from unbraid.training import augment, rooms, singing, voices
from unbraid.training.bands import NUM_BANDS, band_edges
from unbraid.training.corpus import Clip, load_clips, load_voices, packed_file

SAMPLE_RATE = 48000
WIN_LENGTH, HOP_LENGTH = 1536, 768
WINDOW = np.sin(np.pi * np.arange(WIN_LENGTH) / WIN_LENGTH).astype(np.float32)  # periodic sqrt-Hann
POWER_SCALE = np.float32((2.0 / WINDOW.sum()) ** 2)
STEMS = ("speech", "music", "noise")
PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
# Which stems sound together, and how often.
PRESENT = {(1, 1, 1): 0.42, (1, 0, 1): 0.17, (1, 1, 0): 0.16, (0, 1, 1): 0.15,
           (1, 0, 0): 0.03, (0, 1, 0): 0.03, (0, 0, 1): 0.04}  # fmt: skip
NARROW_BAND_HZ = {24000.0: 0.60, 16000.0: 0.06, 12000.0: 0.06, 11025.0: 0.04, 8000.0: 0.18, 5500.0: 0.03, 4000.0: 0.03}

Samples = NDArray[np.float32]


def spectra(audio: Samples) -> NDArray[np.complex64]:
    """Spectrum of every whole frame: (samples,) → (frames, bins), scaled so that |·|² is the core's power."""
    return _transform(np.lib.stride_tricks.sliding_window_view(audio, WIN_LENGTH)[::HOP_LENGTH])


def _transform(frames: Samples) -> NDArray[np.complex64]:
    scaled: NDArray[np.complex64] = np.asarray(scipy.fft.rfft(frames * WINDOW), np.complex64) * np.sqrt(POWER_SCALE)
    return scaled


def _level(audio: Samples) -> Samples:
    """Scale to a mean square of one; silence stays silent."""
    levelled: Samples = audio / (np.sqrt(np.mean(audio**2)) + np.float32(1e-6))
    return levelled


def pair_power(a: NDArray[np.complex64], b: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Band sums of Re(a b*): (frames, bins) twice → (frames, bands)."""
    product = a.view(np.float32) * b.view(np.float32)
    return np.add.reduceat(product, 2 * band_edges()[:-1], axis=-1)


@dataclass(frozen=True)
class Stem:
    """A drawn stretch of one kind: its spectra, its own band power and the bandwidth of its recording."""

    spectra: NDArray[np.complex64]
    power: NDArray[np.float32]
    bandwidth_hz: float


@dataclass(frozen=True)
class Batch:
    """Band sums of a batch: P = `mixture` (batch, frames, bands); C, K = `cross`, `stems` (batch, 3, frames, bands)."""

    mixture: NDArray[np.float32]
    cross: NDArray[np.float32]
    stems: NDArray[np.float32]


class Drawer:
    """Draws augmented stretches of speech, music and noise from one split of a corpus."""

    def __init__(self, corpus: Path, split: str, seconds: float, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.length = int(seconds * SAMPLE_RATE) // HOP_LENGTH * HOP_LENGTH
        self.num_frames = self.length // HOP_LENGTH - 1
        self.rooms = rooms.load_bank(corpus)
        self._corpus = corpus
        self._packed: dict[tuple[str, int], NDArray[np.int16]] = {}
        self._voices: dict[str, dict[str, list[Clip]]] = {kind: {} for kind in STEMS}
        for clip in load_clips(corpus):
            if clip.split == split:
                self._voices[clip.kind].setdefault(clip.speaker, []).append(clip)
        self._names = {kind: list(voices) for kind, voices in self._voices.items()}
        self._odds = {kind: self._weigh(kind) for kind in STEMS}

    def odds(self, kind: str) -> dict[str, float]:
        """How often each voice, track or noise of a kind is drawn."""
        return dict(zip(self._names[kind], self._odds[kind].tolist(), strict=True))

    def _weigh(self, kind: str) -> NDArray[np.float64]:
        # Square root of the hours: long recordings count, but do not drown the many short ones. Wide-band speech
        # is scarce and would be drowned by the 16 kHz corpora.
        weights, voices = [], load_voices(self._corpus)
        for speaker, clips in self._voices[kind].items():
            count = voices.get(speaker, 1)
            seconds = sum(clip.length / clip.sample_rate for clip in clips) / count
            wide = kind == "speech" and clips[0].sample_rate >= 44100
            weights.append(count * np.sqrt(min(seconds, 6000.0)) * (2.5 if wide else 1.0))
        odds: NDArray[np.float64] = np.array(weights) / np.sum(weights)
        return odds

    def read(self, clip: Clip, speed: float = 1.0, max_samples: int | None = None, start: float = 0.0) -> Samples:
        """A clip at 48 kHz, played `speed` times as fast, from the fraction `start` on, cut to `max_samples`."""
        first = int(start * clip.length)
        ratio = clip.sample_rate * speed
        last = clip.length
        if max_samples is not None:
            last = min(last, first + int(max_samples * ratio / SAMPLE_RATE) + 64)
        key = (clip.source, clip.sample_rate)
        if key not in self._packed:
            self._packed[key] = np.memmap(packed_file(self._corpus, *key), np.int16, "r")
        raw = self._packed[key][clip.offset + first : clip.offset + last]
        audio = raw.astype(np.float32) / 32768.0
        out: Samples = soxr.resample(audio, ratio, SAMPLE_RATE, quality="LQ")
        return out[:max_samples]

    def _voice(self, kind: str) -> list[Clip]:
        return self._voices[kind][self.rng.choice(self._names[kind], p=self._odds[kind])]

    def speech(self, length: int | None = None) -> tuple[Samples, float]:
        """Sentences of one voice strung with natural pauses; pitch, formants and tempo shifted together."""
        length = length or self.length
        rng, clips = self.rng, self._voice("speech")
        audio = np.zeros(length, np.float32)
        speed = float(np.exp(rng.uniform(-0.2, 0.2)))
        at = 0 if rng.random() < 0.5 else int(rng.uniform(0, 0.6) * SAMPLE_RATE)
        start = rng.uniform(0, 0.8) if at == 0 else 0.0
        clip = clips[0]
        while at < length:
            clip = clips[rng.integers(len(clips))]
            part = self.read(clip, speed, length - at, start)
            part *= 10 ** (rng.normal(0, 1.5) / 20)
            audio[at : at + len(part)] += part
            pause = rng.uniform(0.05, 0.5) if rng.random() < 0.85 else rng.uniform(0.5, 2.0)
            at, start = at + len(part) + int(pause * SAMPLE_RATE), 0.0
        if rng.random() < 0.4:
            audio = augment.reverberate(audio, self.rooms[rng.integers(len(self.rooms))], rng.uniform(0.3, 1.0))
        if rng.random() < 0.05:
            audio = augment.clip_hard(audio, rng)
        return audio, min(24000.0, clip.sample_rate / 2 * speed) if clip.sample_rate < 44100 else 24000.0

    def music(self, length: int | None = None) -> tuple[Samples, float]:
        """A stretch of a track, up to a tone higher or lower."""
        length = length or self.length
        rng = self.rng
        audio = np.zeros(length, np.float32)
        speed, at, start = float(np.exp(rng.uniform(-0.12, 0.12))), 0, rng.uniform(0, 0.95)
        while at < length:
            clips = self._voice("music")
            part = self.read(clips[rng.integers(len(clips))], speed, length - at, start)
            audio[at : at + len(part)] += part
            at, start = at + len(part), 0.0
        if rng.random() < 0.05:
            audio = augment.clip_hard(audio, rng)
        return audio, 24000.0

    def noise(self, length: int | None = None) -> tuple[Samples, float]:
        """Ambience, a string of sound events, synthetic noise, babble, or two of them."""
        length = length or self.length
        rng = self.rng
        draw = rng.random()
        if draw < 0.12:
            audio = augment.synthetic_noise(length, rng)
        elif draw < 0.17:
            voices = [self.speech(length)[0] for _ in range(5)]
            audio = np.sum([voice / (np.abs(voice).max() + 1e-9) for voice in voices], axis=0, dtype=np.float32)
        else:
            audio = self._recorded_noise(length)
        if rng.random() < 0.3:
            other = self._recorded_noise(length) if rng.random() < 0.7 else augment.synthetic_noise(length, rng)
            level = np.sqrt(np.mean(audio**2) / (np.mean(other**2) + 1e-12))
            audio += other * level * 10 ** (rng.uniform(-15, 3) / 20)
        if rng.random() < 0.15:
            audio = augment.reverberate(audio, self.rooms[rng.integers(len(self.rooms))], rng.uniform(0.3, 1.0))
        return audio, 24000.0

    def _recorded_noise(self, length: int) -> Samples:
        rng = self.rng
        audio = np.zeros(length, np.float32)
        speed, at = float(np.exp(rng.uniform(-0.25, 0.25))), 0
        clips = self._voice("noise")
        clip = clips[rng.integers(len(clips))]
        start = rng.uniform(0, 0.9) if clip.length > 8 * clip.sample_rate else 0.0
        sparse = rng.random() < 0.4
        while at < length:
            part = self.read(clip, speed, length - at, start)
            audio[at : at + len(part)] += part
            pause = rng.exponential(0.4) if sparse else 0.0
            at, start = at + len(part) + int(pause * SAMPLE_RATE), 0.0
            if rng.random() < 0.5 and clip.length < 8 * clip.sample_rate:
                clips = self._voice("noise")
                clip = clips[rng.integers(len(clips))]
        return audio

    def stem(self, kind: str) -> Stem:
        """A stem as the network hears it: what is drawn, moved in tempo, pitch and more."""
        if kind == "speech":
            frames, bandwidth_hz = self._moved_speech(voices.Voice.draw(self.rng))
        else:
            frames, bandwidth_hz = self._moved_sound(kind), 24000.0
        if kind == "music" and self.rng.random() < 0.3:
            frames = self._sung(frames)
        return Stem(frames, pair_power(frames, frames), bandwidth_hz)

    def _moved_speech(self, voice: voices.Voice) -> tuple[NDArray[np.complex64], float]:
        hop = HOP_LENGTH * voice.tempo
        audio, bandwidth_hz = self.speech(int(hop * (self.num_frames - 1)) + WIN_LENGTH)
        audio = _level(audio)
        ratios = voice.pitch * voices.melody(self.num_frames, voice.melody, self.rng)
        if voice.pitch != 1 or voice.melody:
            bandwidth_hz = min(24000.0, bandwidth_hz * float(ratios.min()))
        frames = _transform(voices.grains(audio, WIN_LENGTH, hop, ratios))
        if voice.whispered:
            frames = voices.whisper(frames, bandwidth_hz, self.rng)
        if voice.formants != 1:
            frames = voices.shift_formants(frames, voice.formants, bandwidth_hz)
        return frames, bandwidth_hz

    def _sung(self, frames: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """Music with a singer or two on top, as loud as before."""
        song: NDArray[np.complex64] = frames.copy()
        for _ in range(1 + (self.rng.random() < 0.25)):
            hop = HOP_LENGTH * self.rng.uniform(0.35, 0.8)
            audio, _ = self.speech(int(hop * (self.num_frames - 1)) + WIN_LENGTH)
            voice = singing.sing(_level(audio), self.num_frames, hop, _transform, self.rng)
            song += voice * np.float32(10 ** (self.rng.uniform(-12, 4) / 20))
        song *= np.linalg.norm(frames) / (np.linalg.norm(song) + np.float32(1e-20))
        return song

    def _moved_sound(self, kind: str) -> NDArray[np.complex64]:
        rng, noise = self.rng, kind == "noise"
        most = 0.6 if noise else 0.2
        tempo = float(np.exp(rng.uniform(-0.3, 0.3))) if rng.random() < 0.5 else 1.0
        speed = float(np.exp(rng.uniform(-most, most))) if rng.random() < 0.5 else 1.0
        hop = int(HOP_LENGTH * tempo)
        length = hop * (self.num_frames - 1) + WIN_LENGTH
        audio = (self.noise if noise else self.music)(int(length * speed) + 64)[0]
        if speed != 1:
            audio = soxr.resample(audio, SAMPLE_RATE * speed, SAMPLE_RATE, quality="LQ")
        if noise and rng.random() < 0.25:
            audio = audio[::-1]
        return _transform(np.lib.stride_tricks.sliding_window_view(_level(audio[:length]), WIN_LENGTH)[::hop])


class Mixer:
    """Endless batches of band sums; iterate over it."""

    def __init__(self, drawer: Drawer, batch_size: int, reservoir: int = 40, uses: float = 3.0) -> None:
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
        gains[i] = present[i] * 10 ** (level_db[i] / 20) * shape[:, None] * augment.equaliser(rng) * band
    grams = {(i, j): power * gains[i] * gains[j] for (i, j), power in zip(PAIRS, pairs, strict=True)}
    cross = np.stack([sum(grams[min(i, j), max(i, j)] for j in range(3)) for i in range(3)])
    own = np.stack([grams[i, i] for i in range(3)])
    mixture = np.maximum(cross.sum(axis=0), 0)
    # By Parseval a mixture of mean square r² has r² · WIN_LENGTH² / 4 in the bins of a frame (Σw² = WIN_LENGTH / 2).
    frame_power = 10 ** (rng.uniform(-45, -12) / 10) * WIN_LENGTH**2 / 4 * POWER_SCALE
    scale = np.float32(frame_power / (mixture.sum() / num_frames + 1e-20))
    return mixture * scale, cross * scale, own * scale
