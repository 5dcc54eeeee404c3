"""A network in training as a system that can be scored: heard, masked and put together as the core does it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray

from unbraid.evaluation.scores import Audio, System
from unbraid.training.bands import HOP_SECONDS, NUM_BANDS, band_of_bin, band_sum
from unbraid.training.frames import HOP_LENGTH, POWER_SCALE, SAMPLE_RATE, WIN_LENGTH, WINDOW, spectra
from unbraid.training.model import Crnn

# The core's level normalizer, in the power whose sum over a frame is π²/4 for a mean square of one.
FULL_SCALE = np.log(np.pi**2 / 4)
NEPERS_PER_DB = np.log(10) / 10
QUIET_DB, LOUD_DB, SURPRISE_DB, PAUSE_DB, SILENCE = -40.0, -30.0, 10.0, -20.0, 1.6e-12
ATTACK_SECONDS, RELEASE_SECONDS = 0.2, 1.0
LEVELS = FULL_SCALE + NEPERS_PER_DB * np.array([QUIET_DB, LOUD_DB])


def middle_power(channels: NDArray[np.complex64]) -> NDArray[np.float32]:
    """What the core's network hears of spectra (channels, frames, bins): (frames, bins).

    The power of the channels' mean; where they cancel, an eighth of the mean of their powers.
    """
    power: NDArray[np.float32] = np.square(np.abs(channels.mean(axis=0)))
    if len(channels) == 1:
        return power
    least: NDArray[np.float32] = np.square(np.abs(channels)).mean(axis=0) / np.float32(8)
    return np.asarray(np.maximum(power, least))


def planes_of(channels: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Power of the channels' mean and of their deviation from it: (channels, frames, bins) → (2, frames, bins)."""
    middle = channels.mean(axis=0)
    side = np.square(np.abs(channels - middle)).mean(axis=0)
    return np.stack([np.square(np.abs(middle)), side]).astype(np.float32)


def mirrored_start(padded: Audio) -> NDArray[np.complex64]:
    """What the core hears of the first frame of (channels, samples), a hop of silence in front: its mirror image there.

    Returns (channels, 1, bins).
    """
    first = padded[:, HOP_LENGTH:WIN_LENGTH]
    return np.stack([spectra(frame) for frame in np.concatenate([first[:, ::-1], first], axis=1)])


def level_gains(frame_power: NDArray[np.float32]) -> NDArray[np.float32]:
    """The gain on power with which the core brings audio to a level, frame by frame: (frames,) → (frames,)."""
    attack, release = (-np.expm1(-HOP_SECONDS / seconds) for seconds in (ATTACK_SECONDS, RELEASE_SECONDS))
    gains = np.ones(len(frame_power), np.float32)
    running, counted = 0.0, 0
    for i, power in enumerate(frame_power):
        if power > SILENCE:
            level = float(np.log(power))
            share = attack if level > running + SURPRISE_DB * NEPERS_PER_DB else release
            if counted * release < 1:
                counted += 1
                share = max(share, 1 / counted)
            floor = running + PAUSE_DB * NEPERS_PER_DB
            running = level if counted == 1 else running + share * (max(level, floor) - running)
        if counted:
            gains[i] = np.exp(np.clip(running, *LEVELS) - running)
    return gains


def system_of_checkpoint(model: Crnn, kinds: Sequence[str]) -> System:
    """A network whose stems are of these kinds as a system at 48 kHz.

    Raises ValueError for audio of another rate.
    """

    @torch.no_grad()
    def separate(mixture: Audio, sample_rate: int, reference: Audio) -> dict[str, Audio]:
        if sample_rate != SAMPLE_RATE:
            raise ValueError(f"expected audio at {SAMPLE_RATE} Hz, got {sample_rate}")
        length = mixture.shape[1]
        padded = np.pad(mixture, ((0, 0), (HOP_LENGTH, WIN_LENGTH + -length % HOP_LENGTH)))
        channels = np.stack([spectra(channel) for channel in padded])
        heard = np.concatenate([mirrored_start(padded), channels[:, 1:]], axis=1)
        power = middle_power(heard)
        gains = level_gains(power.sum(axis=1))[:, None]
        planes = planes_of(heard) if model.config.planes == 2 else power[None]
        sums = np.concatenate(band_sum(planes * gains), axis=1)
        masks = model(torch.from_numpy(sums)[None])[0][0].numpy()
        return {name: _overlap_add(masked(channels, mask), length) for name, mask in zip(kinds, masks, strict=True)}

    return separate


def masked(channels: NDArray[np.complex64], mask: NDArray[np.float32]) -> NDArray[np.complex64]:
    """A stem's spectra: (channels, frames, bins) times a mask (frames, planes · bands) of mean and deviation."""
    middle, *side = (plane[:, band_of_bin()] for plane in np.split(mask, mask.shape[1] // NUM_BANDS, axis=1))
    if not side or len(channels) == 1:
        return np.asarray(channels * middle)
    return np.asarray(side[0] * channels + (middle - side[0]) * channels.mean(axis=0))


def _overlap_add(channels: NDArray[np.complex64], length: int) -> Audio:
    return np.stack([synthesise(frames)[HOP_LENGTH : HOP_LENGTH + length] for frames in channels])


def synthesise(frames: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Overlap-add of scaled spectra (frames, bins) → (samples,); the first and last hop are half faded."""
    blocks = scipy.fft.irfft(frames / np.sqrt(POWER_SCALE), WIN_LENGTH).astype(np.float32) * WINDOW
    audio = np.zeros((len(blocks) + 1) * HOP_LENGTH, np.float32)
    for i, block in enumerate(blocks):
        audio[i * HOP_LENGTH : i * HOP_LENGTH + WIN_LENGTH] += block
    return audio
