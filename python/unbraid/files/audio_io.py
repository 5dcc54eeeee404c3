"""Writes audio into open files: what all outputs share, and WAV and FLAC through pedalboard.io."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from .._checks import Audio
from .contents import Metadata
from .output_format import FLOAT_BITS, Quantizer, check_bit_depth, kind_of
from .output_headers import Headers
from .shifted import Shifted

if TYPE_CHECKING:
    from typing import Self


class Output:
    """Writes the audio of one track or several into one file; counts what it writes and what clips.

    Leaving its `with` ends the audio and looks whether all of it arrived. Raises OSError, naming `target`.
    """

    def __init__(self, target: Path, *, clips: bool) -> None:
        self.target = target
        self.num_samples = 0
        self.num_clipped = 0
        self.peak = 0.0
        self.left_out: list[str] = []  # of the input, because the format does not hold it
        self._clips = clips

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            with self._naming_target():
                self._finish()
        else:
            with contextlib.suppress(Exception):  # closing a half-written file may fail once more
                self._abandon()

    def write(self, *tracks: Audio) -> None:
        """(channels, samples) of each track, as many samples of each."""
        for audio in tracks if self._clips else ():
            if audio.size:
                level = np.abs(audio)
                self.num_clipped += int((level > 1.0).sum())
                self.peak = max(self.peak, float(level.max()))
        with self._naming_target():
            self._write(*tracks)
        self.num_samples += tracks[0].shape[-1]

    def _write(self, *tracks: Audio) -> None:
        raise NotImplementedError

    def _finish(self) -> None:
        raise NotImplementedError

    def _abandon(self) -> None:
        raise NotImplementedError

    def _check_length(self, written: int) -> None:
        if written != self.num_samples:
            raise OSError(f"{self.target}: {written} of {self.num_samples} samples were written")

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


class OutputFile(Output):
    """A WAV or FLAC file, as `target` ends."""

    def __init__(
        self,
        target: Path,
        file: BinaryIO,
        sample_rate: float,
        channels: int,
        bit_depth: int | None = None,
        layout: int = 0,
        metadata: Metadata | None = None,
    ) -> None:
        from pedalboard.io import AudioFile

        kind = kind_of(target)
        bits = check_bit_depth(kind, bit_depth)
        super().__init__(target, clips=bits != FLOAT_BITS)
        self._quantizer = None if bits == FLOAT_BITS else Quantizer(bits, target.stem)
        self._headers = Headers(kind, channels, layout, metadata or Metadata())
        with self._naming_target():
            # Through Python's file, so that a full disk raises OSError with its reason.
            self._file = file
            self._audio = AudioFile(
                cast(BinaryIO, Shifted(file, self._headers.room)),
                "w",
                samplerate=sample_rate,
                num_channels=channels,
                bit_depth=bits,
                format=kind,
            )

    def _write(self, *tracks: Audio) -> None:
        (audio,) = tracks
        self._audio.write(self._quantizer(audio) if self._quantizer else audio)

    def _finish(self) -> None:
        from pedalboard.io import AudioFile

        self._audio.close()
        self._headers.write(self._file)
        self._file.flush()
        self._file.seek(0)
        with AudioFile(self._file) as written:
            self._check_length(written.frames)

    def _abandon(self) -> None:
        self._audio.close()
