"""WAV from a pipe: read once, from its header to the end of the stream, in constant memory."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
from soundfile import SoundFile

from .._checks import Audio
from .av_support import Film
from .contents import Damage, Metadata
from .errors import AudioFileError
from .formats.chunks import Order, SampleFormat, is_name
from .formats.metadata import BEXT_BYTES, read_info
from .formats.wav import described, size_in_pipe

MAX_HEADER_BYTES = 1 << 24
EXPECTED = "from a pipe WAV is read, as `ffmpeg -i IN -f wav -` gives it"
ORDERS: Mapping[bytes, Order] = {b"RIFF": "little", b"RF64": "little", b"BW64": "little", b"RIFX": "big"}


class PipeReader:
    """A `Reader` of what can be read only once. A header that was never finished is taken to the end of the stream."""

    def __init__(self, file: BinaryIO) -> None:
        self._file: Any = file
        self.damage: list[Damage] = []
        self.notes: list[Damage] = []
        self.metadata = Metadata()
        self.film: Film | None = None
        self._form, self.layout, self._promised = self._header()
        self.sample_rate = self._form.sample_rate
        self.channels = self._form.channels
        self.num_samples = None if self._promised is None else self._promised // self._form.frame_bytes

    def blocks(self, length: int) -> Iterator[Audio]:
        """As they come: whoever listens behind the next pipe does not wait for a whole block."""
        rest, left, count = b"", self._promised, 0
        while left is None or left > 0:
            most = length * self._form.frame_bytes - len(rest)
            data: bytes = self._file.read1(most if left is None else min(most, left))
            if not data:
                break
            left = None if left is None else left - len(data)
            rest += data
            whole = len(rest) - len(rest) % self._form.frame_bytes
            if whole:
                audio = self._decoded(rest[:whole])
                rest = rest[whole:]
                count += audio.shape[1]
                yield audio
        if left:
            what = f"cut short: {left} of the {self._promised} bytes of audio that its header promises are missing"
            self.damage.append(Damage(f"{what}, it ends", count / self.sample_rate))
        elif left is not None:
            self._check_tail(count / self.sample_rate)

    def _header(self) -> tuple[SampleFormat, int, int | None]:
        """How the samples lie, the speakers, and the bytes of audio that are promised, up to where they begin."""
        head = self._file.read(12)
        if head[:4] not in ORDERS or head[8:] != b"WAVE":
            raise AudioFileError(f"no WAV; {EXPECTED}" if head else f"nothing came; {EXPECTED}")
        order = ORDERS[head[:4]]
        found: dict[bytes, bytes] = {}
        taken = size = 0
        while taken < MAX_HEADER_BYTES:
            start = self._file.read(8)
            name, size = start[:4], int.from_bytes(start[4:], order)
            if len(start) < 8 or not is_name(name):
                raise AudioFileError("cut short: it ends before the audio begins")
            if name == b"data":
                break
            taken += size
            found[name] = self._file.read(min(size + size % 2, MAX_HEADER_BYTES))
        else:
            raise AudioFileError(f"its audio does not begin within {MAX_HEADER_BYTES} bytes")
        if b"fmt " not in found:
            raise AudioFileError('no audio we can read: its "fmt " chunk, which describes the audio, is missing')
        _, layout, samples = described(found[b"fmt "], order)
        if samples is None:
            raise AudioFileError(f"its audio is compressed; {EXPECTED}")
        self._note_metadata(found)
        return samples, layout, size_in_pipe(size, found.get(b"ds64", b""))

    def _note_metadata(self, found: Mapping[bytes, bytes]) -> None:
        read_info(found.get(b"LIST", b""), self.metadata)
        if len(bext := found.get(b"bext", b"")) >= BEXT_BYTES:
            self.metadata.bext = bext

    def _check_tail(self, seconds: float) -> None:
        """Takes what comes after the audio, so that whoever writes it is not cut off; it should be chunks."""
        padding = (self._promised or 0) % 2
        tail = self._file.read(padding + 4)[padding:]
        if tail and not (len(tail) == 4 and is_name(tail)):
            self.damage.append(Damage("after the audio that its header tells of comes something else", seconds))
        while self._file.read1(1 << 16):
            pass

    def _decoded(self, data: bytes) -> Audio:
        with SoundFile(io.BytesIO(data), **self._form.decoder) as decoder:
            return np.ascontiguousarray(decoder.read(dtype="float32", always_2d=True).T)
