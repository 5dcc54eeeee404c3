"""Ogg: Vorbis, Opus or FLAC in numbered pages with checksums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from ..contents import USUAL_LAYOUTS, VORBIS_ORDER, Contents, Damage, Metadata, Segment
from ..errors import AudioFileError, OtherFormatError
from ..spans import Piece, Spans, Window
from . import flac
from .chunks import check_header
from .metadata import MAX_BYTES, read_comments
from .ogg_pages import NO_GRANULE, Page, Stream, read_streams

OPUS_RATE = 48000  # in which its granules count
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)  # that its decoder gives
FLAC_MAPPING_BYTES = 9  # ahead of the FLAC stream as it is in a file of its own
MAX_COMMENT_PAGES = 16  # there may be a picture in the comments; tags come first
MAX_LOST_AT_START = 3  # pages; after more the audio's counts are taken to begin before the file does
MARKS = {b"\x01vorbis": "Vorbis", b"OpusHead": "Opus", b"\x7fFLAC": "FLAC"}
OTHER_MARKS = {b"Speex": "Speex", b"\x80theora": "Theora", b"fishead": "Skeleton", b"PCM ": "PCM", b"CELT": "CELT"}


@dataclass(frozen=True)
class Codec:
    """What the first packet of a stream says."""

    name: str
    sample_rate: int  # that the decoder gives
    granule_rate: int
    channels: int
    layout: int
    header_packets: int
    pre_skip: int = 0


def inspect(file: BinaryIO, window: Window, start: int) -> Contents:
    """Raises AudioFileError for a codec that is not read."""
    streams = read_streams(window, start)
    audio = [stream for stream in streams if name_of(stream, MARKS)]
    if not audio:
        names = sorted({name_of(stream, OTHER_MARKS) or "something unknown" for stream in streams})
        held = f"but {' and '.join(names)}" if names else "but no stream that is whole"
        raise OtherFormatError(f"an Ogg file with neither Vorbis, Opus nor FLAC in it, {held}")
    if len(audio) > 1 and audio[1].pages[0].start < audio[0].pages[-1].start:
        raise OtherFormatError("an Ogg file with more than one audio stream at a time")
    if name_of(audio[0], MARKS) == "FLAC":
        return inspect_flac(file, audio)
    return inspect_granules(window, audio)


def name_of(stream: Stream, marks: dict[bytes, str]) -> str:
    return next((name for mark, name in marks.items() if stream.first.startswith(mark)), "")


def codec_of(stream: Stream) -> Codec:
    first = stream.first
    if name_of(stream, MARKS) == "Vorbis":
        channels, rate = first[11], int.from_bytes(first[12:16], "little")
        check_header(channels, rate)
        return Codec("Vorbis", rate, rate, channels, USUAL_LAYOUTS.get(channels, 0), 3)
    if len(first) < 19:
        raise AudioFileError("its first packet, which describes the audio, is too short")
    channels, asked = first[9], int.from_bytes(first[12:16], "little")
    check_header(channels, OPUS_RATE)
    layout = USUAL_LAYOUTS.get(channels, 0) if first[18] <= 1 else 0
    rate = asked if asked in OPUS_RATES else OPUS_RATE
    return Codec("Opus", rate, OPUS_RATE, channels, layout, 2, int.from_bytes(first[10:12], "little"))


def inspect_granules(window: Window, streams: Sequence[Stream]) -> Contents:
    """Vorbis and Opus: what a page's granule says of the time keeps the audio in place where pages are missing."""
    codec = codec_of(streams[0])
    order = VORBIS_ORDER.get(codec.channels) if codec.layout else None
    contents = Contents(codec.sample_rate, codec.channels, [], layout=codec.layout, order=order)
    done = 0.0  # seconds, of the streams before
    for stream in streams:
        same = name_of(stream, MARKS) == codec.name and replace(codec_of(stream), pre_skip=codec.pre_skip) == codec
        if not same:
            contents.damage.append(Damage("a stream of another format, which is not read, follows", done))
            break
        runs = stream.runs()
        head = header_pages(runs[0], codec.header_packets)
        reached = 0
        for run in runs:
            if run is runs[0] and stream is streams[0]:
                note_comments(window, head, contents.metadata)
            if run is not runs[0]:
                contents.damage.append(Damage("pages are missing or damaged", done + reached / codec.granule_rate))
            body = run[len(head) :] if run is runs[0] else run
            granule = last_granule(body)
            if granule is None:
                continue
            joined = reached == 0 and run[0].number - runs[0][-1].number > MAX_LOST_AT_START  # a stream on its way
            known = run is not runs[0] and not joined
            scale = codec.sample_rate / codec.granule_rate
            end, after = round((granule - codec.pre_skip) * scale), round(reached * scale)
            pieces = merged((page.start, page.end) for page in [*head, *body])
            contents.segments.append(Segment(pieces, end=end, after=after if known else None))
            reached = granule
        done += max(0, reached - codec.pre_skip) / codec.granule_rate
        if not stream.is_ended:
            contents.damage.append(Damage("cut short: its last page is missing, it ends", done))
    return contents


def note_comments(window: Window, head: Sequence[Page], metadata: Metadata) -> None:
    """What the second packet says."""
    data = b"".join(window.at(page.body, min(page.end - page.body, MAX_BYTES)) for page in head[:MAX_COMMENT_PAGES])
    for mark in (b"\x03vorbis", b"OpusTags"):
        start = data.find(mark)
        if start >= 0:
            read_comments(data[start + len(mark) :], metadata)
            return


def header_pages(run: Sequence[Page], count: int) -> list[Page]:
    """The pages of the first packets, without which nothing can be decoded; audio begins on a page of its own."""
    packets = 0
    for index, page in enumerate(run, 1):
        packets += page.packets
        if packets >= count:
            return list(run[:index])
    raise AudioFileError("damaged in its headers, without which nothing can be decoded")


def last_granule(pages: Sequence[Page]) -> int | None:
    return next((page.granule for page in reversed(pages) if page.granule != NO_GRANULE), None)


def merged(spans: Iterable[tuple[int, int]]) -> list[Piece]:
    """Spans as pieces, those that touch in one."""
    result: list[tuple[int, int]] = []
    for start, end in spans:
        if result and result[-1][1] == start:
            result[-1] = (result[-1][0], end)
        else:
            result.append((start, end))
    return list(result)


def inspect_flac(file: BinaryIO, streams: Sequence[Stream]) -> Contents:
    """FLAC: what the pages hold is a FLAC stream as it would be in a file of its own."""
    pages = streams[0].pages
    spans = [(page.body, page.end) for page in pages]
    spans[0] = (spans[0][0] + FLAC_MAPPING_BYTES, spans[0][1])
    inner = Spans(file, merged(spans))
    contents = flac.inspect(Window(inner), 0)
    if inner.error:
        raise inner.error
    contents.segments = [
        replace(segment, pieces=[part for piece in segment.pieces for part in outer(inner, piece)])
        for segment in contents.segments
    ]
    end = (contents.num_samples or 0) / contents.sample_rate
    if not streams[0].is_ended and not contents.damage:
        contents.damage.append(Damage("cut short: its last page is missing, it ends", end))
    if len(streams) > 1:
        contents.damage.append(Damage("another stream, which is not read, follows the one that ends", end))
    return contents


def outer(inner: Spans, piece: Piece) -> list[Piece]:
    return [piece] if isinstance(piece, bytes) else inner.cut(*piece)
