"""Bytes, spoiled a little."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Sizes and counts live at these borders.
BORDERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutated(rng: np.random.Generator, seeds: Sequence[bytes], *, most: int = 8) -> bytes:
    """One of the seeds after up to `most` changes; now and then after none."""
    data = bytearray(seeds[int(rng.integers(len(seeds)))])
    for _ in range(rng.integers(most + 1)):
        if not data:
            break
        # Headers lie in front: half of the changes hit them.
        reach = len(data) if rng.random() < 0.5 else min(len(data), 128)
        at = int(rng.integers(reach))
        length = int(rng.integers(1, 1 + min(len(data), int(2 ** rng.integers(1, 12)))))
        change(rng, data, at, length, seeds)
    return bytes(data)


def change(rng: np.random.Generator, data: bytearray, at: int, length: int, seeds: Sequence[bytes]) -> None:
    match rng.integers(8):
        case 0:
            data[at] ^= 1 << int(rng.integers(8))
        case 1:
            data[at] = int(rng.integers(256))
        case 2:  # a border, in either order of bytes
            width = int(2 ** rng.integers(4))
            value = BORDERS[rng.integers(len(BORDERS))] & ((1 << 8 * width) - 1)
            data[at : at + width] = value.to_bytes(width, "little" if rng.random() < 0.5 else "big")
        case 3:
            del data[at : at + length]
        case 4:
            data[at:at] = data[at : at + length]
        case 5:
            data[at:at] = rng.bytes(min(length, 64))
        case 6:
            del data[at:]
        case _:
            other = seeds[int(rng.integers(len(seeds)))]
            start = int(rng.integers(len(other)))
            data[at : at + length] = other[start : start + length]
