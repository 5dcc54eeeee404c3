"""Whole audio files in constant memory, read and written through pedalboard.io."""

from .audio_io import AudioFileError
from .processing import ClippingWarning, remix_file, separate_file

__all__ = ["AudioFileError", "ClippingWarning", "remix_file", "separate_file"]
