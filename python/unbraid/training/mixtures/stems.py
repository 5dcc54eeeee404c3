"""Draws stems from a corpus as the network hears them: scenes moved in melody, tempo, pitch, and more."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from unbraid.training.frames import (
    HOP_LENGTH,
    NYQUIST_HZ,
    SAMPLE_RATE,
    WIN_LENGTH,
    Spectra,
    as_loud_as,
    normalize_rms,
    pair_power,
    transform,
)
from unbraid.training.mixtures import rooms, singing, voices
from unbraid.training.mixtures.clips import Clips
from unbraid.training.mixtures.noises import cross_modulated
from unbraid.training.mixtures.scenes import Scenes
from unbraid.training.mixtures.stereo import placed

KINDS = ("speech", "music", "noise")  # what can be drawn; a recipe names some of them


@dataclass(frozen=True)
class Stem:
    """A drawn stretch of one kind: its spectra, its own band power and the bandwidth of its recording.

    spectra (frames, bins), power (frames, bands); with a side (2, frames, bins) and (frames, 2 · bands).
    """

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
        return Stem(np.roll(self.spectra, frames, axis=-2), np.roll(self.power, frames, axis=0), self.bandwidth_hz)


class Drawer:
    """Draws augmented stretches of the kinds of a corpus, from one of its splits; with two `planes` middle and side.

    Raises ValueError for a corpus of a kind that it cannot draw.
    """

    def __init__(self, corpus: Path, split: str, seconds: float, seed: int, planes: int = 1) -> None:
        clips = Clips(corpus, split)
        if unknown := [kind for kind in clips.kinds if kind not in KINDS]:
            raise ValueError(f"{corpus}: expected kinds of sound among {', '.join(KINDS)}, got {', '.join(unknown)}")
        self.kinds, self.planes = clips.kinds, planes
        self.rng = np.random.default_rng(seed)
        self.num_frames = int(seconds * SAMPLE_RATE) // HOP_LENGTH - 1
        self._scenes = Scenes(clips, rooms.load_bank(corpus), self.rng, planes)

    def stem(self, kind: str) -> Stem:
        """A stem as the network hears it: what is drawn, moved in tempo, pitch and more."""
        if kind == "speech":
            frames, bandwidth_hz = self._moved_speech(voices.Voice.draw(self.rng))
        else:
            frames, bandwidth_hz = self._moved_sound(kind), NYQUIST_HZ
        if kind == "music" and "speech" in self.kinds and self.rng.random() < 0.3:
            frames = self._sung(frames)
        if kind == "noise" and self.rng.random() < 0.08:
            frames = cross_modulated(frames, self._moved_sound(kind))
        if self.planes == 2:
            frames = placed(frames, kind, self.rng)
        return Stem(frames, pair_power(frames, frames), bandwidth_hz)

    def _moved_speech(self, voice: voices.Voice) -> tuple[Spectra, float]:
        hop = HOP_LENGTH * voice.tempo
        audio, bandwidth_hz = self._scenes.speech(int(hop * (self.num_frames - 1)) + WIN_LENGTH)
        audio = normalize_rms(audio)
        ratios = voice.pitch * voices.melody(self.num_frames, voice.melody, self.rng)
        if voice.shout != 1:
            raised = voices.effort(self.num_frames, self.rng)
            ratios = ratios * voice.shout**raised
        if voice.pitch != 1 or voice.melody:
            bandwidth_hz = min(NYQUIST_HZ, bandwidth_hz * float(ratios.min()))
        frames = transform(voices.grains(audio, WIN_LENGTH, hop, ratios))
        if voice.whispered:
            frames = voices.whisper(frames, bandwidth_hz, self.rng)
        if voice.shout != 1:
            frames = as_loud_as(voices.strained(frames, voice, raised, bandwidth_hz, self.rng), frames)
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
            audio, _ = self._scenes.speech(int(hop * (self.num_frames - 1)) + WIN_LENGTH)
            voice = singing.sing(normalize_rms(audio), self.num_frames, hop, self.rng)
            middle = song if self.planes == 1 else song[0]
            middle += voice * np.float32(10 ** (self.rng.uniform(-12, 4) / 20))
        return as_loud_as(song, frames)

    def _moved_sound(self, kind: str) -> Spectra:
        rng, noise = self.rng, kind == "noise"
        most = 0.6 if noise else 0.2
        moved = 0.25 if noise else 0.5  # a noise moved far is no noise of this world
        tempo = float(np.exp(rng.uniform(-0.3, 0.3))) if rng.random() < moved else 1.0
        speed = float(np.exp(rng.uniform(-most, most))) if rng.random() < moved else 1.0
        hop = int(HOP_LENGTH * tempo)
        length = hop * (self.num_frames - 1) + WIN_LENGTH
        audio = (self._scenes.noise if noise else self._scenes.music)(int(length * speed) + 64)[0]
        if speed != 1:
            audio = soxr.resample(audio.T, SAMPLE_RATE * speed, SAMPLE_RATE, quality="LQ").T
        if noise and rng.random() < 0.08:
            audio = audio[..., ::-1]
        audio = normalize_rms(audio[..., :length])
        return transform(np.lib.stride_tricks.sliding_window_view(audio, WIN_LENGTH, axis=-1)[..., ::hop, :])
