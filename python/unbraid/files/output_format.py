"""What output files hold: integers that null with everybody else's, and the speakers that the channels are for."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .._checks import Audio
from .contents import USUAL_LAYOUTS

# What holds audio alone, and what holds a picture as well; several tracks go into some of both.
AUDIO_FORMATS = ("wav", "flac", "mp3", "ogg", "opus", "m4a")
FILM_FORMATS = ("mp4", "m4v", "mov", "mkv", "webm")
TRACK_FORMATS = (*FILM_FORMATS, "mka", "m4a")
FORMATS = tuple(dict.fromkeys(AUDIO_FORMATS + TRACK_FORMATS))
# What is written per format if nothing else is asked for: float WAV never clips, the others that lose nothing have
# integers only (Matroska FLAC, QuickTime PCM).
BIT_DEPTHS = {"wav": 32, "flac": 24, "mkv": 24, "mka": 24, "mov": 24}
# All that can be asked for; 32 are floats, the others integers.
CHOICES = {kind: (16, 24, 32) if kind == "wav" else (16, 24) for kind in BIT_DEPTHS}
FLOAT_BITS = 32

# Below so many bits what rounding leaves can be heard, as a distortion; dither makes noise of it.
DITHERED_BELOW = 24
# Audio so near to the integers, in steps, was on them before: nothing of it is cut.
ON_GRID = 0.05

# What libsndfile calls them, and how much it is to spare: about 200 kb/s for stereo at 48 kHz.
ENCODINGS = {"mp3": ("MP3", "MPEG_LAYER_III", 0.2), "ogg": ("OGG", "VORBIS", 0.4), "opus": ("OGG", "OPUS", 0.65)}
RATES = {
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    "opus": (8000, 12000, 16000, 24000, 48000),
}
MAX_CHANNELS = {"mp3": 2}
# Speakers at the sides in the place of those behind, where a format knows only the latter.
AT_THE_SIDES = {0x607: 0x37, 0x60F: 0x3F}


def is_standard(path: Path) -> bool:
    """Whether a path stands for standard input or output."""
    return str(path) == "-"


def kind_of(target: Path) -> str:
    """The format that a path ends in, as the tables here have it; WAV goes to standard output."""
    return "wav" if is_standard(target) else target.suffix[1:].lower()


def check_bit_depth(kind: str, bit_depth: int | None) -> int:
    """The bits of a sample in a format: those asked for, or the usual; 0 where it has no such number."""
    if kind not in CHOICES:
        if bit_depth is not None:
            raise ValueError(f"bit_depth is for {', '.join(CHOICES)}; {kind} has none, got {bit_depth!r}")
        return 0
    if bit_depth is not None and bit_depth not in CHOICES[kind]:
        choices = ", ".join(map(str, CHOICES[kind][:-1]))
        raise ValueError(f"bit_depth must be {choices} or {CHOICES[kind][-1]} for {kind}, got {bit_depth!r}")
    return bit_depth or BIT_DEPTHS[kind]


def check_encodable(kind: str, sample_rate: float, channels: int, layout: int) -> None:
    """Raises ValueError for audio that a format does not hold."""
    if channels > MAX_CHANNELS.get(kind, channels):
        raise ValueError(
            f"{kind} holds {MAX_CHANNELS[kind]} channels, the input has {channels}; ogg and opus hold more"
        )
    if sample_rate not in RATES.get(kind, (sample_rate,)):
        rates = ", ".join(map(str, RATES[kind]))
        raise ValueError(f"{kind} holds rates of {rates} Hz, the input has {sample_rate:g} Hz; ogg holds any")
    if channels > 2 and layout and AT_THE_SIDES.get(layout, layout) != USUAL_LAYOUTS[channels]:
        raise ValueError(f"{kind} has no place for the input's speakers ({layout:#x}); wav and flac keep them")


class Quantizer:
    """Rounds blocks of audio to so many bits, at the upper end of 32: full scale is 2 ** (bits - 1), as for DAWs.

    Where less than 24 bits cut something off, with TPDF dither (Lipshitz, Wannamaker and Vanderkooy, "Quantization and
    dither: a theoretical survey", JAES 40(5), 1992), the same in every run and another for each `name`. What was on the
    integers stays on them, so that silence is silent and faders at 0 dB give back the very file.
    """

    def __init__(self, bits: int, name: str = "", *, dither: bool = True) -> None:
        self._bits = bits
        self._full = 2.0 ** (bits - 1)
        self._dither = dither and bits < DITHERED_BELOW
        self._random = np.random.default_rng(zlib.crc32(name.encode("utf-8", "replace")))

    def __call__(self, audio: Audio) -> NDArray[np.int32]:
        steps = audio.astype(np.float64) * self._full
        rounded = np.rint(steps)
        if self._dither and steps.size and np.abs(steps - rounded).max() > ON_GRID:
            rounded = np.rint(steps + self._random.random(steps.shape) - self._random.random(steps.shape))
        clipped = np.clip(rounded, -self._full, self._full - 1)
        return clipped.astype(np.int32) << (32 - self._bits)

    def encode(self, audio: Audio) -> bytes:
        """(channels, samples) as WAV has them: sample after sample, the lowest byte first."""
        integers = np.ascontiguousarray(self(audio).T, "<i4").view(np.uint8)
        return integers.reshape(-1, 4)[:, 4 - self._bits // 8 :].tobytes()
