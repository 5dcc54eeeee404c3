"""The frames of MPEG audio, and the notes that encoders leave in a frame ahead of the others (Xing, Info, VBRI)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..spans import Window

HEAD = re.compile(rb"\xff[\xe2-\xff][\x10-\xef][^\x02]", re.DOTALL)
LOOK_FRAMES = 3  # headers turn up by chance: so many in a row do not

# kbit/s by (is MPEG-1, layer), from bit rate index 1 on
BIT_RATES = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
SAMPLE_RATES = (44100, 48000, 32000)
RATE_DIVISORS = {3: 1, 2: 2, 0: 4}  # MPEG-1, MPEG-2, MPEG-2.5


@dataclass(frozen=True)
class Header:
    """What the four bytes at a frame's head say."""

    raw: bytes
    layer: int
    is_mpeg1: bool
    sample_rate: int
    channels: int
    size: int  # bytes, with the header
    num_samples: int

    @property
    def stream(self) -> tuple[int, int, int]:
        """What all frames of a stream have in common; bit rate and kind of stereo may change."""
        return self.layer, self.sample_rate, self.channels

    @property
    def note_offset(self) -> int:
        """Where an encoder's note stands: after the side information."""
        return 4 + ((32 if self.channels == 2 else 17) if self.is_mpeg1 else (17 if self.channels == 2 else 9))


def parse(data: bytes) -> Header | None:
    """None for what is no frame's head. (Free format, which states no bit rate, is none either.)"""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return None
    version, layer = data[1] >> 3 & 3, 4 - (data[1] >> 1 & 3)
    rate_index, bit_rate_index = data[2] >> 2 & 3, data[2] >> 4
    if version == 1 or layer == 4 or rate_index == 3 or bit_rate_index in (0, 15) or data[3] & 3 == 2:
        return None
    is_mpeg1 = version == 3
    sample_rate = SAMPLE_RATES[rate_index] // RATE_DIVISORS[version]
    bit_rate = 1000 * BIT_RATES[is_mpeg1, layer][bit_rate_index - 1]
    padding = data[2] >> 1 & 1
    num_samples = 384 if layer == 1 else 576 if layer == 3 and not is_mpeg1 else 1152
    size = (
        (12 * bit_rate // sample_rate + padding) * 4
        if layer == 1
        else num_samples // 8 * bit_rate // sample_rate + padding
    )
    return Header(data[:4], layer, is_mpeg1, sample_rate, 1 if data[3] >> 6 == 3 else 2, size, num_samples)


def is_free_format(data: bytes) -> bool:
    """Whether these bytes would head a frame, did they state a bit rate."""
    return len(data) == 4 and not data[2] & 0xF0 and parse(bytes([*data[:2], data[2] | 0x10, data[3]])) is not None


def next_frame(window: Window, position: int, end: int, like: Header | None) -> int:
    """Where the next frame begins that others follow; -1 for nowhere. Frames of the stream of `like`, if given."""
    while (position := window.search(HEAD, 4, position, end)) >= 0:
        if leads_on(window, position, end, like):
            return position
        position += 1
    return -1


def leads_on(window: Window, position: int, end: int, like: Header | None) -> bool:
    first = like
    for _ in range(LOOK_FRAMES):
        header = parse(window.at(position, 4))
        if header is None or (first is not None and header.stream != first.stream) or position + header.size > end:
            return False
        first = first or header
        position += header.size
        if position == end or window.at(position, 3) in (b"TAG", b"ID3", b"APE"):
            return True
    return True


@dataclass(frozen=True)
class Note:
    """What an encoder tells of the frames after its note; None for what it does not tell."""

    frames: int | None
    delay: int | None = None  # samples of silence that the encoder put in front
    padding: int = 0  # and behind
    is_exact: bool = False  # some count the frame of the note, too


def note_in(window: Window, position: int, header: Header) -> Note | None:
    """The note that the frame at a position holds, if it does; such a frame is not audio."""
    if header.layer != 3:
        return None
    at = position + header.note_offset
    name = window.at(at, 4)
    if name in (b"Xing", b"Info"):
        body = window.at(at, 160)
        flags = int.from_bytes(body[4:8], "big")
        frames = int.from_bytes(body[8:12], "big") if flags & 1 else None
        tail = body[8 + 4 * (flags & 1) + 2 * (flags & 2) + 25 * (flags & 4) + (flags & 8) // 2 :]
        if tail[:4] not in (b"LAME", b"Lavc", b"Lavf", b"GOGO") or len(tail) < 24:
            return Note(frames)
        delays = int.from_bytes(tail[21:24], "big")
        return Note(frames, delays >> 12, delays & 0xFFF, is_exact=True)
    if window.at(position + 36, 4) == b"VBRI":
        return Note(int.from_bytes(window.at(position + 50, 4), "big"))
    return None


def note_frame(header: Header, frames: int) -> bytes:
    """A frame with a note of our own, in layer III: without one decoders guess how many follow."""
    raw = bytes([header.raw[0], header.raw[1] | 1, 9 << 4 | header.raw[2] & 0x0C, header.raw[3]])
    made = parse(raw)
    assert made is not None
    note = bytes(made.note_offset - 4) + b"Info" + (1).to_bytes(4, "big") + frames.to_bytes(4, "big")
    return (raw + note).ljust(made.size, b"\0")
