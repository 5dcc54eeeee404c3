"""Audio in blocks from a file of any format: the one place that chooses what decodes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Protocol

from .._checks import Audio
from .av_support import EXTRA, Film, load_av
from .contents import Damage, Metadata
from .errors import AudioFileError, OtherFormatError
from .formats import KNOWN_FORMATS, inspect, inspect_beginning


class Reader(Protocol):
    """An audio file, opened: what it holds, and its audio once, from start to end."""

    sample_rate: int
    channels: int
    layout: int  # speakers as in WAV's dwChannelMask; 0: the file does not tell
    num_samples: int | None  # per channel, as far as it is known before reading
    damage: list[Damage]  # grows while the audio is read
    notes: list[Damage]  # so does this: what is not damage, and should be known
    metadata: Metadata
    film: Film | None  # the rest of the file, where there is more than this track

    def blocks(self, length: int) -> Iterator[Audio]:
        """(channels, samples) float32 in WAV's order of channels, at most `length` samples each. Where something is
        missing in the middle there is silence, so that the rest stays in place."""


def open_reader(file: BinaryIO, track: int = 1) -> Reader:
    """A reader for an open file, which stays the caller's; of several audio tracks it reads one, counted from 1.

    Raises AudioFileError for a file that cannot be read as audio; what is damaged is opened, and its damage listed.
    """
    from .soundfile_reader import SoundFileReader

    try:
        contents = inspect(file)
    except OtherFormatError as error:
        return open_with_ffmpeg(file, track, str(error))
    if track != 1:
        raise AudioFileError(f"has 1 audio track, asked for number {track}")
    return SoundFileReader(file, contents)


def open_beginning(file: BinaryIO, seconds: float) -> Reader | None:
    """As `open_reader`, for the first seconds of a file of which all cannot be opened at once; None for other files.

    Its `num_samples` is that of the whole, as far as the file says what is true.
    """
    from .soundfile_reader import SoundFileReader

    contents = inspect_beginning(file, seconds)
    return None if contents is None else SoundFileReader(file, contents)


def open_pipe(file: BinaryIO, track: int = 1) -> Reader:
    """A reader of what can be read only once. Raises AudioFileError for what is no WAV."""
    from .pipe_reader import PipeReader

    if track != 1:
        raise AudioFileError(f"has 1 audio track, asked for number {track}")
    return PipeReader(file)


def open_with_ffmpeg(file: BinaryIO, track: int, why: str) -> Reader:
    try:
        load_av()
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError)
        more = f"what FFmpeg reads besides needs {EXTRA}" if absent else f"PyAV cannot be loaded: {error}"
        raise AudioFileError(f"{why}; {KNOWN_FORMATS}, {more}") from None
    from .av_reader import AvReader

    try:
        return AvReader(file, track)
    except OtherFormatError as error:
        raise AudioFileError(f"{why}; damaged, or unknown to FFmpeg as well ({error})") from None
