"""Files that are read while they are still being written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

BLOCK_BYTES = 1 << 18


class GrowingFile:
    """A file that one thread appends to and others read; a reader waits for what is still to come.

    `total` is how many bytes it will hold, where that is known.
    """

    def __init__(self, path: Path, total: int | None = None) -> None:
        self.path = path
        self.total = total
        self.size = 0
        self._ended = False
        self._file = path.open("xb")
        self._grown = threading.Condition()

    def append(self, data: bytes) -> None:
        self._file.write(data)
        self._file.flush()
        with self._grown:
            self.size += len(data)
            self._grown.notify_all()

    def end(self) -> None:
        """Nothing will be appended any more; those who wait go away with what there is."""
        with self._grown:
            self._ended = True
            self._grown.notify_all()
        self._file.close()

    def read(self, start: int, stop: int) -> bytes:
        """What is there by now of the bytes from `start` up to `stop`."""
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(max(0, min(stop, self.size) - start))

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from `start` up to `stop` as they come; fewer where the file ends before."""
        with self.path.open("rb") as file:
            file.seek(start)
            while start < stop:
                with self._grown:
                    self._grown.wait_for(lambda: self.size > start or self._ended)  # noqa: B023 - called at once
                    count = min(self.size, stop, start + BLOCK_BYTES) - start
                if count <= 0:
                    return
                yield file.read(count)
                start += count
