"""Chunks, of which WAV, RF64, W64 and AIFF consist, and the samples in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..contents import Contents, Damage, Segment
from ..errors import AudioFileError
from ..spans import Window
from . import tags

MAX_CHUNKS = 4096  # a file of junk may look like millions of them
W64_ALIGNMENT = 8
UNPADDED = (b"fmt ", b"data", b"COMM", b"SSND")  # may follow a chunk of odd size at once, as some programs have it

Order = Literal["little", "big"]


@dataclass(frozen=True)
class Chunk:
    name: bytes
    start: int  # of what it holds
    size: int  # as stated

    @property
    def end(self) -> int:
        return self.start + self.size


def chunks_from(window: Window, position: int, order: Order) -> Iterator[Chunk]:
    """The chunks from a position on, until there is none where one should be."""
    for _ in range(MAX_CHUNKS):
        head = window.at(position, 8)
        if window.at(position - 1, 4) in UNPADDED:
            position -= 1
            head = window.at(position, 8)
        if len(head) < 8 or not is_name(head[:4]):
            return
        chunk = Chunk(head[:4], position + 8, int.from_bytes(head[4:], order))
        yield chunk
        position = chunk.end + chunk.size % 2


def w64_chunks(window: Window, position: int) -> Iterator[Chunk]:
    """Sony's Wave64: 16 bytes of name, 8 of size that count themselves."""
    for _ in range(MAX_CHUNKS):
        head = window.at(position, 24)
        if len(head) < 24 or not is_name(head[:4]):
            return
        size = int.from_bytes(head[16:], "little")
        if size < 24:
            return
        yield Chunk(head[:4], position + 24, size - 24)
        position += size + -size % W64_ALIGNMENT


def is_name(name: bytes) -> bool:
    return all(0x20 <= byte < 0x7F for byte in name)


@dataclass(frozen=True)
class SampleFormat:
    """How samples lie in a chunk: what soundfile calls it, and the bytes of one moment in all channels."""

    subtype: str
    sample_rate: int
    channels: int
    frame_bytes: int
    order: Order

    @property
    def decoder(self) -> dict[str, str | int]:
        """What soundfile must be told of such samples."""
        return {
            "format": "RAW",
            "subtype": self.subtype,
            "samplerate": self.sample_rate,
            "channels": self.channels,
            "endian": self.order.upper(),
        }

    def contents(self, window: Window, start: int, promised: int | None) -> Contents:
        """Audio that starts here: `promised` bytes, or up to the end of the file."""
        held = window.size - start
        count = max(0, min(held, held if promised is None else promised)) // self.frame_bytes
        pieces = [(start, start + count * self.frame_bytes)]
        contents = Contents(
            self.sample_rate,
            self.channels,
            [Segment(pieces, count)] if count else [],
            count,
            decoder=self.decoder,
        )
        if promised is not None and held < promised:
            what = f"cut short: it holds {held} of the {promised} bytes of audio that its header promises, and ends"
            contents.damage.append(Damage(what, count / self.sample_rate))
        return contents


def integer_subtype(bits: int, frame_bytes: int, channels: int, eight: str) -> str:
    """What soundfile calls integers of so many bits; they fill whole bytes, from the highest bit down."""
    width = (bits + 7) // 8
    if not 1 <= bits <= 32 or frame_bytes != width * channels:
        raise AudioFileError(
            f"its samples have {bits} bits, {frame_bytes} bytes in {channels} channels; expected 8, 16, 24 or 32 bits"
        )
    return (eight, "PCM_16", "PCM_24", "PCM_32")[width - 1]


def check_header(channels: int, sample_rate: float) -> None:
    if channels < 1 or not 1 <= sample_rate < 1 << 31:
        raise AudioFileError(f"its header tells of {channels} channels at {sample_rate:g} Hz")


def is_tail(window: Window, position: int, order: Order) -> bool:
    """Whether what follows the audio are chunks, tags or zeros, as it should be."""
    for chunk in chunks_from(window, position, order):
        if (
            chunk.end > window.size + 1
            or chunk.name in (b"RIFF", b"FORM", b"data")
            or tags.tag_size(window, chunk.start - 8)
        ):
            break
        position = chunk.end + chunk.size % 2
    return tags.skip_tags(window, position, window.size) >= window.size - 1
