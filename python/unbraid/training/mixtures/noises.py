"""Noise without a recording: hiss, wind, rumble, hum, engines, beeps, squeaks, and things struck, shaken or scraped.

Free recordings of noise are few, and a network that knows few takes a blender for a chord and dishes for percussion.
Drawn from wide ranges these sound like no thing in particular, and between them like most.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from unbraid.training.bands import band_edges
from unbraid.training.frames import SAMPLE_RATE, Samples, Spectra, as_loud_as, normalize_rms
from unbraid.training.mixtures.augment import gate

Noise = Callable[[int, np.random.Generator], Samples]


def hiss(length: int, rng: np.random.Generator, tilt: float | None = None) -> Samples:
    """Noise whose spectrum falls by `tilt` (in powers of amplitude over frequency), with broad bumps."""
    tilt = rng.uniform(0, 1.2) if tilt is None else tilt
    size = scipy.fft.next_fast_len(length, real=True)
    spectrum = scipy.fft.rfft(rng.standard_normal(size, dtype=np.float32))
    frequency = np.maximum(scipy.fft.rfftfreq(size, 1 / SAMPLE_RATE), 20.0)
    octave = np.log2(frequency / 20.0)
    bumps = np.interp(octave, np.linspace(0, 10.3, 9), rng.normal(0, 4.0, 9))
    gains_db = bumps - 20 * tilt * np.log10(frequency / 1000.0)
    noise: Samples = scipy.fft.irfft(spectrum * (10 ** (gains_db / 20)).astype(np.float32), size)[:length]
    return noise


def wind(length: int, rng: np.random.Generator) -> Samples:
    """Low noise in gusts."""
    return hiss(length, rng, rng.uniform(1.2, 2.0)) * _swell(length, rng, 12.0)


def rumble(length: int, rng: np.random.Generator) -> Samples:
    """A hand or a foot at the microphone's stand: thumps, felt more than heard, over a low roar."""
    hits = np.zeros(length, np.float32)
    count = rng.poisson(np.exp(rng.uniform(np.log(0.3), np.log(6))) * length / SAMPLE_RATE) + 1
    hits[rng.integers(0, length, count)] = rng.exponential(1, count)
    time = np.arange(int(0.3 * SAMPLE_RATE)) / SAMPLE_RATE
    sink = rng.uniform(0, 0.5) * time / time[-1]
    thump = np.sin(2 * np.pi * np.exp(rng.uniform(np.log(15), np.log(120))) * time * (1 - sink))
    thump *= np.exp(-time / np.exp(rng.uniform(np.log(0.01), np.log(0.08))))
    thumps = normalize_rms(oaconvolve(hits, thump.astype(np.float32))[:length])
    roar = normalize_rms(hiss(length, rng, rng.uniform(1.5, 3.0)))
    both: Samples = thumps * 10 ** (rng.uniform(-10, 20) / 20) + roar
    return both


def hum(length: int, rng: np.random.Generator) -> Samples:
    """The mains, 50 or 60 Hz, and a little hiss."""
    mains = rng.choice([50.0, 60.0]) * rng.uniform(0.995, 1.005)
    return _turning(np.full(length, mains), _cycle(16, 1.0, rng)) + 0.02 * hiss(length, rng, 0.5)


