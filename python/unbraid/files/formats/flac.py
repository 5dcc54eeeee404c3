"""FLAC: every frame states its place and ends with a checksum, and the header states the length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import BinaryIO

from ..contents import USUAL_LAYOUTS, Contents, Damage, Segment
from ..errors import AudioFileError
from ..spans import Piece, Spans, Window
from .checksums import crc8, crc16s, first_zero_crc16
from .chunks import check_header
from .metadata import read_comments
from .vorbis_comment import layout_in_comment

STREAMINFO, VORBIS_COMMENT = 0, 4
TOTAL_MASK = (1 << 36) - 1
HEADER_BYTES = 16  # at most
MAX_FRAME_BYTES = 1 << 22
MAX_FRAME_SAMPLES = 65535
BATCH_FRAMES, BATCH_BYTES = 64, 1 << 20
# By chance a header may seem to stand inside a frame: so many of them are looked beyond.
MAX_FALSE_HEADERS = 3


@dataclass(frozen=True, slots=True)
class Frame:
    """Positions in the file (start, end) and in the audio (first sample, number of samples)."""

    start: int
    end: int
    first: int
    length: int


def inspect(window: Window, start: int) -> Contents:
    """Raises AudioFileError for a header that does not describe audio."""
    info, comment, position = read_metadata(window, start)
    layout = layout_in_comment(comment)
    rate, channels, bits = format_of(info)
    check_header(channels, rate)
    total = int.from_bytes(info[13:18], "big") & TOTAL_MASK
    contents = Contents(rate, channels, [], layout=layout or USUAL_LAYOUTS[channels])
    read_comments(comment, contents.metadata)
    run: list[Frame] = []
    expected = None if total == 0 else 0  # a stream recorded on its way starts anywhere
    for frame in sound_frames(window, position, int.from_bytes(info[:2], "big"), total):
        first = expected or 0
        if expected is not None and frame.first < expected:
            contents.damage.append(
                Damage("another FLAC stream, which is not read, follows the one that ends", first / rate)
            )
            break
        if expected is not None and frame.first > expected:
            contents.damage.append(Damage(f"{frame.first - first} samples are missing or damaged", first / rate))
        if run and (run[-1].end != frame.start or frame.first != expected):
            contents.segments.append(segment(info, run))
            run = []
        run = [*run[:1], frame]  # the first and the last are enough
        expected = frame.first + frame.length
    if run:
        contents.segments.append(segment(info, run))
    origin = contents.segments[0].start or 0 if contents.segments and total == 0 else 0
    contents.segments = [at(each, (each.start or 0) - origin) for each in contents.segments]
    reached = (expected or 0) - origin
    if reached < total:
        what = f"cut short: {total - reached} of its {total} samples are missing or damaged, from where it ends"
        contents.damage.append(Damage(what, reached / rate))
    contents.num_samples = max(total, reached)
    contents.bits = bits
    contents.md5 = info[18:34] if any(info[18:34]) and not contents.damage else None
    return contents


def inspect_beginning(file: BinaryIO, start: int, seconds: float) -> Contents | None:
    """As `inspect`, but looks at so many seconds alone, in a time that does not grow with the file. There is a segment
    for these, and `num_samples` is that of the whole, as the header states it.

    None where the header does not state it, where the file is hardly longer, and where something is wrong already.
    """
    window = Window(file)
    info, _, position = read_metadata(window, start)
    rate, channels, bits = format_of(info)
    length = round(seconds * rate)
    # Audio that was encoded is hardly larger than it was. The frame that is cut may seem to end where it does.
    end = position + (length + 2 * MAX_FRAME_SAMPLES) * channels * bits // 8
    if end >= window.size:
        return None
    contents = inspect(Window(Spans(file, [(0, end)])), start)
    cut, *others = contents.segments or [Segment([], 0)]
    is_sound = cut.start == 0 and not others and len(contents.damage) == 1  # which is that it is cut
    if not is_sound or not length + MAX_FRAME_SAMPLES <= (cut.num_samples or 0) < (contents.num_samples or 0):
        return None
    return replace(contents, segments=[replace(cut, num_samples=length)], damage=[])


def format_of(info: bytes) -> tuple[int, int, int]:
    """Sample rate, channels, and bits of a sample, as STREAMINFO states them."""
    return (
        int.from_bytes(info[10:13], "big") >> 4,
        (info[12] >> 1 & 7) + 1,
        ((info[12] & 1) << 4 | info[13] >> 4) + 1,
    )


def read_metadata(window: Window, start: int) -> tuple[bytes, bytes, int]:
    """STREAMINFO, the comments, and where the frames begin."""
    info, comment, position = b"", b"", start + 4
    while True:
        head = window.at(position, 4)
        if len(head) < 4:
            raise AudioFileError("cut short: it ends before the audio begins")
        size = int.from_bytes(head[1:], "big")
        if head[0] & 0x7F == STREAMINFO:
            info = window.at(position + 4, 34)
        elif head[0] & 0x7F == VORBIS_COMMENT:
            comment = window.at(position + 4, size)
        position += 4 + size
        if head[0] & 0x80:
            break
    if len(info) < 34:
        raise AudioFileError("no audio we can read: its STREAMINFO block, which describes the audio, is missing")
    return info, comment, position


def segment(info: bytes, run: Sequence[Frame]) -> Segment:
    """Frames that follow one another, under a header of their own; they keep their numbers."""
    end = run[-1].first + run[-1].length
    packed = int.from_bytes(info[10:18], "big") & ~TOTAL_MASK | end & TOTAL_MASK
    header = b"fLaC\x80\0\0\x22" + info[:10] + packed.to_bytes(8, "big") + bytes(16)
    pieces: list[Piece] = [header, (run[0].start, run[-1].end)]
    return Segment(pieces, end - run[0].first, start=run[0].first)


def at(each: Segment, start: int) -> Segment:
    return Segment(each.pieces, each.num_samples, start=start)


def sound_frames(window: Window, start: int, block_length: int, total: int) -> Iterator[Frame]:
    """The frames whose checksums are right. The last one ends with the file: what follows it is left to the decoder."""
    waiting: list[Frame] = []
    for header in headers(window, start, block_length):
        waiting.append(header)
        if len(waiting) >= BATCH_FRAMES or header.start - waiting[0].start > BATCH_BYTES:
            judged = max(len(waiting) - 1 - MAX_FALSE_HEADERS, 1)
            frames, waiting = check(window, waiting, judged)
            yield from frames
    frames, _ = check(window, waiting, len(waiting) - 1)
    yield from frames
    rest = [header for header in waiting if not frames or header.start >= frames[-1].end]
    for last in [header for header in rest if header.first + header.length == total][:1] or rest[-1:]:
        data = window.at(last.start, min(window.size - last.start, MAX_FRAME_BYTES))
        if first_zero_crc16(data, 6) >= 0:
            yield Frame(last.start, window.size, last.first, last.length)


def check(window: Window, heads: Sequence[Frame], count: int) -> tuple[list[Frame], list[Frame]]:
    """The sound frames among the first `count` headers, and the headers still to be judged."""
    zero = checksums(window, [(a.start, b.start) for a, b in pairwise(heads[: count + 1])])
    frames, index = [], 0
    while index < count:
        head, end = heads[index], heads[index + 1].start
        if not zero[index]:
            is_next = heads[index + 1].first == head.first + head.length
            others = [] if is_next else [other.start for other in heads[index + 2 : index + 2 + MAX_FALSE_HEADERS]]
            end = next((end for end in [*others, *possible_ends(window, head, end)] if is_sound(window, head, end)), 0)
        if end:
            frames.append(Frame(head.start, end, head.first, head.length))
        index += 1
        while end and index < count and heads[index].start < end:
            index += 1
    return frames, list(heads[index:])


def possible_ends(window: Window, head: Frame, end: int) -> Iterator[int]:
    """Where a frame may end whose follower is broken, or belongs to another file."""
    for mark in (window.at(head.start, 2), b"fLaC", b"ID3", b"TAG"):
        place = head.start + 4
        for _ in range(MAX_FALSE_HEADERS):
            place = window.find(mark, place + 2, min(end, head.start + MAX_FRAME_BYTES))
            if place < 0:
                break
            yield place


def is_sound(window: Window, head: Frame, end: int) -> bool:
    return checksums(window, [(head.start, end)])[0]


def checksums(window: Window, spans: Sequence[tuple[int, int]]) -> list[bool]:
    """Whether each span of the file ends with its own checksum."""
    parts = [window.at(start, end - start) if end - start <= MAX_FRAME_BYTES else b"\1" for start, end in spans]
    if not parts:
        return []
    if sum(map(len, parts)) * 4 < max(map(len, parts)) * len(parts):  # one is much longer than the others
        return [bool(crc16s([part])[0] == 0) for part in parts]
    return [bool(crc == 0) for crc in crc16s(parts)]


def headers(window: Window, position: int, block_length: int) -> Iterator[Frame]:
    """All that looks like the start of a frame; a header has a checksum of its own. The ends are not known yet."""
    sync = window.at(position, 2)
    syncs = [sync] if sync in (b"\xff\xf8", b"\xff\xf9") else [b"\xff\xf8", b"\xff\xf9"]
    for_each = {each: window.find(each, position, window.size) for each in syncs}
    while found := [place for place in for_each.values() if place >= 0]:
        place = min(found)
        frame = frame_at(window.at(place, HEADER_BYTES), block_length)
        if frame is not None:
            yield Frame(place, place, *frame)
        for each in syncs:
            if for_each[each] == place:
                for_each[each] = window.find(each, place + 2, window.size)


def frame_at(header: bytes, block_length: int) -> tuple[int, int] | None:
    """The first sample and the number of samples of the frame that starts here, or None when none does."""
    if len(header) < 6 or header[1] & 0xFE != 0xF8 or header[3] & 1:
        return None
    lead = 8 - (~header[4] & 0xFF).bit_length()  # the number is coded as in UTF-8
    extra = max(lead - 1, 0)
    if lead == 1 or lead > 7:
        return None
    number = header[4] & (0xFF >> (lead + 1)) if lead else header[4]
    for byte in header[5 : 5 + extra]:
        number = number << 6 | byte & 0x3F
    position = 5 + extra
    code = header[2] >> 4
    if code == 0:
        return None
    if code in (6, 7):
        length = int.from_bytes(header[position : position + code - 5], "big") + 1
        position += code - 5
    else:
        length = 192 if code == 1 else 576 << (code - 2) if code < 6 else 256 << (code - 8)
    rate_code = header[2] & 15
    position += 1 if rate_code == 12 else 2 if rate_code in (13, 14) else 0
    if len(header) <= position or crc8(header[: position + 1]) != 0:
        return None
    is_sample_number = header[1] & 1
    return (number if is_sample_number else number * block_length), length
