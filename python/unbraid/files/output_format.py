"""What output files hold: integers that null with everybody else's, and the speakers that the channels are for."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from .._checks import Audio
from .contents import USUAL_LAYOUTS
from .formats.vorbis_comment import LAYOUT_KEY

# What is written per format if nothing else is asked for: float WAV never clips, FLAC has integers only.
BIT_DEPTHS = {"wav": 32, "flac": 24}
# All that can be asked for; 32 are floats, the others integers.
CHOICES = {"wav": (16, 24, 32), "flac": (16, 24)}
FLOAT_BITS = 32

EXTENSIBLE = b"\xfe\xff"
FLAC_COMMENT, FLAC_PADDING, FLAC_LAST = 4, 1, 0x80


def check_bit_depth(kind: str, bit_depth: int | None) -> int:
    """The bits of a sample in a format: those asked for, or the usual."""
    if bit_depth is not None and bit_depth not in CHOICES[kind]:
        choices = ", ".join(map(str, CHOICES[kind][:-1]))
        raise ValueError(f"bit_depth must be {choices} or {CHOICES[kind][-1]} for {kind}, got {bit_depth!r}")
    return bit_depth or BIT_DEPTHS[kind]


def as_integers(audio: Audio, bits: int) -> NDArray[np.int32]:
    """Rounded to so many bits, at the upper end of 32: full scale is 2 ** (bits - 1), as for DAWs."""
    full = 2.0 ** (bits - 1)
    clipped = np.clip(np.rint(audio.astype(np.float64) * full), -full, full - 1)
    return clipped.astype(np.int32) << (32 - bits)


def write_layout(file: BinaryIO, kind: str, channels: int, layout: int) -> None:
    """Notes the speakers in a finished file: pedalboard notes what it takes for usual, or nothing."""
    if kind == "wav" and channels > 2:
        file.seek(0)
        start = file.read(512).find(b"fmt ") + 8
        file.seek(start)
        if file.read(2) == EXTENSIBLE:
            file.seek(start + 20)
            file.write(layout.to_bytes(4, "little"))
    elif kind == "flac" and layout not in (0, USUAL_LAYOUTS.get(channels)):
        write_flac_comment(file, LAYOUT_KEY + f"{layout:#X}".replace("X", "x").encode())


def write_flac_comment(file: BinaryIO, comment: bytes) -> None:
    """One comment, in place of the metadata that pedalboard writes after STREAMINFO; they say nothing."""
    start = position = 4 + 4 + 34
    is_last = False
    while not is_last:
        file.seek(position)
        head = file.read(4)
        position += 4 + int.from_bytes(head[1:], "big")
        is_last = bool(head[0] & FLAC_LAST)
    body = bytes(4) + (1).to_bytes(4, "little") + len(comment).to_bytes(4, "little") + comment
    padding = position - start - 8 - len(body)
    if padding < 0:
        raise OSError(f"no room for a comment of {len(body)} bytes in the FLAC file's metadata")
    file.seek(start)
    file.write(bytes([FLAC_COMMENT]) + len(body).to_bytes(3, "big") + body)
    file.write(bytes([FLAC_PADDING | FLAC_LAST]) + padding.to_bytes(3, "big") + bytes(padding))
