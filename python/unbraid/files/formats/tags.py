"""Tags that may stand around audio in any format, and the marks of formats that are none of ours."""

from __future__ import annotations

from ..spans import Window

ID3V1_BYTES = 128
MAX_LYRICS_BYTES = 1 << 16
# Starts of files that hold no audio we read: not to be searched for MP3 frames, which turn up by chance.
OTHERS = (
    *(b"PK\x03\x04", b"\x1f\x8b", b"%PDF", b"\x7fELF", b"\x89PNG", b"GIF8", b"\xff\xd8\xff"),
    *(b"\x1aE\xdf\xa3", b"0&\xb2u", b"caff", b".snd", b"FLV", b".RMF", b"\0\0\1\xba", b"#!AMR"),
    *(b"MAC ", b"wvpk", b"TTA", b"tBaK", b"MPCK", b"MP+", b"DSD ", b"\x0bw", b"\x7f\xfe\x80\1"),
)
BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")  # that MP4 and QuickTime begin with
TS_SYNC, TS_PACKETS = 0x47, ((0, 188), (4, 192))  # MPEG transport streams: where a packet's mark is, and its length


def id3v2_size(head: bytes) -> int:
    """The length of the ID3v2 tag that starts with these ten bytes, or 0 when none does."""
    if len(head) < 10 or head[:3] != b"ID3" or any(byte & 0x80 for byte in head[6:10]) or head[3] == 0xFF:
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte
    return 10 + size + (10 if head[5] & 0x10 else 0)


def tag_size(window: Window, position: int) -> int:
    """The length of the tag that starts here, or 0."""
    head = window.at(position, 32)
    if size := id3v2_size(head):
        return size
    if head[:3] == b"TAG":
        return ID3V1_BYTES
    if head[:8] == b"APETAGEX" and len(head) == 32:
        is_header = int.from_bytes(head[20:24], "little") & 1 << 29
        return 32 + (int.from_bytes(head[12:16], "little") if is_header else 0)
    if head[:11] == b"LYRICSBEGIN":
        end = window.find(b"LYRICS200", position, min(position + MAX_LYRICS_BYTES, window.size))
        return end + 9 - position if end >= 0 else 0
    return 0


def skip_leading(window: Window) -> int:
    """The position after ID3v2 tags and the zeros that may pad them, at the start of a file."""
    position = 0
    while (size := id3v2_size(window.at(position, 10))) and position + size < window.size:
        position += size
    return skip_zeros(window, position, window.size)


def skip_zeros(window: Window, position: int, end: int) -> int:
    while position < end:
        part = window.at(position, min(1 << 16, end - position))
        rest = part.lstrip(b"\0")
        position += len(part) - len(rest)
        if rest or not part:
            break
    return position


def skip_tags(window: Window, position: int, end: int) -> int:
    """The position after tags and zeros that follow one another; what is neither stays."""
    while position < end:
        size = tag_size(window, position)
        after = position + size if size else skip_zeros(window, position, end)
        if after == position or after > end:  # a tag that claims more than there is, is not believed
            break
        position = after
    return position


def is_other(head: bytes) -> bool:
    """Whether a file that begins so, with some hundred bytes, is of a format that is not ours."""
    is_adts = head[0:1] == b"\xff" and len(head) > 1 and head[1] & 0xF6 == 0xF0  # AAC without a container
    return head.startswith(OTHERS) or head[4:8] in BOXES or is_adts or is_transport_stream(head)


def is_transport_stream(head: bytes) -> bool:
    return any(
        len(head) > first + 2 * length and all(head[first + n * length] == TS_SYNC for n in range(3))
        for first, length in TS_PACKETS
    )


def is_footed(window: Window, start: int, end: int) -> bool:
    """Whether all from a position to the end is an APEv2 tag that shows itself only at its end."""
    if window.at(max(start, end - ID3V1_BYTES), 3) == b"TAG":
        end -= ID3V1_BYTES
    foot = window.at(max(start, end - 32), 32)
    return foot[:8] == b"APETAGEX" and int.from_bytes(foot[12:16], "little") >= end - start
