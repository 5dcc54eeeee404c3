"""The headers of outputs: WAV's format chunk; what pedalboard leaves out, speakers, tags, who recorded it when."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO

from .contents import USUAL_LAYOUTS, Metadata
from .formats.metadata import comments_of, info_chunks
from .formats.vorbis_comment import LAYOUT_KEY
from .formats.wav import EXTENSIBLE, FLOAT, PCM, SUBFORMATS
from .output_format import FLOAT_BITS

FLAC_COMMENT, FLAC_PADDING, FLAC_LAST = 4, 1, 0x80
STREAMINFO_END = 4 + 4 + 34
MAX_RIFF_BYTES = 0xFFFFFFFF


class Headers:
    """The headers of a WAV or FLAC file. pedalboard is to write the file from `room` bytes on, as if from its start."""

    def __init__(self, kind: str, channels: int, layout: int, metadata: Metadata) -> None:
        self._kind = kind
        self._channels = channels
        self._layout = layout
        self._chunks = info_chunks(metadata) if kind == "wav" else b""
        comments = comments_of(metadata) if kind == "flac" else []
        if kind == "flac" and layout not in (0, USUAL_LAYOUTS.get(channels)):
            comments.append(LAYOUT_KEY + f"{layout:#X}".replace("X", "x").encode())
        self._comments = comment_block(comments) if comments else b""
        self.room = len(self._chunks or self._comments)

    def write(self, file: BinaryIO) -> None:
        """Completes a finished file."""
        if self._kind == "wav":
            if self._channels > 2:
                self._write_speakers(file)
            if self._chunks:
                self._write_chunks(file)
        elif self._comments:
            self._write_comments(file)

    def _write_speakers(self, file: BinaryIO) -> None:
        file.seek(self.room)
        start = self.room + file.read(512).find(b"fmt ") + 8
        file.seek(start)
        if int.from_bytes(file.read(2), "little") == EXTENSIBLE:
            file.seek(start + 20)
            file.write(self._layout.to_bytes(4, "little"))

    def _write_chunks(self, file: BinaryIO) -> None:
        """Ahead of the others, where players look for them, but behind RF64's sizes, which come first."""
        file.seek(self.room)
        head = file.read(20)
        size = int.from_bytes(head[4:8], "little")
        start = head[:12]
        if head[:4] == b"RF64":
            file.seek(self.room + 12)
            sizes = bytearray(file.read(8 + int.from_bytes(head[16:20], "little")))
            sizes[8:16] = (int.from_bytes(sizes[8:16], "little") + self.room).to_bytes(8, "little")
            start += sizes
        elif size + self.room <= MAX_RIFF_BYTES:
            start = head[:4] + (size + self.room).to_bytes(4, "little") + head[8:12]
        file.seek(0)
        file.write(start + self._chunks)

    def _write_comments(self, file: BinaryIO) -> None:
        """In place of the metadata that pedalboard writes after STREAMINFO; they say nothing."""
        file.seek(self.room)
        start = file.read(STREAMINFO_END)
        position = self.room + STREAMINFO_END
        is_last = bool(start[4] & FLAC_LAST)
        while not is_last:
            file.seek(position)
            head = file.read(4)
            position += 4 + int.from_bytes(head[1:], "big")
            is_last = bool(head[0] & FLAC_LAST)
        padding = position - len(start) - len(self._comments) - 4
        file.seek(0)
        file.write(start[:4] + bytes([start[4] & ~FLAC_LAST]) + start[5:] + self._comments)
        file.write(bytes([FLAC_PADDING | FLAC_LAST]) + padding.to_bytes(3, "big") + bytes(padding))


def wav_form(sample_rate: int, channels: int, bits: int, layout: int, *, extensible: bool) -> bytes:
    """What a WAV file's `fmt ` chunk holds. Only the extensible kind names speakers."""
    tag = FLOAT if bits == FLOAT_BITS else PCM
    frame_bytes = channels * bits // 8
    form = struct.pack("<HIIHH", channels, sample_rate, sample_rate * frame_bytes, frame_bytes, bits)
    if extensible:
        return struct.pack("<H", EXTENSIBLE) + form + struct.pack("<HHIH", 22, bits, layout, tag) + SUBFORMATS[0]
    return struct.pack("<H", tag) + form


def comment_block(comments: Sequence[bytes]) -> bytes:
    """FLAC's block of comments, with its head."""
    body = bytes(4) + len(comments).to_bytes(4, "little")
    body += b"".join(len(comment).to_bytes(4, "little") + comment for comment in comments)
    return bytes([FLAC_COMMENT]) + len(body).to_bytes(3, "big") + body
