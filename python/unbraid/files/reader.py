"""Audio in blocks from a file of any format: the one place that chooses what decodes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Protocol

from .._checks import Audio
from .contents import Damage
from .formats import inspect


class Reader(Protocol):
    """An audio file, opened: what it holds, and its audio once, from start to end."""

    sample_rate: int
    channels: int
    layout: int  # speakers as in WAV's dwChannelMask; 0: the file does not tell
    num_samples: int | None  # per channel, where that is known before reading
    damage: list[Damage]  # grows while the audio is read

    def blocks(self, length: int) -> Iterator[Audio]:
        """(channels, samples) float32 in WAV's order of channels, at most `length` samples each. Where something is
        missing in the middle there is silence, so that the rest stays in place."""


def open_reader(file: BinaryIO) -> Reader:
    """A reader for an open file, which stays the caller's. Raises AudioFileError for a file that cannot be read as
    audio; what is damaged is opened, and its damage listed."""
    from .soundfile_reader import SoundFileReader

    return SoundFileReader(file, inspect(file))
