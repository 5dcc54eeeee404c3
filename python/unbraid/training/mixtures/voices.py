"""New voices from recorded ones: pitch, melody, formants and tempo are moved apart from each other, frame by frame.

The network never hears a waveform, only the band power of frames; so a voice is changed in its frames, and these need
not overlap-add to a signal. A frame is a grain around its place in the recording, played faster or slower: pitch and
formants move, the tempo is how far apart the grains lie. Formants alone are moved by warping the spectral envelope,
smoothed by liftering the cepstrum: what vocal tract length perturbation does (Jaitly and Hinton, "Vocal tract length
perturbation (VTLP) improves speech recognition", ICML workshop 2013), kept apart from the harmonics.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from unbraid.training.bands import BIN_HZ, HOP_SECONDS, NUM_BINS
from unbraid.training.frames import Spectra

LIFTER_SECONDS = 1.75e-3  # of cepstrum kept: formants, but no harmonics up to about 500 Hz
MAX_GAIN_DB = 24.0
FRAMES_PER_SECOND = 1 / HOP_SECONDS
RUMBLE_HZ = 45.0  # a bin of 31 Hz above, nothing is cut


@dataclass(frozen=True)
class Voice:
    """How a voice differs from its recording."""

    tempo: float = 1.0
    pitch: float = 1.0  # formants move with it
    melody: float = 0.0  # standard deviation of the pitch contour added, in natural logarithms
    formants: float = 1.0  # on top of what pitch moves
    whispered: bool = False
    shout: float = 1.0  # what multiplies the pitch where the voice is raised to a shout; formants mostly stay

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Voice:
        """Most voices are moved in some respect, some shout, a fifth are as they were."""
        kind = rng.random()
        if kind < 0.2:
            return cls()
        if kind < 0.264:  # 8 % of those that are moved
            return cls(
                tempo=float(np.exp(rng.uniform(-0.5, 0.1))),  # what is shouted is drawn out
                melody=float(rng.uniform(0.02, 0.2)),
                shout=float(np.exp(rng.uniform(0.3, 1.2))),
            )
        pitch = float(np.exp(rng.normal(-0.05, 0.2))) if rng.random() < 0.6 else 1.0
        # A raised voice is still the same mouth: half of the time its formants are put back.
        formants = pitch ** -float(rng.random() < 0.5) * float(np.exp(rng.normal(0, 0.08)))
        return cls(
            tempo=float(np.exp(rng.uniform(-0.3, 0.3))),
            pitch=pitch,
            melody=float(rng.uniform(0.02, 0.15)) if rng.random() < 0.4 else 0.0,
            formants=formants if rng.random() < 0.6 else 1.0,
            whispered=rng.random() < 0.03,
        )


def melody(num_frames: int, depth: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """A smooth random contour of pitch ratios around one, a turn every 0.2 to 0.6 s: (frames,)."""
    knots = rng.normal(0, depth, max(3, int(num_frames / rng.uniform(12, 38)) + 2))
    at = np.linspace(0, len(knots) - 1, num_frames)
    left = np.minimum(at.astype(int), len(knots) - 2)
    ease = 0.5 - 0.5 * np.cos(np.pi * (at - left))
    contour: NDArray[np.float32] = np.exp(knots[left] * (1 - ease) + knots[left + 1] * ease).astype(np.float32)
    return contour


def effort(num_frames: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """How far a voice is raised, 0 as recorded and 1 a shout, in spells of 0.3 to 3 s or all along: (frames,)."""
    raised = np.zeros(num_frames, np.float32)
    if rng.random() < 0.25:
        return raised + 1
    at = int(rng.integers(num_frames // 2))
    while at < num_frames:
        length = round(float(np.exp(rng.uniform(np.log(0.3), np.log(3.0)))) * FRAMES_PER_SECOND)
        raised[at : at + length] = rng.uniform(0.5, 1)
        at += length + int(rng.exponential(1.5) * FRAMES_PER_SECOND) + 1
    smooth: NDArray[np.float32] = uniform_filter1d(raised, 5)  # a mean of 80 ms
    return smooth


def grains(audio: NDArray[np.float32], length: int, hop: float, ratios: NDArray[np.float32]) -> NDArray[np.float32]:
    """Frames whose content is played `ratios` (frames,) times as fast, by linear interpolation: (frames, length).

    The first grain starts at the first sample if its ratio is one; where a grain reaches past `audio` it is silent.
    """
    centres = length / 2 + hop * np.arange(len(ratios))
    at = centres[:, None] + ratios[:, None] * (np.arange(length) - length / 2)
    at = np.clip(at + 1, 0, len(audio) + 1)  # one zero is put at either end
    left = np.minimum(at.astype(np.int64), len(audio))
    part = (at - left).astype(np.float32)
    padded = np.pad(audio, 1)
    frames: NDArray[np.float32] = padded[left] * (1 - part) + padded[left + 1] * part
    return frames


def envelope(
    frames: Spectra, bandwidth_hz: float, bin_hz: float = BIN_HZ, lifter_seconds: float = LIFTER_SECONDS
) -> NDArray[np.float32]:
    """The smooth part of the natural log of the power, (frames, bins); level beyond the recording's bandwidth."""
    num_bins = frames.shape[1]
    power = np.abs(frames) ** 2
    log_power = np.log(power + 1e-7 * power.max(axis=1, keepdims=True) + 1e-20)
    last = min(num_bins, int(0.97 * bandwidth_hz / bin_hz))
    log_power[:, last:] = log_power[:, last - 8 : last].mean(axis=1, keepdims=True)
    lifter = round(lifter_seconds * 2 * (num_bins - 1) * bin_hz)
    cepstrum = scipy.fft.irfft(log_power, axis=1)[:, :lifter].astype(np.float32)
    cepstrum[:, 1:] *= 1 + np.cos(np.pi * np.arange(1, lifter, dtype=np.float32) / lifter)  # both sides, tapered
    smooth = scipy.fft.rfft(cepstrum, 2 * (num_bins - 1), axis=1).real
    return np.ascontiguousarray(smooth, np.float32)


