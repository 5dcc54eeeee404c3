"""Room at the start of a file for what a library that writes it does not know."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Shifted(io.RawIOBase):
    """A file as if it began `offset` bytes later. Closing this does not close it."""

    def __init__(self, file: BinaryIO, offset: int) -> None:
        self.file = file
        self.offset = offset
        self.seek(0)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self.file.read(size)

    def write(self, data: ReadableBuffer) -> int:
        return self.file.write(data)

    def tell(self) -> int:
        return self.file.tell() - self.offset

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        position = self.file.seek(offset + (self.offset if whence == io.SEEK_SET else 0), whence)
        if position < self.offset:  # from the end of a file that has none yet
            position = self.file.seek(self.offset)
        return position - self.offset

    def flush(self) -> None:
        if not self.file.closed:
            self.file.flush()
