"""Writes audio files whole or not at all, through pedalboard.io."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import Audio
from .output_format import BIT_DEPTHS, FLOAT_BITS, as_integers, check_bit_depth, write_layout

__all__ = ["BIT_DEPTHS", "OutputFile", "OutputFiles"]

if TYPE_CHECKING:
    from typing import Self


def temporary_beside(target: Path) -> Path:
    """A name for a file until it is complete."""
    return target.with_name(f".{target.name}.{os.urandom(4).hex()}.part")


class OutputFile:
    """A file under a temporary name beside its target; counts what it writes and what clips."""

    def __init__(
        self,
        target: Path,
        sample_rate: float,
        channels: int,
        temporary: Path | None = None,
        *,
        bit_depth: int | None = None,
        layout: int = 0,
    ) -> None:
        from pedalboard.io import AudioFile

        self.target = target
        self.temporary = temporary or temporary_beside(target)
        self.num_samples = 0
        self.num_clipped = 0
        self.peak = 0.0
        kind = target.suffix[1:].lower()
        self._bits = check_bit_depth(kind, bit_depth)
        self._layout = (kind, channels, layout)
        with self._naming_target():
            # Through Python's file, so that a full disk raises OSError with its reason.
            self._file = self.temporary.open("xb+")
            try:
                self._audio = AudioFile(
                    self._file,
                    "w",
                    samplerate=sample_rate,
                    num_channels=channels,
                    bit_depth=self._bits,
                    format=kind,
                )
            except BaseException:
                self.discard()
                raise

    def write(self, audio: Audio) -> None:
        is_float = self._bits == FLOAT_BITS
        if audio.size and not is_float:
            level = np.abs(audio)
            self.num_clipped += int((level > 1.0).sum())
            self.peak = max(self.peak, float(level.max()))
        with self._naming_target():
            self._audio.write(audio if is_float else as_integers(audio, self._bits))
        self.num_samples += audio.shape[-1]

    def finish(self) -> None:
        """Closes the file and looks whether all of it arrived."""
        from pedalboard.io import AudioFile

        with self._naming_target():
            self._audio.close()
            write_layout(self._file, *self._layout)
            self._file.close()
        with self.temporary.open("rb") as file, AudioFile(file) as written:
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

    def discard(self) -> None:
        with contextlib.suppress(Exception):  # closing a half-written file may fail once more
            self._audio.close()
        with contextlib.suppress(Exception):
            self._file.close()
        self.temporary.unlink(missing_ok=True)


class OutputFiles:
    """Several files written together: on leaving the `with` all get their names, or none does."""

    def __init__(
        self,
        targets: Mapping[str, Path],
        sample_rate: float,
        channels: int,
        *,
        bit_depth: int | None = None,
        layout: int = 0,
    ) -> None:
        self._targets = targets
        self._format = (sample_rate, channels)
        self._more: dict[str, Any] = {"bit_depth": bit_depth, "layout": layout}
        self._made: list[Path] = []
        self._temporaries: list[Path] = []
        self.files: dict[str, OutputFile] = {}

    def __enter__(self) -> Self:
        try:
            for name, target in self._targets.items():
                self._make_folder(target.parent)
                # Noted first: an interruption may come at any moment.
                self._temporaries.append(temporary_beside(target))
                self.files[name] = OutputFile(target, *self._format, self._temporaries[-1], **self._more)
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if error is None:
                for file in self.files.values():
                    file.finish()
                for file in self.files.values():
                    file.temporary.replace(file.target)
        except BaseException:
            self._discard()
            raise
        if error is not None:
            self._discard()

    def _make_folder(self, folder: Path) -> None:
        """Creates a folder and its parents, to be taken back should nothing get into them."""
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(f"{folder}: not a directory")
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        self._made += missing
        folder.mkdir(parents=True, exist_ok=True)

    def _discard(self) -> None:
        for file in self.files.values():
            file.discard()
        for temporary in self._temporaries:
            temporary.unlink(missing_ok=True)
        for folder in self._made:
            with contextlib.suppress(OSError):
                folder.rmdir()
