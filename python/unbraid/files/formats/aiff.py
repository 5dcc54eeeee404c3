"""AIFF, and AIFF-C as far as it is not compressed."""

from __future__ import annotations

from ..contents import Contents
from ..errors import AudioFileError, OtherFormatError
from ..spans import Window
from .chunks import Chunk, Order, SampleFormat, check_header, chunks_from, integer_subtype

# Compression types: what soundfile calls the samples (None: integers, by their size), and their byte order.
TYPES: dict[bytes, tuple[str | None, Order]] = {
    b"NONE": (None, "big"),
    b"twos": (None, "big"),
    b"sowt": (None, "little"),
    b"in24": (None, "big"),
    b"in32": (None, "big"),
    b"raw ": ("PCM_U8", "big"),
    b"fl32": ("FLOAT", "big"),
    b"FL32": ("FLOAT", "big"),
    b"fl64": ("DOUBLE", "big"),
    b"FL64": ("DOUBLE", "big"),
    b"alaw": ("ALAW", "big"),
    b"ALAW": ("ALAW", "big"),
    b"ulaw": ("ULAW", "big"),
    b"ULAW": ("ULAW", "big"),
}
WIDTHS = {"PCM_U8": 1, "ALAW": 1, "ULAW": 1, "FLOAT": 4, "DOUBLE": 8}
MAX_EXPONENT = 16383 + 31  # of a sample rate that fits 32 bits


def inspect(window: Window, start: int) -> Contents:
    """Raises AudioFileError for a header that does not describe audio we read."""
    form = window.at(start + 8, 4)
    if form not in (b"AIFF", b"AIFC"):
        raise OtherFormatError("not an audio file of a known format: an IFF file, but no AIFF")
    common = sound = None
    for chunk in chunks_from(window, start + 12, "big"):
        if chunk.name == b"COMM" and common is None:
            common = window.at(chunk.start, min(chunk.size, 22))
        if chunk.name == b"SSND" and sound is None:
            sound = chunk
        if common is not None and sound is not None:
            return contents_of(common, form == b"AIFC", window, sound)
    if sound is not None:
        raise AudioFileError('no audio we can read: its "COMM" chunk, which describes the audio, is missing')
    raise AudioFileError("cut short: it ends before the audio begins")


def contents_of(common: bytes, is_aifc: bool, window: Window, sound: Chunk) -> Contents:
    if len(common) < (22 if is_aifc else 18):
        raise AudioFileError(f'its "COMM" chunk has {len(common)} bytes, expected {22 if is_aifc else 18} or more')
    channels, total, bits = (int.from_bytes(common[a:b], "big") for a, b in ((0, 2), (2, 6), (6, 8)))
    rate = extended(common[8:18])
    check_header(channels, rate)
    kind = common[18:22] if is_aifc else b"NONE"
    if kind not in TYPES:
        raise OtherFormatError(f"its audio is compressed as {kind.decode('latin-1')!r}")
    subtype, order = TYPES[kind]
    width = WIDTHS[subtype] if subtype else (bits + 7) // 8
    frame_bytes = width * channels
    subtype = subtype or integer_subtype(bits, frame_bytes, channels, "PCM_S8")
    offset = int.from_bytes(window.at(sound.start, 4), "big")
    start = sound.start + 8 + offset
    promised: int | None = total * frame_bytes
    if total == 0 and sound.size in (0, 8) and window.size - start > 1:  # written to a pipe, or never finished
        promised = None
    elif sound.size > 8 + offset and sound.end <= window.size and sound.size - 8 - offset < total * frame_bytes:
        raise AudioFileError(
            f"its header promises {total} samples, but its audio chunk has room for "
            f"{(sound.size - 8 - offset) // frame_bytes}"
        )
    return SampleFormat(subtype, round(rate), channels, frame_bytes, order).contents(window, start, promised)


def extended(data: bytes) -> float:
    """An 80-bit float, as AIFF has it for the sample rate; 0 for what is no rate."""
    exponent, mantissa = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:], "big")
    if not 16383 <= exponent <= MAX_EXPONENT:
        return 0.0
    return float(mantissa) * 2.0 ** (exponent - 16383 - 63)
