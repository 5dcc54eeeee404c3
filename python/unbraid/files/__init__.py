"""Whole audio files in constant memory."""

from .errors import AudioFileError, DamageWarning, FilmWarning
from .processing import ClippingWarning, remix_file, separate_file

__all__ = ["AudioFileError", "ClippingWarning", "DamageWarning", "FilmWarning", "remix_file", "separate_file"]
