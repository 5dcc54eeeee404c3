"""Finds audio files that were cut short.

pedalboard fills what is missing with silence, and says nothing. Each format tells its own length
somewhere; this module compares it with what the file holds. Formats it does not know pass.
"""

from __future__ import annotations

import functools
from typing import BinaryIO

FLAC_MAX_FRAME = 1 << 22
OGG_MAX_PAGE = 65307
ID3V1_BYTES = 128


def find_damage(file: BinaryIO) -> str | None:
    """What is missing from the file, in words, or None when it is whole as far as one can tell."""
    file.seek(0, 2)
    size = file.tell()
    file.seek(0)
    head = file.read(12)
    if head[:4] in (b"RIFF", b"RF64", b"RIFX") and head[8:] == b"WAVE":
        return damage_in_chunks(file, size, b"data", "big" if head[:4] == b"RIFX" else "little")
    if head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"):
        return damage_in_chunks(file, size, b"SSND", "big")
    if head[:4] == b"fLaC":
        return damage_in_flac(file, size)
    if head[:4] == b"OggS":
        return damage_in_ogg(file, size)
    if head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0"):
        return damage_in_mp3(file, size)
    return None


def shortfall(found: int, promised: int) -> str | None:
    if found >= promised:
        return None
    return f"cut short: it holds {found} of the {promised} bytes of audio that its header promises"


def damage_in_chunks(file: BinaryIO, size: int, audio_chunk: bytes, order: str) -> str | None:
    """WAV, RF64 and AIFF: the audio is one chunk that states its size."""
    big = order == "big"
    long_size = None
    position = 12
    while position + 8 <= size:
        file.seek(position)
        header = file.read(8)
        length = int.from_bytes(header[4:], "big" if big else "little")
        if header[:4] == b"ds64":  # RF64 keeps the size of large audio here
            long_size = int.from_bytes(file.read(16)[8:], "little")
        if header[:4] == audio_chunk:
            if length == 0xFFFFFFFF:
                if long_size is None:
                    return "its header does not say how long it is (was it written to a pipe?)"
                length = long_size
            return shortfall(size - position - 8, length)
        position += 8 + length + length % 2
    return "cut short: it ends before the audio begins"


def damage_in_ogg(file: BinaryIO, size: int) -> str | None:
    """Ogg: the last page is marked as such, and states its length."""
    file.seek(max(0, size - 2 * OGG_MAX_PAGE))
    tail = file.read()
    page = tail.rfind(b"OggS")
    header = tail[page : page + 27] if page >= 0 else b""
    if len(header) == 27 and header[5] & 4:
        segments = tail[page + 27 : page + 27 + header[26]]
        end = page + 27 + header[26] + sum(segments)
        if len(segments) == header[26] and end <= len(tail):
            return None
    return "cut short: its last page is missing"


def damage_in_mp3(file: BinaryIO, size: int) -> str | None:
    """MP3: most encoders note the number of bytes in the first frame. Without it nothing can be said."""
    start = 0
    file.seek(0)
    tag = file.read(10)
    if tag[:3] == b"ID3":
        start = 10 + sum(byte << shift for byte, shift in zip(tag[6:10], (21, 14, 7, 0), strict=True))
    file.seek(start)
    frame = file.read(256)
    note = max(frame.find(b"Xing"), frame.find(b"Info"))
    flags = frame[note + 7] if 0 <= note <= len(frame) - 16 else 0
    if not flags & 2:
        return None
    field = note + 8 + 4 * (flags & 1)
    return shortfall(size - start, int.from_bytes(frame[field : field + 4], "big"))


def damage_in_flac(file: BinaryIO, size: int) -> str | None:
    """FLAC: the header states the number of samples, and each frame its position and a checksum."""
    file.seek(8)
    info = file.read(34)
    if len(info) < 34:
        return "cut short: it ends before the audio begins"
    block_length = int.from_bytes(info[0:2], "big")
    total = int.from_bytes(info[13:18], "big") & ((1 << 36) - 1)
    if total == 0:  # unknown, or no audio
        return None
    max_frame = int.from_bytes(info[7:10], "big") or FLAC_MAX_FRAME
    file.seek(max(42, size - max_frame - ID3V1_BYTES))
    tail = file.read()
    if tail[-ID3V1_BYTES:-125] == b"TAG":
        tail = tail[:-ID3V1_BYTES]
    start = len(tail)
    while (start := tail.rfind(b"\xff", 0, start)) >= 0:
        end = flac_frame_end(tail[start : start + 16], block_length)
        if end is not None and end == total and crc(tail[start:], 16, 0x8005) == 0:
            return None
    return f"cut short: the last of its {total} samples are missing or damaged"


def flac_frame_end(header: bytes, block_length: int) -> int | None:
    """The sample after the frame that starts here, or None when no frame does."""
    if len(header) < 6 or header[1] & 0xFE != 0xF8:
        return None
    lead = 8 - (~header[4] & 0xFF).bit_length()  # the number is coded as in UTF-8
    extra = max(lead - 1, 0)
    if lead == 1 or lead > 7:
        return None
    number = header[4] & (0xFF >> (lead + 1)) if lead else header[4]
    for byte in header[5 : 5 + extra]:
        number = number << 6 | byte & 0x3F
    position = 5 + extra
    code = header[2] >> 4
    if code == 0:
        return None
    if code in (6, 7):
        length = int.from_bytes(header[position : position + code - 5], "big") + 1
        position += code - 5
    else:
        length = 192 if code == 1 else 576 << (code - 2) if code < 6 else 256 << (code - 8)
    rate_code = header[2] & 15
    position += 1 if rate_code == 12 else 2 if rate_code in (13, 14) else 0
    if crc(header[: position + 1], 8, 0x07) != 0:
        return None
    is_sample_number = header[1] & 1
    return (number if is_sample_number else number * block_length) + length


def crc(data: bytes, bits: int, polynomial: int) -> int:
    """Zero over data followed by its own checksum."""
    table = crc_table(bits, polynomial)
    mask = (1 << bits) - 1
    result = 0
    for byte in data:
        result = (result << 8 & mask) ^ table[(result >> (bits - 8)) ^ byte]
    return result


@functools.cache
def crc_table(bits: int, polynomial: int) -> list[int]:
    table = []
    for value in range(256):
        remainder = value << (bits - 8)
        for _ in range(8):
            remainder = (remainder << 1) ^ (polynomial if remainder >> (bits - 1) & 1 else 0)
        table.append(remainder & ((1 << bits) - 1))
    return table
