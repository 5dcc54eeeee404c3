"""Comments as Vorbis, Opus and FLAC have them; of interest is one that tells which speakers the channels are for."""

from __future__ import annotations

LAYOUT_KEY = b"WAVEFORMATEXTENSIBLE_CHANNEL_MASK="


def layout_in_comment(comment: bytes) -> int:
    """Speakers as in WAV's dwChannelMask, or 0 where the comment does not tell."""
    start = comment.upper().find(LAYOUT_KEY)
    if start < 4:
        return 0
    size = int.from_bytes(comment[start - 4 : start], "little")
    value = comment[start + len(LAYOUT_KEY) : start + size]
    try:
        return int(value, 16) & 0xFFFFFFFF
    except ValueError:
        return 0
