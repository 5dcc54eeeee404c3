"""A WAV file whose length is known before its audio is: a player may start on it while it grows."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from .._checks import Audio
from ..files.output_format import Quantizer
from ..files.output_headers import wav_form

MAX_RIFF_BYTES = 0xFFFFFFFF
# Stems may be louder than their mixture: half of full scale is room for that.
HEADROOM = 0.5


@dataclass(frozen=True)
class WavStream:
    """The format of such a file: `channels` of integers at `sample_rate` Hz, `num_samples` of each.

    24 bits a sample, or 16 where a plain RIFF header would not reach round those; RF64 where it reaches round neither.
    """

    sample_rate: int
    channels: int
    num_samples: int

    @property
    def bits(self) -> int:
        return 24 if self._data_bytes(24) + 100 <= MAX_RIFF_BYTES else 16

    @property
    def frame_bytes(self) -> int:
        return self.channels * self.bits // 8

    @property
    def total_bytes(self) -> int:
        return len(self.header()) + self._data_bytes(self.bits)

    def header(self) -> bytes:
        """All that stands before the samples. No speakers are named: the channels are those of stems."""
        data = self._data_bytes(self.bits)
        padded = data + data % 2
        fmt = wav_form(self.sample_rate, self.channels, self.bits, 0, extensible=True)
        chunks = b"WAVE"
        is_long = padded + 100 > MAX_RIFF_BYTES
        if is_long:
            sizes = struct.pack("<QQQI", 4 + 36 + 8 + len(fmt) + 8 + padded, data, self.num_samples, 0)
            chunks += b"ds64" + struct.pack("<I", len(sizes)) + sizes
        chunks += b"fmt " + struct.pack("<I", len(fmt)) + fmt
        chunks += b"data" + struct.pack("<I", MAX_RIFF_BYTES if is_long else data)
        if is_long:
            return b"RF64" + struct.pack("<I", MAX_RIFF_BYTES) + chunks
        return b"RIFF" + struct.pack("<I", len(chunks) + padded) + chunks

    def encode(self, audio: Audio) -> bytes:
        """(channels, samples) as the file has them."""
        return Quantizer(self.bits, dither=False).encode(audio * np.float32(HEADROOM))

    def _data_bytes(self, bits: int) -> int:
        return self.num_samples * self.channels * bits // 8
