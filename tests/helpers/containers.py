"""Audio files byte by byte, as a test wants them: right, unfinished or wrong."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unbraid.files.input_file import InputFile

from .audio import Audio

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def decoded(path: Path, *, keep_going: bool = False) -> tuple[Audio, list[str]]:
    """All that a file gives, in blocks of an odd length, and what is said to be wrong with it."""
    with InputFile(path, keep_going=keep_going) as file:
        blocks = list(file.blocks(0.1234))
        audio = np.concatenate([np.zeros((file.channels, 0), np.float32), *blocks], axis=1)
        assert audio.shape[1] == file.num_samples or file.damage or file.film  # FFmpeg's lengths are estimates
        return audio, list(map(str, file.damage))


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def pcm(audio: Audio, bits: int = 16) -> bytes:
    """Interleaved little-endian integers of 16, 24 or 32 bits."""
    integers = np.ascontiguousarray(np.rint(audio.T.astype(np.float64) * 2.0 ** (bits - 1)), "<i4")
    return integers.view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()


def fmt(
    tag: int = PCM,
    channels: int = 2,
    rate: int = 48000,
    bits: int = 16,
    *,
    frame_bytes: int | None = None,
    mask: int | None = None,
) -> bytes:
    """What WAV's "fmt " chunk holds; with a mask it is extended."""
    frame_bytes = channels * bits // 8 if frame_bytes is None else frame_bytes
    plain = struct.pack("<HIIHH", channels, rate, rate * frame_bytes % (1 << 32), frame_bytes, bits)
    if mask is None:
        return struct.pack("<H", tag) + plain
    return struct.pack("<H", EXTENSIBLE) + plain + struct.pack("<HHIH", 22, bits, mask, tag) + SUBFORMAT_TAIL


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(body) if size is None else size) + body + bytes(len(body) % 2)


def wav(
    data: bytes,
    form: bytes | None = None,
    *,
    riff: bytes = b"RIFF",
    riff_size: int | None = None,
    data_size: int | None = None,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """A WAV file of this audio; sizes as stated, or true."""
    form = fmt() if form is None else form
    body = b"WAVE" + before + chunk(b"fmt ", form) + chunk(b"data", data, data_size) + after
    return riff + struct.pack("<I", len(body) if riff_size is None else riff_size) + body


def w64(data: bytes, form: bytes, data_size: int | None = None) -> bytes:
    tail = bytes.fromhex("f3acd3118cd100c04f8edb8a")

    def part(name: bytes, body: bytes, size: int | None = None) -> bytes:
        stated = len(body) if size is None else size
        return name + tail + struct.pack("<Q", 24 + stated) + body + bytes(-len(body) % 8)

    parts = b"wave" + tail + part(b"fmt ", form) + part(b"data", data, data_size)
    riff = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
    return riff + struct.pack("<Q", 24 + len(parts)) + parts


def ogg_page(body: bytes, serial: int, number: int, granule: int, flags: int) -> bytes:
    """One page that holds one packet of less than 65,025 bytes."""
    lacing = bytes([255] * (len(body) // 255) + [len(body) % 255])
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, serial, number, 0, len(lacing)) + lacing
    return with_checksum(head + body)


def with_checksum(page: bytes) -> bytes:
    """An Ogg page with the checksum that it should have."""
    crc = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x104C11DB7 if crc & 0x80000000 else 0)
    return page[:22] + struct.pack("<I", crc) + page[26:]


def ogg_pages(data: bytes) -> list[bytes]:
    """An Ogg file's pages."""
    pages, start = [], 0
    while start < len(data):
        segments = data[start + 26]
        end = start + 27 + segments + sum(data[start + 27 : start + 27 + segments])
        pages.append(data[start:end])
        start = end
    return pages


def flac_parts(data: bytes) -> tuple[list[bytes], list[bytes]]:
    """A FLAC file's metadata blocks and its frames; those have 4096 samples, and are fewer than 128."""
    blocks, start, last = [], 4, False
    while not last:
        last = bool(data[start] & 0x80)
        end = start + 4 + int.from_bytes(data[start + 1 : start + 4], "big")
        blocks.append(data[start:end])
        start = end
    places, place = [start], start
    while (place := data.find(data[start : start + 2], place + 2)) >= 0:
        if data[place + 3] == data[start + 3] and data[place + 4] == len(places):
            places.append(place)
    return blocks, [data[low:high] for low, high in pairwise([*places, len(data)])]


BIT_RATES = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)


def mp3_frames(data: bytes, rate: int = 48000) -> list[bytes]:
    """The frames of an MPEG-1 layer III file, the encoder's note among them if there is one."""
    frames, start = [], 10 + int.from_bytes(data[6:10], "big") if data[:3] == b"ID3" else 0
    while start + 4 <= len(data) and data[start] == 0xFF:
        size = 144000 * BIT_RATES[data[start + 2] >> 4] // rate + (data[start + 2] >> 1 & 1)
        frames.append(data[start : start + size])
        start += size
    return frames


def has_note(frame: bytes) -> bool:
    return b"Xing" in frame[:64] or b"Info" in frame[:64]


def dominant(audio: Audio, tones: Sequence[NDArray[np.float32]]) -> list[int]:
    """For each channel, which tone it holds."""
    return [int(np.argmax([abs(channel[: len(tone)] @ tone[: len(channel)]) for tone in tones])) for channel in audio]
