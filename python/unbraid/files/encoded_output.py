"""Writes MP3, Ogg Vorbis and Opus through soundfile; libsndfile notes delay and padding, which readers take off."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import numpy as np
from soundfile import LibsndfileError, SoundFile

from .._checks import Audio
from .audio_io import Output
from .contents import VORBIS_ORDER, Metadata
from .formats.metadata import id3_tag
from .output_format import ENCODINGS, check_encodable, kind_of
from .shifted import Shifted

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

T = TypeVar("T")
# What soundfile calls the tags that it writes.
STRINGS = {name: name for name in ("title", "artist", "album", "date", "genre", "comment", "copyright")}
STRINGS["track"] = "tracknumber"
BLOCK_LENGTH = 8192  # libsndfile's Vorbis encoder keeps a block on its stack


class EncodedFile(Output):
    """An MP3, Ogg Vorbis or Opus file, as `target` ends. Raises ValueError for audio that the format does not hold."""

    def __init__(
        self, target: Path, file: BinaryIO, sample_rate: float, channels: int, layout: int, metadata: Metadata
    ) -> None:
        super().__init__(target, clips=True)
        kind = kind_of(target)
        check_encodable(kind, sample_rate, channels, layout)
        container, subtype, spared = ENCODINGS[kind]
        # Where each of the file's channels is in ours.
        order = VORBIS_ORDER.get(channels) if kind != "mp3" else None
        self._order = None if order is None else np.argsort(order)
        self._tag = id3_tag(metadata) if kind == "mp3" else b""
        self._file = Guarded(Shifted(file, len(self._tag)))
        self._encoder = SoundFile(
            self._file,
            *("w", round(sample_rate), channels),
            format=container,
            subtype=subtype,
            compression_level=spared,
        )
        for name, value in metadata.tags.items():
            if name in STRINGS and kind != "mp3":  # whose tag, of few Latin letters, stands at the end
                setattr(self._encoder, STRINGS[name], value)

    def _write(self, *tracks: Audio) -> None:
        (audio,) = tracks
        clipped = np.clip(audio if self._order is None else audio[self._order], -1.0, 1.0).T
        with self._file.raising():
            for start in range(0, len(clipped), BLOCK_LENGTH):
                self._encoder.write(clipped[start : start + BLOCK_LENGTH])

    def _finish(self) -> None:
        with self._file.raising():
            self._encoder.close()
        self._file.seek(0)
        if self.num_samples:  # nothing at all is no stream that libsndfile would read
            with SoundFile(self._file) as written:
                self._check_length(written.frames)
        if self._tag:
            self._file.write_ahead(self._tag)

    def _abandon(self) -> None:
        self._encoder.close()


class Guarded:
    """A file for a library in C, which cannot pass an exception on: it is kept, for `raising`."""

    def __init__(self, file: Shifted) -> None:
        self._file = file
        self._error: Exception | None = None

    def write(self, data: ReadableBuffer) -> int:
        return self._kept(lambda: self._file.write(data), 0)

    def read(self, size: int = -1) -> bytes:
        return self._kept(lambda: self._file.read(size), b"")

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._kept(lambda: self._file.seek(offset, whence), 0)  # what was written before may fail now

    def tell(self) -> int:
        return self._kept(self._file.tell, 0)

    def write_ahead(self, data: bytes) -> None:
        """Fills the room at the start of the file."""
        self._file.file.seek(0)
        self._file.file.write(data)

    def _kept(self, call: Callable[[], T], instead: T) -> T:
        try:
            return call()
        except Exception as error:
            self._error = self._error or error
            return instead

    @contextlib.contextmanager
    def raising(self) -> Iterator[None]:
        try:
            yield
        except LibsndfileError:
            if self._error is None:
                raise
        if self._error is not None:
            raise self._error