def engine(length: int, rng: np.random.Generator) -> Samples:
    """A motor, fan or saw: harmonics of a speed that drifts, over its own hiss; half of them are switched on or off."""
    knots = np.cumsum(rng.normal(0, rng.choice([0.005, 0.03, 0.15]), max(2, length // 9600)))
    if rng.random() < 0.3:  # it runs up or down
        knots = knots + np.linspace(rng.uniform(-1.5, 0), 0, len(knots))[:: rng.choice([-1, 1])]
    speed = np.exp(rng.uniform(np.log(18), np.log(500)) + knots)
    run = _switched(length, rng) if rng.random() < 0.5 else np.ones(length)
    hertz = _curve(speed, length) * run
    audio = _turning(hertz, _cycle(int(rng.integers(3, 60)), rng.uniform(0.2, 1.3), rng))
    shake = 1 + rng.uniform(0, 0.8) * _turning(hertz / rng.choice([1, 2, 4, 8]), _cycle(3, 1.0, rng))
    noisy = shake * (audio + normalize_rms(hiss(length, rng)) * np.float32(10 ** (rng.uniform(-20, 10) / 20)))
    heard: Samples = noisy * run.astype(np.float32) ** np.float32(rng.uniform(0.3, 2))
    return heard


def squeak(length: int, rng: np.random.Generator) -> Samples:
    """A hinge, a chair, a brake: a cry whose pitch slides, and is rough where things stick."""
    slides = np.cumsum(rng.normal(0, rng.uniform(0.02, 0.25), max(2, length // 2400)))
    hertz = np.exp(rng.uniform(np.log(200), np.log(3000)) + np.clip(slides - slides.mean(), -1.2, 1.2))
    rough = _curve(rng.normal(0, rng.uniform(0, 0.1), max(2, length // 200)), length)
    cry = _turning(_curve(hertz, length) * np.exp(rough), _cycle(int(rng.integers(1, 25)), rng.uniform(0.2, 1.5), rng))
    scrape = normalize_rms(hiss(length, rng)) * np.float32(10 ** (rng.uniform(-25, -5) / 20))
    cries: Samples = (cry + scrape) * gate(length, rng)
    return cries


def beeps(length: int, rng: np.random.Generator) -> Samples:
    """An alarm, a timer, a phone: one or two tones, on and off in a steady pattern."""
    period = int(SAMPLE_RATE * np.exp(rng.uniform(np.log(0.12), np.log(2.0))))
    time = np.arange(length)
    on = (time + rng.integers(period)) % period < period * rng.uniform(0.2, 0.7)
    tones = rng.uniform(600, 4000) * np.array([1.0, rng.choice([1.0, 1.25, 0.8])])
    hertz = tones[(time // period) % 2]
    ramp = np.ones(240, np.float32) / 240
    heard: Samples = oaconvolve(on.astype(np.float32), ramp, "same")
    return _turning(hertz, _cycle(int(rng.integers(1, 6)), 1.0, rng)) * heard


def impacts(length: int, rng: np.random.Generator) -> Samples:
    """Something struck, shaken, poured or scraped: hits, from single ones to thousands a second, on a ringing body."""
    audio = np.zeros(length, np.float32)
    for _ in range(rng.integers(1, 4)):
        per_second = np.exp(rng.uniform(np.log(0.3), np.log(3000)))
        hits = np.zeros(length, np.float32)
        count = rng.poisson(per_second * length / SAMPLE_RATE) + 1
        np.add.at(hits, rng.integers(0, length, count), rng.exponential(1, count) * rng.choice([-1, 1], count))
        if per_second > 20:  # a hand moves it
            hits *= _swell(length, rng, 15.0, rng.uniform(2, 12))
        audio += normalize_rms(oaconvolve(hits, _body(rng))[:length]) * np.float32(10 ** (rng.uniform(-12, 0) / 20))
    return audio


NOISES: dict[Noise, float] = {
    hiss: 0.12, wind: 0.05, rumble: 0.07, hum: 0.04, engine: 0.24, beeps: 0.06, squeak: 0.08, impacts: 0.34,
}  # fmt: skip


def synthetic_noise(length: int, rng: np.random.Generator) -> Samples:
    """One of NOISES: (length,)."""
    kinds = list(NOISES)
    audio: Samples = kinds[rng.choice(len(kinds), p=list(NOISES.values()))](length, rng)
    return audio.astype(np.float32)


def cross_modulated(noise: Spectra, other: Spectra) -> Spectra:
    """One noise that rises and falls as another does, in broad bands: a sound that is neither, as loud as the first."""
    edges = band_edges()[::8]

    def power(frames: Spectra) -> NDArray[np.float32]:
        sums: NDArray[np.float32] = np.add.reduceat(frames.real**2 + frames.imag**2, edges[:-1], axis=-1)
        sums += np.float32(1e-3) * sums.mean(axis=0) + np.float32(1e-20)  # gains of 30 dB at most
        return sums

    return as_loud_as(noise * np.repeat(np.sqrt(power(other) / power(noise)), np.diff(edges), axis=-1), noise)


def _curve(knots: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Straight lines through evenly spaced knots: (length,)."""
    return np.interp(np.linspace(0, 1, length), np.linspace(0, 1, len(knots)), knots)


def _switched(length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """The speed of a motor that is switched on at some time and, maybe, off, as a part of its full speed: (length,)."""
    time = np.arange(length) / SAMPLE_RATE
    on = rng.uniform(-0.5, 0.7) * time[-1]
    off = max(on, 0.0) + 0.1 + rng.exponential(2.5)
    up, down = np.exp(rng.uniform(np.log([0.005, 0.05]), np.log([0.6, 1.5])))
    speed: NDArray[np.float64] = -np.expm1(-np.maximum(time - on, 0) / up) * np.exp(-np.maximum(time - off, 0) / down)
    return speed


def _swell(length: int, rng: np.random.Generator, depth_db: float, per_second: float = 4.0) -> Samples:
    """A level that wanders, as amplitudes."""
    knots = rng.uniform(-depth_db, depth_db, max(2, int(length / SAMPLE_RATE * per_second) + 2))
    return (10 ** (_curve(knots, length) / 20)).astype(np.float32)


def _cycle(harmonics: int, slope: float, rng: np.random.Generator, size: int = 2048) -> Samples:
    """One period of a sound of that many harmonics, the k-th about k^-slope."""
    spectrum = np.zeros(size // 2 + 1, np.complex64)
    k = np.arange(1, harmonics + 1)
    spectrum[k] = rng.exponential(1, harmonics) * k**-slope * np.exp(2j * np.pi * rng.random(harmonics))
    return normalize_rms(np.fft.irfft(spectrum, size).astype(np.float32))


def _turning(hertz: NDArray[np.float64], cycle: Samples) -> Samples:
    """Read a period at a speed: `hertz` (length,) → (length,)."""
    at = np.cumsum(hertz / SAMPLE_RATE) % 1.0 * len(cycle)
    left = at.astype(np.int64) % len(cycle)
    part = (at - np.floor(at)).astype(np.float32)
    read: Samples = cycle[left] * (1 - part) + cycle[(left + 1) % len(cycle)] * part
    return read


def _body(rng: np.random.Generator) -> Samples:
    """What a hit on a thing sounds like: modes out of tune with each other, the higher the shorter, and a click."""
    modes = int(rng.integers(2, 14))
    hertz = np.exp(rng.uniform(rng.uniform(np.log(35), np.log(1500)), np.log(rng.uniform(2500, 14000)), modes))
    ring = np.exp(rng.uniform(np.log(0.003), np.log(0.25))) * (hertz.min() / hertz) ** rng.uniform(0, 1)
    time = np.arange(int(SAMPLE_RATE * min(0.6, 6 * ring.max()))) / SAMPLE_RATE
    waves = rng.exponential(1, modes)[:, None] * np.exp(-time / ring[:, None])
    body = np.sum(waves * np.sin(2 * np.pi * hertz[:, None] * time + rng.uniform(0, 6.3, (modes, 1))), axis=0)
    click = hiss(len(time), rng) * np.exp(-time / rng.uniform(0.0005, 0.02))
    mixed: Samples = (normalize_rms(body) + normalize_rms(click) * 10 ** (rng.uniform(-15, 10) / 20)).astype(np.float32)
    return mixed
