"""WAV to standard output, while it is made: its header says that it goes on to the end of the stream."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import numpy as np

from .._checks import Audio
from .audio_io import Output
from .formats.wav import UNKNOWN_SIZE
from .output_format import FLOAT_BITS, Quantizer, check_bit_depth
from .output_headers import wav_form


class PipeOutput(Output):
    """Writes audio to standard output as it comes. Raises BrokenPipeError where nobody reads on."""

    def __init__(self, target: Path, sample_rate: float, channels: int, bit_depth: int | None, layout: int) -> None:
        bits = check_bit_depth("wav", bit_depth)
        super().__init__(target, clips=bits != FLOAT_BITS)
        self._quantizer = None if bits == FLOAT_BITS else Quantizer(bits, target.stem)
        self._file = sys.stdout.buffer
        if self._file.isatty():
            raise ValueError(f"{target}: standard output is a terminal; pipe it on, as in `| ffplay -`, or name a file")
        self._file.write(header(round(sample_rate), channels, bits, layout))

    def _write(self, *tracks: Audio) -> None:
        (audio,) = tracks
        if self._quantizer is None:
            self._file.write(np.ascontiguousarray(audio.T, "<f4").tobytes())
        else:
            self._file.write(self._quantizer.encode(audio))
        self._file.flush()

    def _finish(self) -> None:
        self._file.flush()

    def _abandon(self) -> None:
        """What has gone out is gone."""


def header(sample_rate: int, channels: int, bits: int, layout: int) -> bytes:
    """All of a WAV file that comes before its samples, whose number is not known yet."""
    form = wav_form(sample_rate, channels, bits, layout, extensible=channels > 2)
    unknown = struct.pack("<I", UNKNOWN_SIZE)
    return b"RIFF" + unknown + b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + unknown