def shift_formants(
    frames: Spectra,
    ratio: float | NDArray[np.float32],
    bandwidth_hz: float,
    bin_hz: float = BIN_HZ,
    lifter_seconds: float = LIFTER_SECONDS,
) -> Spectra:
    """Move the spectral envelope of (frames, bins) by a ratio, or one per frame (frames, 1); the harmonics stay."""
    smooth = envelope(frames, bandwidth_hz, bin_hz, lifter_seconds)
    last = frames.shape[1] - 1
    at = np.minimum(np.arange(last + 1) / np.broadcast_to(ratio, (len(frames), 1)), last - 0.001)
    left = at.astype(np.int64)
    part = (at - left).astype(np.float32)
    moved = np.take_along_axis(smooth, left, 1) * (1 - part) + np.take_along_axis(smooth, left + 1, 1) * part
    limit = np.float32(MAX_GAIN_DB / 20 * np.log(10))
    shifted: Spectra = frames * np.exp(np.clip((moved - smooth) / 2, -limit, limit))
    return shifted


def strained(
    frames: Spectra, voice: Voice, raised: NDArray[np.float32], bandwidth_hz: float, rng: np.random.Generator
) -> Spectra:
    """What else a shout is where the pitch of (frames, bins) was raised, by as much as `raised` (frames,) says.

    Formants go most of the way back to where the mouth has them, and the voice is louder, above all from 500 Hz up, for
    the glottis closes harder (Raitio et al., "Analysis and synthesis of shouted speech", Interspeech 2013).
    """
    back = voice.shout ** (-rng.uniform(0.4, 1) * raised[:, None])
    lifter = LIFTER_SECONDS / voice.shout  # its harmonics lie further apart
    mouth = shift_formants(frames, back, bandwidth_hz, lifter_seconds=lifter)
    tilt = np.clip(np.log2(np.arange(NUM_BINS) * BIN_HZ / 500 + 1e-6) / 2, 0, 1)
    gain_db = rng.uniform(0, 12) + rng.uniform(4, 14) * tilt
    louder: Spectra = mouth * (10 ** (gain_db * raised[:, None] / 20)).astype(np.float32)
    return louder


def whisper(frames: Spectra, bandwidth_hz: float, rng: np.random.Generator) -> Spectra:
    """The envelope of (frames, bins) on noise instead of harmonics."""
    smooth = np.exp(envelope(frames, bandwidth_hz) / 2)
    noise = rng.standard_normal((*frames.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
    noise[:, int(bandwidth_hz / BIN_HZ) :] = 0
    return smooth * noise


def without_floor(frames: Spectra, depth_db: float) -> Spectra:
    """Take a recording's own floor out of (frames, bins), for it is noise: what lies more than `depth_db` below the
    loud frames is faded, and the rumble below the deepest voice is cut.
    """
    power = np.sum(np.abs(frames) ** 2, axis=1)
    near = maximum_filter1d(power, 5)  # keeps the onset and the end of words
    threshold = np.percentile(power, 95) * 10 ** (-depth_db / 10)
    gain = np.minimum(near / (threshold + 1e-20), 1).astype(np.float32)
    rumble = np.clip((np.arange(NUM_BINS) * BIN_HZ - RUMBLE_HZ) / BIN_HZ, 0, 1).astype(np.float32)
    clean: Spectra = frames * gain[:, None] * rumble
    return clean
