"""Checks what users hand in, and says what was expected and what was given."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 8000, 192000
MAX_CHANNELS = 8
MAX_GAIN_DB = 60.0
GAIN_SUFFIX = "_db"

Audio = NDArray[np.float32]
Gain = float | str


def check_sample_rate(sample_rate: float) -> float:
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, Real):
        raise TypeError(f"sample_rate must be a number in Hz, got {type(sample_rate).__name__}")
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise ValueError(f"sample_rate must be {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz, got {sample_rate:g}")
    return float(sample_rate)


def check_channels(channels: int) -> int:
    if isinstance(channels, bool) or not isinstance(channels, int | np.integer):
        raise TypeError(f"channels must be an integer, got {type(channels).__name__}")
    if not 1 <= channels <= MAX_CHANNELS:
        raise ValueError(f"channels must be 1 to {MAX_CHANNELS}, got {channels}")
    return int(channels)


def as_audio(audio: ArrayLike) -> Audio:
    """(channels, samples) as C-contiguous float32; 1-D stays 1-D. Float64 is converted, nothing else is."""
    array = np.asarray(audio)
    if array.dtype.kind != "f" or array.dtype.itemsize not in (4, 8):
        raise TypeError(f"audio must be float32 or float64, got {array.dtype}{conversion_hint(array.dtype)}")
    if array.ndim not in (1, 2):
        raise ValueError(f"audio must be (channels, samples), or 1-D for mono, got shape {array.shape}")
    if array.ndim == 2 and not 1 <= array.shape[0] <= MAX_CHANNELS:
        hint = "; if that is (samples, channels), pass audio.T" if 1 <= array.shape[1] <= MAX_CHANNELS else ""
        raise ValueError(
            f"audio must be (channels, samples) with 1 to {MAX_CHANNELS} channels, got shape {array.shape}{hint}"
        )
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes inf, which is reported as such
        return np.ascontiguousarray(array, dtype=np.float32)


def conversion_hint(dtype: np.dtype[np.generic]) -> str:
    if dtype.kind == "i":
        return f"; convert with audio.astype(np.float32) / {1 << (8 * dtype.itemsize - 1)}"
    return "; convert with audio.astype(np.float32)" if dtype.kind == "f" else ""


def check_finite(audio: Audio) -> None:
    bad = ~np.isfinite(audio)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"audio must be finite, got {int(bad.sum())} NaN or infinite samples, the first at {first}")


def gain_from_db(gain_db: Gain, keyword: str = "gain") -> float:
    """The linear factor for a gain in dB; "mute" and -inf give 0."""
    if gain_db == "mute":
        return 0.0
    if isinstance(gain_db, bool) or not isinstance(gain_db, Real):
        raise TypeError(f'{keyword} must be a number in dB or "mute", got {gain_db!r}')
    if not gain_db <= MAX_GAIN_DB:
        raise ValueError(f"{keyword} must be at most {MAX_GAIN_DB:g} dB, got {gain_db:g}")
    return float(10.0 ** (gain_db / 20.0)) if gain_db > -math.inf else 0.0


def gains_by_stem(gains: Mapping[str, Gain], stem_names: Sequence[str]) -> dict[str, float]:
    """Linear gains by stem name, from keywords such as music_db=-12 or, for what is no number, noise="mute"."""
    keywords = {stem + GAIN_SUFFIX: stem for stem in stem_names} | {stem: stem for stem in stem_names}
    linear: dict[str, float] = {}
    for keyword, gain_db in gains.items():
        if keyword not in keywords:
            known = ", ".join(stem + GAIN_SUFFIX for stem in stem_names)
            raise TypeError(f"unknown gain {keyword!r}; this model has {known}")
        if keywords[keyword] in linear:
            raise TypeError(f"two gains for {keywords[keyword]!r}")
        linear[keywords[keyword]] = gain_from_db(gain_db, keyword)
    return linear
