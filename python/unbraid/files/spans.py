"""Random access to a file, and parts of a file shown to a decoder as if they were one."""

from __future__ import annotations

import bisect
import io
import os
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Bytes that are put in, or (start, end) in the file.
Piece = bytes | tuple[int, int]

WINDOW_BYTES = 1 << 18


class Window:
    """Reads of a few bytes anywhere in a file, cheap when they go forward; holds one stretch of it in memory."""

    def __init__(self, file: BinaryIO | Spans) -> None:
        self._file = file
        self.size = file.seek(0, io.SEEK_END)
        self._start = 0
        self._held = b""

    def at(self, position: int, count: int) -> bytes:
        """`count` bytes from `position` on; fewer where the file ends."""
        count = min(count, self.size - position)
        if count <= 0:
            return b""
        offset = position - self._start
        if offset < 0 or offset + count > len(self._held):
            self._file.seek(position)
            self._start, self._held = position, self._file.read(max(count, WINDOW_BYTES)) or b""
            offset = 0
        return self._held[offset : offset + count]

    def find(self, pattern: bytes, position: int, end: int) -> int:
        """Where these bytes begin next, from `position` on and wholly before `end`; -1 for nowhere."""
        return self.search(re.compile(re.escape(pattern)), len(pattern), position, end)

    def search(self, pattern: re.Pattern[bytes], length: int, position: int, end: int) -> int:
        """As `find`, for a pattern of so many bytes."""
        while position + length <= end:
            count = min(WINDOW_BYTES, end - position)
            found = pattern.search(self.at(position, count))
            if found:
                return position + found.start()
            position += max(count - length + 1, 1)
        return -1

    def is_zero(self, start: int, end: int) -> bool:
        return all(
            not any(self.at(position, min(WINDOW_BYTES, end - position)))
            for position in range(start, end, WINDOW_BYTES)
        )


class Apart:
    """A file on the disk, read at a position of its own, so that threads do not move each other's."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._position = file, 0

    def seek(self, position: int) -> None:
        self._position = position

    def read(self, count: int) -> bytes:
        part = os.pread(self._file.fileno(), count, self._position)
        self._position += len(part)
        return part


class Spans(io.RawIOBase):
    """Pieces of a file as one file. A decoder in C cannot pass an exception on: `error` keeps it."""

    def __init__(self, file: BinaryIO | Apart, pieces: Sequence[Piece]) -> None:
        self._file = file
        self._pieces = pieces
        lengths = (len(piece) if isinstance(piece, bytes) else piece[1] - piece[0] for piece in pieces)
        self._starts = [0, *accumulate(lengths)]
        self._position = 0
        self.error: Exception | None = None

    def cut(self, start: int, end: int) -> list[Piece]:
        """The pieces that hold what lies between two positions."""
        found: list[Piece] = []
        index = bisect.bisect_right(self._starts, start) - 1
        while index < len(self._pieces) and self._starts[index] < end:
            piece, first = self._pieces[index], self._starts[index]
            low, high = max(start - first, 0), min(end, self._starts[index + 1]) - first
            found.append(piece[low:high] if isinstance(piece, bytes) else (piece[0] + low, piece[0] + high))
            index += 1
        return found

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._starts[-1]}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view) and self._position < self._starts[-1] and not self.error:
            try:
                part = self._next(len(view) - done)
            except Exception as error:
                self.error = error
                break
            view[done : done + len(part)] = part
            done += len(part)
            self._position += len(part)
        return done

    def _next(self, count: int) -> bytes:
        """At most `count` bytes, as far as one piece holds them."""
        index = bisect.bisect_right(self._starts, self._position) - 1
        piece, offset = self._pieces[index], self._position - self._starts[index]
        if isinstance(piece, bytes):
            return piece[offset : offset + count]
        start = piece[0] + offset
        self._file.seek(start)
        part = self._file.read(min(count, piece[1] - start))
        if not part:
            raise EOFError("it was shortened while it was read")
        return part
