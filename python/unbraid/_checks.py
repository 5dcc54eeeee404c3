"""Checks what users hand in, and says what was expected and what was given."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._core import MAX_CHANNELS, MAX_GAIN_DB, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE

GAIN_SUFFIX = "_db"

Audio = NDArray[np.float32]
Gain = float | str


def shown(value: object, most: int = 60) -> str:
    """Of any value as much as fits into a message: numbers may have a million digits, names a million letters."""
    try:
        text = " ".join(repr(value).split())
        if is_number(value):
            text = f"{value:g}"
    except (OverflowError, TypeError):  # beyond all floats; a number without formats
        pass
    except ValueError:  # beyond the digits that Python shows
        text = f"a very large {type(value).__name__}"
    return text if len(text) <= most else f"{text[:most]}…"


def is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, Real) and not isinstance(value, bool)


def as_float(value: float) -> float:
    """The nearest float; beyond all floats infinity."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def check_sample_rate(sample_rate: float) -> float:
    if not is_number(sample_rate):
        raise TypeError(f"sample_rate must be a number in Hz, got {type(sample_rate).__name__}")
    if not MIN_SAMPLE_RATE <= as_float(sample_rate) <= MAX_SAMPLE_RATE:
        raise ValueError(f"sample_rate must be {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz, got {shown(sample_rate)}")
    return float(sample_rate)


def check_channels(channels: int) -> int:
    if isinstance(channels, bool) or not isinstance(channels, int | np.integer):
        raise TypeError(f"channels must be an integer, got {type(channels).__name__}")
    if not 1 <= channels <= MAX_CHANNELS:
        raise ValueError(f"channels must be 1 to {MAX_CHANNELS}, got {shown(channels)}")
    return int(channels)


def as_audio(audio: ArrayLike) -> Audio:
    """(channels, samples) as C-contiguous, aligned float32; 1-D stays 1-D. Float64 is converted, nothing else is."""
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
        return np.require(array, np.float32, ["C", "A"])


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
    if isinstance(gain_db, str) and gain_db == "mute":
        return 0.0
    if not is_number(gain_db):
        raise TypeError(f'{keyword} must be a number in dB or "mute", got {shown(gain_db)}')
    number = as_float(gain_db)
    if not number <= MAX_GAIN_DB:
        raise ValueError(f"{keyword} must be at most {MAX_GAIN_DB:g} dB, got {shown(gain_db)}")
    return float(10.0 ** (number / 20.0)) if number > -math.inf else 0.0


def gains_by_stem(
    gains_db: Mapping[str, Gain] | None, keywords: Mapping[str, Gain], stem_names: Sequence[str]
) -> dict[str, float]:
    """Linear gains by stem name, from a mapping by stem and from keywords such as music_db=-12 or noise="mute".

    Raises TypeError for what is no stem of these, for a stem with two gains and for what is no gain, ValueError for a
    gain that is too high.
    """
    if gains_db is not None and not isinstance(gains_db, Mapping):
        raise TypeError(f"gains_db must map stem names to gains in dB, got {type(gains_db).__name__}")
    suffixed = {stem + GAIN_SUFFIX: stem for stem in stem_names}
    stems = {stem: stem for stem in stem_names}
    linear: dict[str, float] = {}
    for given, known, usual in ((gains_db or {}, stems, stems), (keywords, suffixed | stems, suffixed)):
        for word, gain_db in given.items():
            if word not in known:
                raise TypeError(f"unknown gain {shown(word)}; this model has {', '.join(usual)}")
            if known[word] in linear:
                raise TypeError(f"two gains for {known[word]!r}")
            linear[known[word]] = gain_from_db(gain_db, word)
    return linear


def gain_to_db(gain: float) -> float:
    """A linear gain in dB; -inf for silence."""
    return 20.0 * math.log10(gain) if gain > 0.0 else -math.inf
