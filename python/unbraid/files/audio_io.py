"""Reads audio files in blocks and writes them whole or not at all, through pedalboard.io."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from .._checks import Audio, check_sample_rate
from .._core import MAX_CHANNELS
from .integrity import find_damage

if TYPE_CHECKING:
    from typing import Self

# What is written per format: float WAV never clips, FLAC has integers only.
BIT_DEPTHS = {"wav": 32, "flac": 24}

KNOWN_FORMATS = "WAV, FLAC, AIFF, Ogg Vorbis and MP3 are read; ffmpeg -i IN OUT.wav makes WAV of others"


class AudioFileError(ValueError):
    """A file that cannot be read as audio, is cut short, or does not suit; the message names it."""


class InputFile:
    """An audio file opened for reading, checked to be whole. Use it in a `with` statement."""

    def __init__(self, path: Path) -> None:
        from pedalboard.io import AudioFile

        self.path = path
        # Read through Python's file: pedalboard turns read errors on a path into silence.
        self._file = open_regular(path)
        try:
            damage = find_damage(self._file)
            if damage:
                raise AudioFileError(f"{path}: {damage}")
            self._file.seek(0)
            try:
                self._audio = AudioFile(self._file)
            except ValueError:
                raise AudioFileError(f"{path}: not an audio file of a known format; {KNOWN_FORMATS}") from None
            self.sample_rate = self._audio.samplerate
            try:
                check_sample_rate(self.sample_rate)
            except ValueError as error:
                raise AudioFileError(f"{path}: {error}") from None
            self.channels = self._audio.num_channels
            self.num_samples = self._audio.frames
            if not 1 <= self.channels <= MAX_CHANNELS:
                raise AudioFileError(f"{path}: has {self.channels} channels, expected 1 to {MAX_CHANNELS}")
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._audio.close()
        self._file.close()

    def blocks(self, seconds: float) -> Iterator[Audio]:
        """All of the audio, (channels, samples) at a time, checked to be finite and complete."""
        length = max(1, int(seconds * self.sample_rate))
        count = 0
        while (block := self._audio.read(length)).shape[-1]:
            finite = np.isfinite(block)
            if not finite.all():
                first = (count + int(np.argmin(finite.all(axis=0)))) / self.sample_rate
                raise AudioFileError(f"{self.path}: has a NaN or infinite sample at {first:.3f} s")
            count += block.shape[-1]
            yield block
        if count < self._audio.frames or (count == 0 and self.num_samples > 0):
            raise AudioFileError(f"{self.path}: ends after {count} of {self.num_samples} samples")


def open_regular(path: Path) -> BinaryIO:
    """Opens a file; anything but a file, as a pipe, is refused rather than waited for."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise AudioFileError(f"{path}: not a regular file")
    return path.open("rb")


class OutputFile:
    """Writes audio into an open file, in the format that `target` ends in; counts what it writes and what clips.

    Leaving its `with` ends the audio and looks whether all of it arrived. Raises OSError, naming `target`.
    """

    def __init__(self, target: Path, file: BinaryIO, sample_rate: float, channels: int) -> None:
        from pedalboard.io import AudioFile

        self.target = target
        self.num_samples = 0
        self.num_clipped = 0
        self.peak = 0.0
        kind = target.suffix[1:].lower()
        self._clips = kind != "wav"
        with self._naming_target():
            # Through Python's file, so that a full disk raises OSError with its reason.
            self._file = file
            self._audio = AudioFile(
                file, "w", samplerate=sample_rate, num_channels=channels, bit_depth=BIT_DEPTHS[kind], format=kind
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._finish()
        else:
            with contextlib.suppress(Exception):  # closing a half-written file may fail once more
                self._audio.close()

    def write(self, audio: Audio) -> None:
        if self._clips and audio.size:
            level = np.abs(audio)
            self.num_clipped += int((level > 1.0).sum())
            self.peak = max(self.peak, float(level.max()))
        with self._naming_target():
            self._audio.write(audio)
        self.num_samples += audio.shape[-1]

    def _finish(self) -> None:
        from pedalboard.io import AudioFile

        with self._naming_target():
            self._audio.close()
            self._file.flush()
            self._file.seek(0)
            with AudioFile(self._file) as written:
                if written.frames != self.num_samples:
                    raise OSError(f"{self.target}: {written.frames} of {self.num_samples} samples were written")

    @contextlib.contextmanager
    def _naming_target(self) -> Iterator[None]:
        """Lets a write error say which file; pedalboard's close() hides it as a SystemError's cause."""
        try:
            yield
        except (OSError, SystemError) as error:
            reason = error if isinstance(error, OSError) else error.__cause__
            if isinstance(reason, OSError) and reason.errno:
                raise OSError(reason.errno, reason.strerror, str(self.target)) from None
            raise
