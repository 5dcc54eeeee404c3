"""Draws stems from a corpus and moves them: voices, melodies, tempo, rooms, singers."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from unbraid.training.corpus.builder import Clip, load_clips, load_voices, packed_file
from unbraid.training.frames import (
    HOP_LENGTH,
    SAMPLE_RATE,
    WIN_LENGTH,
    Samples,
    Spectra,
    as_loud_as,
    level,
    pair_power,
    transform,
)
from unbraid.training.mixtures import augment, rooms, singing, voices
from unbraid.training.mixtures.noises import crossed, hiss, synthetic_noise

STEMS = ("speech", "music", "noise")
MAX_VOICES = 150  # a source of more voices than that weighs no more
MAX_NOISE_SHARE = 0.15  # of what is drawn of recorded noise, for one source
WIDE_BAND_HZ = 15000.0
SENTENCE_SECONDS = 2.2  # a voice whose files last that long on average speaks fluently


@dataclass(frozen=True)
class Stem:
    """A drawn stretch of one kind: its spectra, its own band power and the bandwidth of its recording."""

    spectra: Spectra
    power: NDArray[np.float32]
    bandwidth_hz: float

    @functools.cached_property
    def level_db(self) -> NDArray[np.float32]:
        """The level of each frame, 60 dB below its mean at least: (frames,)."""
        power = self.power.sum(axis=1)
        level_db: NDArray[np.float32] = 10 * np.log10(power + 1e-6 * power.mean() + 1e-20)
        return level_db

    @property
    def unsteadiness(self) -> float:
        """How much its level moves, in dB: a fan's by less than 1, a string of knocks' by 20."""
        return float(self.level_db.std())

    def rolled(self, frames: int) -> Stem:
        """Later by so many frames; what falls off its end comes in at its beginning."""
        return Stem(np.roll(self.spectra, frames, axis=0), np.roll(self.power, frames, axis=0), self.bandwidth_hz)


class Drawer:
    """Draws augmented stretches of speech, music and noise from one split of a corpus."""

    def __init__(self, corpus: Path, split: str, seconds: float, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.length = int(seconds * SAMPLE_RATE) // HOP_LENGTH * HOP_LENGTH
        self.num_frames = self.length // HOP_LENGTH - 1
        self.rooms = rooms.load_bank(corpus)
        self._corpus = corpus
        self._packed: dict[tuple[str, int, int], NDArray[np.int16]] = {}
        self._voices: dict[str, dict[str, list[Clip]]] = {kind: {} for kind in STEMS}
        for clip in load_clips(corpus):
            if clip.split == split:
                self._voices[clip.kind].setdefault(clip.speaker, []).append(clip)
        self._names = {kind: list(clips) for kind, clips in self._voices.items()}
        counts = load_voices(corpus)
        self._odds = {kind: self._weigh(kind, counts) for kind in STEMS}

    def odds(self, kind: str) -> dict[str, float]:
        """How often each voice, track or noise of a kind is drawn."""
        return dict(zip(self._names[kind], self._odds[kind].tolist(), strict=True))

    def _weigh(self, kind: str, counts: dict[str, int]) -> NDArray[np.float64]:
        # Square root of the hours: long recordings count, but do not drown the many short ones. Voices near a
        # wide-band microphone are scarce and would be drowned by the 16 kHz corpora, sentences by strung words.
        weights = []
        for speaker, clips in self._voices[kind].items():
            count = min(counts.get(speaker, 1), MAX_VOICES)
            seconds = sum(clip.length / clip.sample_rate for clip in clips)
            weight = count * np.sqrt(min(seconds / count, 6000.0))
            if kind == "speech" and clips[0].bandwidth_hz >= WIDE_BAND_HZ:
                weight *= 3.0
            if kind == "speech" and seconds / len(clips) >= SENTENCE_SECONDS:
                weight *= 2.0
            weights.append(weight)
        odds: NDArray[np.float64] = np.array(weights) / np.sum(weights)
        if kind == "noise":
            odds = capped(odds, [clips[0].source for clips in self._voices[kind].values()], MAX_NOISE_SHARE)
        return odds

    def read(self, clip: Clip, speed: float = 1.0, max_samples: int | None = None, start: float = 0.0) -> Samples:
        """A clip at 48 kHz, played `speed` times as fast, from the fraction `start` on, cut to `max_samples`."""
        first = int(start * clip.length)
        ratio = clip.sample_rate * speed
        last = clip.length
        if max_samples is not None:
            last = min(last, first + int(max_samples * ratio / SAMPLE_RATE) + 64)
        key = (clip.source, clip.sample_rate, clip.channels)
        if key not in self._packed:
            packed = np.memmap(packed_file(self._corpus, *key), np.int16, "r")
            self._packed[key] = packed.reshape(-1, clip.channels)
        raw = self._packed[key][clip.offset + first : clip.offset + last]
        audio = raw.mean(axis=1, dtype=np.float32) / 32768.0  # the network hears the middle
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
        audio = self._in_room(audio, 0.4)
        if rng.random() < 0.05:
            audio = augment.clip_hard(audio, rng)
        return audio, 24000.0 if clip.bandwidth_hz >= 22050 else min(24000.0, clip.bandwidth_hz * speed)

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
        audio = self._in_room(audio, 0.15)
        if rng.random() < 0.05:
            audio = augment.clip_hard(audio, rng)
        return audio, 24000.0

    def noise(self, length: int | None = None) -> tuple[Samples, float]:
        """Ambience, a string of sound events, synthetic noise, babble, or two of them."""
        length = length or self.length
        rng = self.rng
        draw = rng.random()
        if draw < 0.15:
            audio = synthetic_noise(length, rng)
        elif draw < 0.20:
            crowd = [self.speech(length)[0] for _ in range(5)]
            audio = np.sum([voice / (np.abs(voice).max() + 1e-9) for voice in crowd], axis=0, dtype=np.float32)
        else:
            audio = self._recorded_noise(length)
        if rng.random() < 0.3:
            other = self._recorded_noise(length) if rng.random() < 0.7 else synthetic_noise(length, rng)
            ratio = np.sqrt(np.mean(audio**2) / (np.mean(other**2) + 1e-12))
            audio += other * ratio * 10 ** (rng.uniform(-15, 3) / 20)
        audio = self._in_room(audio, 0.4)
        if rng.random() < 0.4:
            audio = audio * augment.gate(length, rng)
        if rng.random() < 0.4:
            # The hiss of a place and its microphone, or the network learns that only voices come with one.
            audio = level(audio) + level(hiss(length, rng)) * np.float32(10 ** (rng.uniform(-50, -15) / 20))
        return audio, 24000.0

    def _in_room(self, audio: Samples, odds: float) -> Samples:
        if self.rng.random() >= odds:
            return audio
        return augment.reverberate(audio, self.rooms[self.rng.integers(len(self.rooms))], self.rng.uniform(0.3, 1.0))

    def _recorded_noise(self, length: int) -> Samples:
        rng = self.rng
        audio = np.zeros(length, np.float32)
        speed, at = float(np.exp(rng.uniform(-0.25, 0.25))), 0
        clips = self._voice("noise")
        clip = clips[rng.integers(len(clips))]
        start = rng.uniform(0, 0.9) if clip.length > 8 * clip.sample_rate else 0.0
        pause_seconds = rng.choice([0.0, 0.4, 1.5], p=[0.5, 0.25, 0.25])
        while at < length:
            part = self.read(clip, speed, length - at, start)
            audio[at : at + len(part)] += part
            pause = rng.exponential(pause_seconds)
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
        if kind == "noise" and self.rng.random() < 0.08:
            frames = crossed(frames, self._moved_sound(kind))
        return Stem(frames, pair_power(frames, frames), bandwidth_hz)

    def _moved_speech(self, voice: voices.Voice) -> tuple[Spectra, float]:
        hop = HOP_LENGTH * voice.tempo
        audio, bandwidth_hz = self.speech(int(hop * (self.num_frames - 1)) + WIN_LENGTH)
        audio = level(audio)
        ratios = voice.pitch * voices.melody(self.num_frames, voice.melody, self.rng)
        if voice.pitch != 1 or voice.melody:
            bandwidth_hz = min(24000.0, bandwidth_hz * float(ratios.min()))
        frames = transform(voices.grains(audio, WIN_LENGTH, hop, ratios))
        if voice.whispered:
            frames = voices.whisper(frames, bandwidth_hz, self.rng)
        if voice.formants != 1:
            frames = voices.shift_formants(frames, voice.formants, bandwidth_hz)
        if self.rng.random() < 0.5:
            frames = voices.without_floor(frames, self.rng.uniform(25, 40))
        return frames, bandwidth_hz

    def _sung(self, frames: Spectra) -> Spectra:
        """Music with a singer or two on top, as loud as before."""
        song: Spectra = frames.copy()
        for _ in range(1 + (self.rng.random() < 0.25)):
            hop = HOP_LENGTH * self.rng.uniform(0.35, 0.8)
            audio, _ = self.speech(int(hop * (self.num_frames - 1)) + WIN_LENGTH)
            voice = singing.sing(level(audio), self.num_frames, hop, self.rng)
            song += voice * np.float32(10 ** (self.rng.uniform(-12, 4) / 20))
        return as_loud_as(song, frames)

    def _moved_sound(self, kind: str) -> Spectra:
        rng, noise = self.rng, kind == "noise"
        most = 0.6 if noise else 0.2
        moved = 0.25 if noise else 0.5  # a noise moved far is no noise of this world
        tempo = float(np.exp(rng.uniform(-0.3, 0.3))) if rng.random() < moved else 1.0
        speed = float(np.exp(rng.uniform(-most, most))) if rng.random() < moved else 1.0
        hop = int(HOP_LENGTH * tempo)
        length = hop * (self.num_frames - 1) + WIN_LENGTH
        audio = (self.noise if noise else self.music)(int(length * speed) + 64)[0]
        if speed != 1:
            audio = soxr.resample(audio, SAMPLE_RATE * speed, SAMPLE_RATE, quality="LQ")
        if noise and rng.random() < 0.08:
            audio = audio[::-1]
        return transform(np.lib.stride_tricks.sliding_window_view(level(audio[:length]), WIN_LENGTH)[::hop])


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
