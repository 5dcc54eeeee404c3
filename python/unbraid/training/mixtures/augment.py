"""Augmentation: what the world does to a recording. Samples are (..., samples) float32 at 48 kHz."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from unbraid.training.bands import BIN_HZ, NUM_BANDS, band_edges
from unbraid.training.frames import NYQUIST_HZ, SAMPLE_RATE, Samples


def reverberate(audio: Samples, room: Samples, wet: float) -> Samples:
    """Convolve with a room whose direct sound has unit height; `wet` scales what follows it."""
    response = room * np.float32(wet)
    response[:48] = room[:48]
    response = response.reshape((1,) * (audio.ndim - 1) + (-1,))
    wet_audio: Samples = oaconvolve(audio, response, axes=-1)[..., : audio.shape[-1]].astype(np.float32)
    return wet_audio


def clip_hard(audio: Samples, rng: np.random.Generator) -> Samples:
    """Overdrive: clip at 3 to 12 dB below the peak."""
    ceiling = np.abs(audio).max() * 10 ** (-rng.uniform(3, 12) / 20)
    return np.clip(audio, -ceiling, ceiling)


def equaliser(rng: np.random.Generator) -> NDArray[np.float32]:
    """A smooth random frequency response, from a good microphone's to a bad one's: (NUM_BANDS,) amplitude gains."""
    depth_db = rng.uniform(1.0, 4.5)
    centre = np.log(np.maximum(band_edges()[:-1], 1) * BIN_HZ)
    knots_at = np.linspace(np.log(60), np.log(20000), 7)
    return (10 ** (np.interp(centre, knots_at, rng.normal(0, depth_db, 7)) / 20)).astype(np.float32)


def proximity(rng: np.random.Generator) -> NDArray[np.float32]:
    """A voice close to its microphone is full below, far off or on a phone it is thin: (NUM_BANDS,) amplitude gains.

    Most recordings of speech are thin. A network that hears no other voices takes the fundamental of a deep one, near
    a good microphone, for music.
    """
    depth_db = rng.uniform(-8, 18) if rng.random() < 0.75 else 0.0
    corner_hz = np.exp(rng.uniform(np.log(80), np.log(400)))
    shelf = 1 / (1 + (band_edges()[:-1] * BIN_HZ / corner_hz) ** rng.uniform(1.5, 4))
    gains: NDArray[np.float32] = (10 ** (depth_db / 20 * shelf)).astype(np.float32)
    return gains


def gate(length: int, rng: np.random.Generator) -> Samples:
    """A sound that comes and goes, on for a moment and off for longer, once at least: (length,) gains.

    Without it a network that has heard nothing but a voice for a while takes the next thing, too, for the voice.
    """
    gains = np.zeros(length, np.float32)
    at = int(SAMPLE_RATE * rng.exponential(0.8)) % length
    spells = np.exp(rng.uniform(np.log([0.04, 0.1]), np.log([0.8, 1.6])))  # from a rattle to a slow coming and going
    while at < length:
        on, off = (int(SAMPLE_RATE * seconds) + 960 for seconds in rng.exponential(spells))
        gains[at : at + on] = 1
        at += on + off
    ramp = np.ones(int(SAMPLE_RATE * rng.choice([0.003, 0.02, 0.2])), np.float32)
    smooth: Samples = oaconvolve(gains, ramp / len(ramp), "same")[:length].astype(np.float32)
    return smooth


def fader(num_frames: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A fade or a cut somewhere in the stretch as amplitude gains per frame: (num_frames,)."""
    start = rng.uniform(-0.3, 1.0)
    ramp = np.clip((np.linspace(0, 1, num_frames) - start) / rng.uniform(0.02, 0.7), 0, 1)
    floor = rng.choice([0.0, 0.1, 0.3])
    gain = floor + (1 - floor) * ramp
    faded: NDArray[np.float32] = (gain if rng.random() < 0.5 else gain[::-1]).astype(np.float32)
    return faded


def bandwidth(cutoff_hz: float) -> NDArray[np.float32]:
    """Amplitude gains per band, (NUM_BANDS,), that remove everything from `cutoff_hz` up."""
    if cutoff_hz >= NYQUIST_HZ:
        return np.ones(NUM_BANDS, np.float32)
    return (band_edges()[:-1] * BIN_HZ < cutoff_hz).astype(np.float32)
