"""A look at a file's structure, by format: where the audio lies, and whether all of it is there."""

from __future__ import annotations

from typing import BinaryIO

from ..contents import Contents, Metadata
from ..errors import OtherFormatError
from ..spans import Window
from . import aiff, flac, mp3, ogg, tags, wav
from .metadata import MAX_ID3_BYTES, read_id3

KNOWN_FORMATS = "WAV, FLAC, AIFF, Ogg Vorbis, Opus and MP3 are read"


def inspect(file: BinaryIO) -> Contents:
    """Reads a file's structure once, in time linear in its size. Raises OtherFormatError for
    a format that is not looked into here, AudioFileError for one that is and makes no sense."""
    window = Window(file)
    start = tags.skip_leading(window)
    head = window.at(start, 16)
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") or head == wav.W64_RIFF:
        return wav.inspect(window, start)
    if head[:4] == b"FORM":
        return aiff.inspect(window, start)
    if head[:4] == b"fLaC":
        return flac.inspect(window, start)
    if head[:4] == b"OggS":
        return ogg.inspect(file, window, start)
    is_other = any(tags.is_other(window.at(position, 512)) for position in (0, start))
    contents = None if is_other else mp3.inspect(window, 0, window.size)
    if contents is not None and start:
        note_id3(window, contents.metadata)
    if contents is None:
        is_mp4 = window.at(4, 4) in tags.BOXES
        raise OtherFormatError("an MP4 or QuickTime file" if is_mp4 else "not an audio file of a known format")
    return contents


def inspect_beginning(file: BinaryIO, seconds: float) -> Contents | None:
    """As `inspect`, for the first seconds of a file whose structure takes long to read; `num_samples` is that of all.

    None for other files, and for those that tell their length only when all of them is read.
    """
    window = Window(file)
    start = tags.skip_leading(window)
    return flac.inspect_beginning(file, start, seconds) if window.at(start, 4) == b"fLaC" else None


def note_id3(window: Window, metadata: Metadata) -> None:
    size = tags.id3v2_size(window.at(0, 10))
    if size:
        read_id3(window.at(0, min(size, MAX_ID3_BYTES)), metadata)
