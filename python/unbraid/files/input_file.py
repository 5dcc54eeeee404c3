"""An audio file as input: looked at when it is opened, read in blocks, and checked to be whole."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from .._checks import Audio, check_sample_rate
from .._core import MAX_CHANNELS
from .av_support import Film
from .contents import Damage, Metadata
from .errors import AudioFileError
from .output_format import is_standard
from .reader import Reader, open_beginning, open_pipe, open_reader

if TYPE_CHECKING:
    from typing import Self

MAX_NAMED = 3  # places of damage that a message tells


class InputFile:
    """An audio file opened for reading, or one audio track of a film, counted from 1. Use it in a `with` statement.

    Damage is an AudioFileError, when opening where the file's structure shows it, else in `blocks`. With `keep_going`
    it is collected in `damage` instead.

    To open a file takes as long as to look at all of its structure. With `beginning_seconds`, `blocks` may end after so
    many, for no more was looked at: `is_beginning` tells. `num_samples` is what the file says that all of it has.
    """

    def __init__(
        self, path: Path, *, keep_going: bool = False, track: int = 1, beginning_seconds: float | None = None
    ) -> None:
        self.path = path
        self._keep_going = keep_going
        self._file = open_input(path)
        try:
            self.is_pipe = is_pipe(self._file)
            self.version = version_of(self._file)
            try:
                beginning = self._beginning(track, beginning_seconds)
                self.is_beginning = beginning is not None
                self._reader = beginning or (open_pipe if self.is_pipe else open_reader)(self._file, track)
                check_sample_rate(self._reader.sample_rate)
            except (AudioFileError, ValueError) as error:
                raise AudioFileError(f"{path}: {error}") from None
            self.sample_rate = float(self._reader.sample_rate)
            self.channels = self._reader.channels
            self.layout = self._reader.layout
            self.num_samples = self._reader.num_samples or 0
            if not 1 <= self.channels <= MAX_CHANNELS:
                raise AudioFileError(f"{path}: has {self.channels} channels, expected 1 to {MAX_CHANNELS}")
            self._check_damage()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    @property
    def film(self) -> Film | None:
        """What else than this track is in the file; None where that is nothing."""
        return self._reader.film

    @property
    def metadata(self) -> Metadata:
        """What the file says of itself."""
        return self._reader.metadata

    @property
    def notes(self) -> list[Damage]:
        """What is not damage, and should be known."""
        return self._reader.notes

    @property
    def damage(self) -> list[Damage]:
        """What is missing or broken, as far as it was read."""
        return self._reader.damage

    def blocks(self, seconds: float) -> Iterator[Audio]:
        """All of the audio, (channels, samples) at a time, checked to be finite and complete."""
        count = 0
        for block in self._reader.blocks(max(1, int(seconds * self.sample_rate))):
            finite = np.isfinite(block)
            if not finite.all():
                first = (count + int(np.argmin(finite.all(axis=0)))) / self.sample_rate
                raise AudioFileError(f"{self.path}: has a NaN or infinite sample at {first:.3f} s")
            count += block.shape[-1]
            yield block
            self._check_damage()
        if not self.is_pipe and version_of(self._file) != self.version:
            self.damage.append(Damage("changed while it was read, which ended", count / self.sample_rate))
        self._check_damage()

    def _beginning(self, track: int, seconds: float | None) -> Reader | None:
        if seconds is None or self.is_pipe or track != 1:
            return None
        return open_beginning(self._file, seconds)

    def _check_damage(self) -> None:
        if self.damage and not self._keep_going:
            raise AudioFileError(f"{self.path}: {described(self.damage)}")


def described(damage: list[Damage]) -> str:
    """Damage in words; of many places the first ones."""
    words = "; ".join(map(str, damage[:MAX_NAMED]))
    return words if len(damage) <= MAX_NAMED else f"{words}; and {len(damage) - MAX_NAMED} more"


def version_of(file: BinaryIO) -> tuple[int, int]:
    """What changes when somebody writes to the file."""
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def open_input(path: Path) -> BinaryIO:
    """Opens a file or a pipe; "-" is standard input."""
    if is_standard(path):
        file: BinaryIO = os.fdopen(os.dup(0), "rb")
        if file.isatty():
            file.close()
            raise AudioFileError(f"{path}: standard input is a terminal; pipe a WAV file into it")
        return file
    if path.is_char_device() or path.is_block_device():
        raise AudioFileError(f"{path}: expected a file or a pipe, got a device")
    return path.open("rb")


def is_pipe(file: BinaryIO) -> bool:
    mode = os.fstat(file.fileno()).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
