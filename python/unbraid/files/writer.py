"""Audio into a file of any format: the one place that chooses what encodes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from .audio_io import Output, OutputFile
from .av_support import EXTRA, Film, load_av
from .contents import Metadata
from .output_format import ENCODINGS, RATES, kind_of


def needs_ffmpeg(target: Path) -> bool:
    return kind_of(target) not in ("wav", "flac", *ENCODINGS)


def check_writable(target: Path) -> None:
    """Raises RuntimeError for a format that nothing installed writes."""
    if needs_ffmpeg(target):
        try:
            load_av()
        except ImportError:
            raise RuntimeError(f"{target}: .{kind_of(target)} is written with {EXTRA}") from None


def open_writer(
    target: Path,
    file: BinaryIO | None,
    sample_rate: float,
    channels: int,
    bit_depth: int | None,
    layout: int,
    tracks: Sequence[str],
    metadata: Metadata,
    film: Film | None,
) -> Output:
    """A writer of these tracks into an open file, which stays the caller's, in the format that `target` ends in; None
    is for standard output.

    Raises ValueError for audio that the format does not hold, OSError.
    """
    if file is None:
        from .pipe_output import PipeOutput

        return PipeOutput(target, sample_rate, channels, bit_depth, layout)
    resampled = kind_of(target) == "opus" and sample_rate not in RATES["opus"]
    if resampled:
        check_writable(target)
    if needs_ffmpeg(target) or resampled:
        from .film_output import FilmOutput

        return FilmOutput(target, file, sample_rate, channels, bit_depth, layout, tracks, metadata, film)
    if kind_of(target) in ENCODINGS:
        from .encoded_output import EncodedFile

        return EncodedFile(target, file, sample_rate, channels, layout, metadata)
    return OutputFile(target, file, sample_rate, channels, bit_depth, layout, metadata)
