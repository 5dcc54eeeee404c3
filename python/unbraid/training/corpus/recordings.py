"""From a file's bytes to what the corpus keeps of it: decoded, trimmed, normalised, its bandwidth told."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

SAMPLE_RATES = (16000, 22050, 24000, 32000, 44100, 48000)
MIN_SAMPLE_RATE = 8000
MIN_SIDE_DB = -45.0  # under the middle: less is a mono recording in two channels
BAND_EDGES_HZ = (4000.0, 5500.0, 8000.0, 11025.0, 12000.0, 16000.0)
CLIFF_DB = 30.0
MIN_SECONDS = {"speech": 0.25, "music": 4.0, "noise": 0.3}

Audio = NDArray[np.float32]  # (channels, samples)

log = logging.getLogger(__name__)


def decode(content: bytes, path: str) -> tuple[Audio, int]:
    """Decode any audio file to float32 (channels, samples) and its sample rate in Hz."""
    if path.endswith(".g722"):
        import av  # libsndfile has no G.722

        with av.open(io.BytesIO(content), format="g722") as container:
            frames = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
        return np.concatenate(frames).astype(np.float32)[None] / 32768.0, 16000
    audio, sample_rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    return np.ascontiguousarray(audio.T), sample_rate


def keep_stereo(audio: Audio) -> Audio:
    """The two channels of a recording that has something to tell them apart, else their mean: (1 or 2, samples)."""
    middle: Audio = audio.mean(axis=0, keepdims=True)
    if len(audio) != 2:
        return middle
    side = (audio[0] - audio[1]) / 2
    return audio if np.mean(side**2) > np.mean(middle**2) * 10 ** (MIN_SIDE_DB / 10) else middle


def bandwidth_of(audio: Audio, sample_rate: int) -> float:
    """Where the spectrum of (channels, samples) breaks off, in Hz; half of the rate where it does not.

    Telephones, codecs and recordings that were resampled leave a cliff at one of a few frequencies, and nothing above.
    """
    size = sample_rate // 50
    blocks = audio[:, : audio.shape[1] // size * size].reshape(-1, size)
    power = np.mean(np.abs(np.fft.rfft(blocks * np.hanning(size))) ** 2, axis=0) + 1e-12
    hertz = np.fft.rfftfreq(size, 1 / sample_rate)

    def level_db(low: float, high: float) -> float:
        return float(10 * np.log10(power[(hertz >= low) & (hertz < high)].mean()))

    for edge in BAND_EDGES_HZ:
        if 1.25 * edge > sample_rate / 2:
            break
        if level_db(0.8 * edge, 0.95 * edge) - level_db(1.06 * edge, sample_rate / 2) > CLIFF_DB:
            return edge
    return sample_rate / 2


def trim(audio: Audio, sample_rate: int, floor_db: float = -45.0) -> Audio:
    """Cut what is more than `floor_db` below the loudest 20 ms off both ends of (channels, samples), leaving 30 ms."""
    size = sample_rate // 50
    channels, length = audio.shape
    blocks = audio[:, : length // size * size].reshape(channels, -1, size)
    level = np.sqrt(np.mean(blocks**2, axis=(0, 2)))
    if len(level) == 0 or level.max() < 1e-4:
        return audio[:, :0]
    loud = np.flatnonzero(level > level.max() * 10 ** (floor_db / 20))
    pad = sample_rate * 3 // 100
    return audio[:, max(0, loud[0] * size - pad) : (loud[-1] + 1) * size + pad]


def prepare(
    kind: str, path: str, contents: Sequence[bytes], max_seconds: float
) -> tuple[NDArray[np.int16], int, float] | None:
    """Decode, trim and normalise one recording to int16 (channels, samples), its rate, one of SAMPLE_RATES, and its
    bandwidth in Hz; None if nothing usable is in it. Voices are mono: where they stand is for the mixer.
    """
    try:
        parts, rates = zip(*(decode(content, path) for content in contents), strict=True)
        if len(set(rates)) > 1:
            raise ValueError(f"its parts have several sample rates, {sorted(set(rates))}")
        sample_rate = rates[0]
        audio = np.concatenate(parts, axis=1)
    except (soundfile.LibsndfileError, ValueError) as error:
        log.warning("skipped %s: %s", path, error)
        return None
    audio = audio.mean(axis=0, keepdims=True) if kind == "speech" else keep_stereo(audio)
    if sample_rate < MIN_SAMPLE_RATE or not np.isfinite(audio).all():
        log.warning("skipped %s: %d Hz, or not finite", path, sample_rate)
        return None
    audio = trim(audio[:, : int(max_seconds * sample_rate)], sample_rate)
    if audio.shape[1] < MIN_SECONDS[kind] * sample_rate:
        return None
    bandwidth_hz = bandwidth_of(audio, sample_rate)
    if sample_rate not in SAMPLE_RATES:
        nearest = next((rate for rate in SAMPLE_RATES if rate >= sample_rate), SAMPLE_RATES[-1])
        audio, sample_rate = soxr.resample(audio.T, sample_rate, nearest).T, nearest
    # The mixer sets levels: only the rounding to 16 bits is at stake here.
    audio = audio * (0.9 / np.abs(audio).max())
    return np.round(audio * 32767).astype(np.int16), sample_rate, bandwidth_hz
