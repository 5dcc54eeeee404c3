"""What is heard before it is moved: a voice talking, music playing, a place and what happens in it."""

from __future__ import annotations

import numpy as np

from unbraid.training.corpus.clips import Clip
from unbraid.training.frames import NYQUIST_HZ, SAMPLE_RATE, Samples, normalize_rms
from unbraid.training.mixtures import augment
from unbraid.training.mixtures.clips import Clips
from unbraid.training.mixtures.noises import hiss, synthetic_noise

CROWD = 5  # voices of a babble
FULL_BAND_HZ = 22050.0  # a recording at 44.1 kHz has all there is to hear


class Scenes:
    """Strings clips of speech, music and noise to scenes of any length: (samples,) and their bandwidth in Hz.

    With two `planes` music and noise are (2, samples): middle and side, as far as they were recorded in stereo.
    """

    def __init__(self, clips: Clips, rooms: list[Samples], rng: np.random.Generator, planes: int = 1) -> None:
        self.clips, self.rooms, self.rng, self.planes = clips, rooms, rng, planes

    def _silence(self, length: int) -> Samples:
        return np.zeros(length if self.planes == 1 else (self.planes, length), np.float32)

    def _in_middle(self, audio: Samples) -> Samples:
        return audio if self.planes == 1 else np.stack([audio, np.zeros_like(audio)])

    def speech(self, length: int) -> tuple[Samples, float]:
        """Sentences of one voice strung with natural pauses; pitch, formants and tempo shifted together."""
        rng = self.rng
        clips = self.clips.draw("speech", rng)
        audio = np.zeros(length, np.float32)
        speed = float(np.exp(rng.uniform(-0.2, 0.2)))
        at = 0 if rng.random() < 0.5 else int(rng.uniform(0, 0.6) * SAMPLE_RATE)
        start = rng.uniform(0, 0.8) if at == 0 else 0.0
        clip = clips[0]
        while at < length:
            clip = clips[rng.integers(len(clips))]
            part = self.clips.read(clip, speed, length - at, start)
            part *= 10 ** (rng.normal(0, 1.5) / 20)
            audio[at : at + len(part)] += part
            pause = rng.uniform(0.05, 0.5) if rng.random() < 0.85 else rng.uniform(0.5, 2.0)
            at, start = at + len(part) + int(pause * SAMPLE_RATE), 0.0
        audio = self._in_room(audio, 0.4)
        if rng.random() < 0.05:
            audio = augment.clip_hard(audio, rng)
        return audio, played_bandwidth(clip, speed)

    def music(self, length: int) -> tuple[Samples, float]:
        """A stretch of a track, up to a tone higher or lower."""
        rng = self.rng
        audio = self._silence(length)
        speed, at, start = float(np.exp(rng.uniform(-0.12, 0.12))), 0, rng.uniform(0, 0.95)
        while at < length:
            clips = self.clips.draw("music", rng)
            part = self.clips.read(clips[rng.integers(len(clips))], speed, length - at, start, self.planes)
            end = at + part.shape[-1]
            audio[..., at:end] += part
            at, start = end, 0.0
        audio = self._in_room(audio, 0.15)
        if rng.random() < 0.05:
            audio = augment.clip_hard(audio, rng)
        return audio, NYQUIST_HZ

    def noise(self, length: int) -> tuple[Samples, float]:
        """Ambience, a string of sound events, synthetic noise, babble, or two of them."""
        rng = self.rng
        draw = rng.random()
        if draw < 0.15:
            audio = self._in_middle(synthetic_noise(length, rng))
        elif draw < 0.20 and "speech" in self.clips.kinds:
            crowd = [self.speech(length)[0] for _ in range(CROWD)]
            voices = [voice / (np.abs(voice).max() + 1e-9) for voice in crowd]
            audio = self._in_middle(np.sum(voices, axis=0, dtype=np.float32))
        else:
            audio = self._recorded_noise(length)
        if rng.random() < 0.3:
            recorded = rng.random() < 0.7
            other = self._recorded_noise(length) if recorded else self._in_middle(synthetic_noise(length, rng))
            ratio = np.sqrt(np.mean(audio**2) / (np.mean(other**2) + 1e-12))
            audio += other * ratio * 10 ** (rng.uniform(-15, 3) / 20)
        audio = self._in_room(audio, 0.4)
        if rng.random() < 0.4:
            audio = audio * augment.gate(length, rng)
        if rng.random() < 0.4:
            # The hiss of a place and its microphone, or the network learns that only voices come with one.
            floor = self._in_middle(normalize_rms(hiss(length, rng)))
            audio = normalize_rms(audio) + floor * np.float32(10 ** (rng.uniform(-50, -15) / 20))
        return audio, NYQUIST_HZ

    def _in_room(self, audio: Samples, odds: float) -> Samples:
        if self.rng.random() >= odds:
            return audio
        return augment.reverberate(audio, self.rooms[self.rng.integers(len(self.rooms))], self.rng.uniform(0.3, 1.0))

    def _recorded_noise(self, length: int) -> Samples:
        rng = self.rng
        audio = self._silence(length)
        speed, at = float(np.exp(rng.uniform(-0.25, 0.25))), 0
        clips = self.clips.draw("noise", rng)
        clip = clips[rng.integers(len(clips))]
        start = rng.uniform(0, 0.9) if clip.length > 8 * clip.sample_rate else 0.0
        pause_seconds = rng.choice([0.0, 0.4, 1.5], p=[0.5, 0.25, 0.25])
        while at < length:
            part = self.clips.read(clip, speed, length - at, start, self.planes)
            end = at + part.shape[-1]
            audio[..., at:end] += part
            at, start = end + int(rng.exponential(pause_seconds) * SAMPLE_RATE), 0.0
            if rng.random() < 0.5 and clip.length < 8 * clip.sample_rate:
                clips = self.clips.draw("noise", rng)
                clip = clips[rng.integers(len(clips))]
        return audio


def played_bandwidth(clip: Clip, speed: float) -> float:
    """Where a clip's spectrum ends when it is played `speed` times as fast, in Hz."""
    return NYQUIST_HZ if clip.bandwidth_hz >= FULL_BAND_HZ else min(NYQUIST_HZ, clip.bandwidth_hz * speed)
