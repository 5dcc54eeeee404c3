"""Augmentation: what the world does to a recording. Samples are (samples,) float32 at 48 kHz."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, oaconvolve, sosfilt

from unbraid.training.bands import BIN_HZ, NUM_BANDS, band_edges

SAMPLE_RATE = 48000
Samples = NDArray[np.float32]


def reverberate(audio: Samples, room: Samples, wet: float) -> Samples:
    """Convolve with a room whose direct sound has unit height; `wet` scales what follows it."""
    response = room * np.float32(wet)
    response[:48] = room[:48]
    wet_audio: Samples = oaconvolve(audio, response)[: len(audio)].astype(np.float32)
    return wet_audio


def clip_hard(audio: Samples, rng: np.random.Generator) -> Samples:
    """Overdrive: clip at 3 to 12 dB below the peak."""
    ceiling = np.abs(audio).max() * 10 ** (-rng.uniform(3, 12) / 20)
    return np.clip(audio, -ceiling, ceiling)


def synthetic_noise(length: int, rng: np.random.Generator) -> Samples:
    """Coloured noise, mains hum, ticks or wind: what no recording is needed for."""
    shape = rng.choice(["coloured", "hum", "ticks", "wind"], p=[0.5, 0.15, 0.15, 0.2])
    time = np.arange(length, dtype=np.float32) / SAMPLE_RATE
    if shape == "hum":
        mains = rng.choice([50.0, 60.0]) * rng.uniform(0.995, 1.005)
        turn = 2 * np.pi * mains
        tones = [rng.uniform(0, 1) / k * np.sin(turn * k * time + rng.uniform(0, 6.3)) for k in range(1, 16)]
        hum: Samples = np.sum(tones, axis=0).astype(np.float32)
        return hum + 0.02 * rng.standard_normal(length, dtype=np.float32)
    if shape == "ticks":
        audio = np.zeros(length, np.float32)
        audio[rng.integers(0, length, rng.integers(2, 60))] = 1.0
        audio *= rng.uniform(-1, 1, length).astype(np.float32)
        low = rng.uniform(100, 4000)
        sos = butter(2, [low, min(low * rng.uniform(1.5, 5), 20000)], "bandpass", fs=SAMPLE_RATE, output="sos")
        ticks: Samples = sosfilt(sos, audio).astype(np.float32)
        return ticks
    spectrum = np.fft.rfft(rng.standard_normal(length, dtype=np.float32))
    frequency = np.maximum(np.fft.rfftfreq(length, 1 / SAMPLE_RATE), 20.0)
    tilt = rng.uniform(0, 1.2) if shape == "coloured" else rng.uniform(1.2, 2.0)
    coloured = np.fft.irfft(spectrum * (frequency / 1000.0) ** -tilt, length)
    if shape == "wind":
        knots = rng.uniform(-12, 12, max(2, length // 12000))
        coloured *= 10 ** (np.interp(np.linspace(0, 1, length), np.linspace(0, 1, len(knots)), knots) / 20)
    return coloured.astype(np.float32)


def equaliser(rng: np.random.Generator, depth_db: float = 5.0) -> NDArray[np.float32]:
    """A smooth random frequency response as amplitude gains per band: (NUM_BANDS,)."""
    centre = np.log(np.maximum(band_edges()[:-1], 1) * BIN_HZ)
    knots_at = np.linspace(np.log(60), np.log(20000), 7)
    return (10 ** (np.interp(centre, knots_at, rng.normal(0, depth_db / 2, 7)) / 20)).astype(np.float32)


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
    if cutoff_hz >= 24000:
        return np.ones(NUM_BANDS, np.float32)
    return (band_edges()[:-1] * BIN_HZ < cutoff_hz).astype(np.float32)
