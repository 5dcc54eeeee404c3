"""Writes audio into open files, through pedalboard.io."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from .._checks import Audio
from .output_format import BIT_DEPTHS, FLOAT_BITS, as_integers, check_bit_depth, write_layout

__all__ = ["BIT_DEPTHS", "OutputFile"]

if TYPE_CHECKING:
    from typing import Self


class OutputFile:
    """Writes audio into an open file, in the format that `target` ends in; counts what it writes and what clips.

    Leaving its `with` ends the audio and looks whether all of it arrived. Raises OSError, naming `target`.
    """

    def __init__(
        self,
        target: Path,
        file: BinaryIO,
        sample_rate: float,
        channels: int,
        bit_depth: int | None = None,
        layout: int = 0,
    ) -> None:
        from pedalboard.io import AudioFile

        self.target = target
        self.num_samples = 0
        self.num_clipped = 0
        self.peak = 0.0
        kind = target.suffix[1:].lower()
        self._bits = check_bit_depth(kind, bit_depth)
        self._layout = (kind, channels, layout)
        with self._naming_target():
            # Through Python's file, so that a full disk raises OSError with its reason.
            self._file = file
            self._audio = AudioFile(
                file, "w", samplerate=sample_rate, num_channels=channels, bit_depth=self._bits, format=kind
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
        is_float = self._bits == FLOAT_BITS
        if audio.size and not is_float:
            level = np.abs(audio)
            self.num_clipped += int((level > 1.0).sum())
            self.peak = max(self.peak, float(level.max()))
        with self._naming_target():
            self._audio.write(audio if is_float else as_integers(audio, self._bits))
        self.num_samples += audio.shape[-1]

    def _finish(self) -> None:
        from pedalboard.io import AudioFile

        with self._naming_target():
            self._audio.close()
            write_layout(self._file, *self._layout)
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
