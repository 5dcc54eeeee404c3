"""Where sounds stand between two channels: their side (L − R) / 2 beside their middle (L + R) / 2.

Spectra are (frames, bins) of a middle, or (2, frames, bins) of middle and side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unbraid.training.bands import BIN_HZ, HOP_SECONDS, NUM_BINS
from unbraid.training.frames import Spectra, as_loud_as

MONO = 0.3  # of the mixtures
WIDTH_DB = (-8.0, 6.0)  # a recording's side beside what it was

# How what has no side stands, by kind of sound.
PLACES = {
    "speech": {"middle": 0.68, "panned": 0.14, "late": 0.07, "room": 0.1, "anti-phase": 0.01},
    "music": {"middle": 0.25, "panned": 0.1, "late": 0.05, "room": 0.2, "anti-phase": 0.01, "spread": 0.39},
    "noise": {"middle": 0.3, "panned": 0.2, "late": 0.1, "room": 0.15, "anti-phase": 0.01, "spread": 0.24},
}
NARROW = 1e-3  # of the energy: a side that is less is none


def placed(frames: Spectra, kind: str, rng: np.random.Generator) -> Spectra:
    """Middle and side of a sound, (2, frames, bins), as loud in sum as it was.

    A side that was recorded is made wider or narrower; what has none, as all voices, is placed as `PLACES` says.
    """
    if frames.ndim == 3:
        energy = [float(np.vdot(plane, plane).real) for plane in frames]
        if energy[1] > NARROW * energy[0]:
            width = np.float32(10 ** (rng.uniform(*WIDTH_DB) / 20))
            return as_loud_as(np.stack([frames[0], frames[1] * width]), frames)
        frames = frames[0]
    places = PLACES[kind]
    place = str(rng.choice(list(places), p=list(places.values())))
    return as_loud_as(np.stack(_planes(frames, place, rng)), frames)


def _planes(frames: Spectra, place: str, rng: np.random.Generator) -> tuple[Spectra, Spectra]:
    match place:
        case "panned":  # as far as one channel alone, which is where panning by hand ends half of the time
            part = rng.choice([-1, 1]) * min(1.0, rng.uniform(0.1, 1.4))
            return frames, frames * np.float32(part)
        case "late":  # two microphones, a hand to a step apart
            seconds = rng.choice([-1, 1]) * rng.uniform(0.1e-3, 1.2e-3)
            turned = np.exp(-2j * np.pi * BIN_HZ * np.arange(NUM_BINS) * seconds) * 10 ** (-rng.uniform(0, 8) / 20)
            return _times(frames, (1 + turned) / 2), _times(frames, (1 - turned) / 2)
        case "room":
            return frames, _diffuse(frames, rng) * np.float32(10 ** (rng.uniform(-18, -3) / 20))
        case "anti-phase":
            return frames * np.float32(rng.uniform(0, 0.1)), frames
        case "spread":  # as a chorus, a doubling or an all-pass spreads what was mono
            phase = np.interp(np.arange(NUM_BINS), np.sort(rng.uniform(0, NUM_BINS, 40)), rng.uniform(0, 2 * np.pi, 40))
            return frames, _times(frames, np.exp(1j * phase) * 10 ** (rng.uniform(-15, 2) / 20))
    return frames, np.zeros_like(frames)


def _times(frames: Spectra, gains: NDArray[np.complex128]) -> Spectra:
    return frames * gains.astype(np.complex64)


def _diffuse(frames: Spectra, rng: np.random.Generator) -> Spectra:
    """What a room's late sound is in the side: every bin's past with random phases, as loud as the frames."""
    decay = 10 ** (-3 * HOP_SECONDS / rng.uniform(0.15, 0.8))  # a frame, to -60 dB after its time
    late = np.zeros_like(frames)
    for frame in range(1, 11):
        phases = np.exp(2j * np.pi * rng.random(NUM_BINS)) * decay**frame
        late[frame:] += _times(frames[:-frame], phases)
    return as_loud_as(late, frames)
