"""The checksums of FLAC and Ogg, at the speed of NumPy and zlib."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FLAC_CRC16, FLAC_CRC8 = 0x8005, 0x07

# Bytes with their bits reversed: Ogg's checksum is zlib's with the bits the other way round.
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def ogg_crc(page: bytes) -> int:
    """The CRC-32 of a page whose own checksum field is zero."""
    crc = zlib.crc32(page.translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(crc.to_bytes(4, "big").translate(REVERSED), "little")


def crc8(data: bytes) -> int:
    table = byte_table(8, FLAC_CRC8)
    crc = 0
    for byte in data:
        crc = table[crc ^ byte]
    return crc


def crc16s(parts: Sequence[bytes]) -> NDArray[np.uint16]:
    """The CRC-16 of each part: 0 for those that end with their own.

    All at once, by halves: the CRC of two halves is the left one's, carried over the right one's length, XOR the right
    one's; zeros in front change nothing, so the parts are brought to one length, a power of two.
    """
    length = 1 << max(1, (max(map(len, parts)) - 1).bit_length())
    padded = b"".join(part.rjust(length, b"\0") for part in parts)
    words = np.frombuffer(padded, ">u2").reshape(len(parts), -1)
    crcs: NDArray[np.uint16] = carry_table(0)[words]
    for level in range(length.bit_length() - 2):
        crcs = carry_table(level)[crcs[:, 0::2]] ^ crcs[:, 1::2]
    last: NDArray[np.uint16] = crcs[:, 0]
    return last


def first_zero_crc16(data: bytes, start: int) -> int:
    """The length of the shortest beginning, longer than `start`, that ends with its own CRC-16; -1 for none."""
    table = byte_table(16, FLAC_CRC16)
    crc = 0
    for position, byte in enumerate(data, 1):
        crc = (crc << 8 & 0xFFFF) ^ table[crc >> 8 ^ byte]
        if crc == 0 and position > start:
            return position
    return -1


@functools.cache
def byte_table(bits: int, polynomial: int) -> list[int]:
    table = []
    for value in range(256):
        remainder = value << (bits - 8)
        for _ in range(8):
            remainder = (remainder << 1) ^ (polynomial if remainder >> (bits - 1) & 1 else 0)
        table.append(remainder & ((1 << bits) - 1))
    return table


@functools.cache
def carry_table(level: int) -> NDArray[np.uint16]:
    """For every CRC-16, what it becomes after 2 ** level words of zeros; level 0 is also the CRC-16 of each word."""
    if level > 0:
        half = carry_table(level - 1)
        whole: NDArray[np.uint16] = half[half]
        return whole
    table = np.array(byte_table(16, FLAC_CRC16), np.uint16)
    words = np.arange(1 << 16)
    high = table[words >> 8]
    crcs: NDArray[np.uint16] = (high << 8).astype(np.uint16) ^ table[(high >> 8) ^ (words & 0xFF)]
    return crcs
