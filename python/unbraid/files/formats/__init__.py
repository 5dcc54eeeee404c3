"""A look at a file's structure, by format: where the audio lies, and whether all of it is there."""

from __future__ import annotations

from typing import BinaryIO

from ..contents import Contents
from ..errors import AudioFileError
from ..spans import Window
from . import aiff, flac, mp3, ogg, tags, wav

KNOWN_FORMATS = "WAV, FLAC, AIFF, Ogg Vorbis, Opus and MP3 are read; ffmpeg -i IN OUT.wav makes WAV of others"


def inspect(file: BinaryIO) -> Contents:
    """Reads a file's structure once, in time linear in its size. Raises AudioFileError for what is no audio."""
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
    contents = mp3.inspect(window, 0, window.size) if not tags.is_other(head) else None
    if contents is None:
        raise AudioFileError(f"not an audio file of a known format; {KNOWN_FORMATS}")
    return contents
