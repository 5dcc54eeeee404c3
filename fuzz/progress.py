"""Where a campaign's child is, in memory that outlives it."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

LAYOUT = struct.Struct("<qqq")  # the input at work, failures so far, whether it has begun


class Progress:
    """Opened by both sides; the campaign's side says with which input to begin."""

    def __init__(self, path: Path, first: int | None = None) -> None:
        if first is not None:
            path.write_bytes(LAYOUT.pack(first, 0, 0))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), LAYOUT.size)

    def _get(self, index: int) -> int:
        return int(LAYOUT.unpack_from(self._memory)[index])

    def _add(self, index: int) -> None:
        struct.pack_into("<q", self._memory, 8 * index, self._get(index) + 1)

    @property
    def current(self) -> int:
        return self._get(0)

    @property
    def failures(self) -> int:
        return self._get(1)

    @property
    def started(self) -> bool:
        return self._get(2) > 0

    def advance(self) -> None:
        self._add(0)

    def fail(self) -> None:
        self._add(1)

    def start(self) -> None:
        self._add(2)
