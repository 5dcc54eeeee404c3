"""What is said of files that cannot be read as audio."""

from __future__ import annotations


class AudioFileError(ValueError):
    """A file that cannot be read as audio, is cut short or damaged, or does not suit; the message names it."""


class OtherFormatError(AudioFileError):
    """A file of a format that only FFmpeg reads, if anything does."""


class FilmWarning(UserWarning):
    """What is no failure and should be known: gaps in the time stamps of the sound, which were filled with silence, and
    what a film had besides picture, sound and subtitles that its new container does not hold."""


class DamageWarning(UserWarning):
    """A damaged file was read on request: what could be decoded is there, what is missing is named with its time."""
