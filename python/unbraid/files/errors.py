"""What is said of files that cannot be read as audio."""

from __future__ import annotations


class AudioFileError(ValueError):
    """A file that cannot be read as audio, is cut short or damaged, or does not suit; the message names it."""


class DamageWarning(UserWarning):
    """A damaged file was read on request: what could be decoded is there, what is missing is named with its time."""
