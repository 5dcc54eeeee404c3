"""WAV, its 64-bit relatives RF64, BW64 and W64, and headers that were never finished."""

from __future__ import annotations

from collections.abc import Iterable

from ..contents import Contents, Damage, Metadata
from ..errors import AudioFileError, OtherFormatError
from ..spans import Window
from . import mp3
from .chunks import Chunk, Order, SampleFormat, check_header, chunks_from, integer_subtype, is_name, is_tail, w64_chunks
from .metadata import BEXT_BYTES, MAX_BYTES, read_info

W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
PCM, FLOAT, ALAW, MULAW, MPEG, MP3, EXTENSIBLE = 0x1, 0x3, 0x6, 0x7, 0x50, 0x55, 0xFFFE
COMPRESSED = {0x2: "Microsoft ADPCM", 0x11: "IMA ADPCM", 0x31: "GSM 6.10", 0x161: "WMA", 0xFF: "AAC"}
# The ends of WAVE_FORMAT_EXTENSIBLE's subformats, after the tag: the usual, and Ambisonics.
SUBFORMATS = (bytes.fromhex("000000001000800000aa00389b71"), bytes.fromhex("00002107d3118644c8c1ca000000"))
UNKNOWN_SIZE = 0xFFFFFFFF
IMPOSSIBLE_SIZE = 1 << 62  # in 64 bits: what programs write that do not know it yet is more


def inspect(window: Window, start: int) -> Contents:
    """Raises AudioFileError for a header that does not describe audio we read."""
    head = window.at(start, 40)
    is_w64 = head[:16] == W64_RIFF
    order: Order = "big" if head[:4] == b"RIFX" else "little"
    if head[24:28] != b"wave" if is_w64 else head[8:12] != b"WAVE":
        raise OtherFormatError("not an audio file of a known format: a RIFF file, but no WAVE")
    stated = int.from_bytes(head[4:8], order)
    found: dict[bytes, bytes] = {}
    metadata = Metadata()
    chunks: Iterable[Chunk] = w64_chunks(window, start + 40) if is_w64 else chunks_from(window, start + 12, order)
    for chunk in chunks:
        if chunk.name == b"data":
            if b"fmt " not in found:
                raise AudioFileError('no audio we can read: its "fmt " chunk, which describes the audio, is missing')
            if is_w64:
                promised = chunk.size if 0 < chunk.size < IMPOSSIBLE_SIZE else None
            else:
                promised = audio_bytes(window, chunk, found.get(b"ds64", b""), start + 8 + stated, order)
            contents = contents_of(found[b"fmt "], window, chunk.start, promised, order)
            # A RIFF that was to go on beyond the end of the file has lost something, but no audio.
            has_lost = window.size < start + 8 + stated and not is_placeholder(stated)
            if promised is not None and not is_w64 and not has_lost and not contents.damage:
                check_tail(window, chunk.start + promised, order, contents)
                end = chunk.start + promised
                for later in chunks_from(window, end + end % 2, order):
                    note_metadata(window, later, metadata)
            contents.metadata = metadata
            return contents
        if chunk.name in (b"fmt ", b"ds64"):
            found.setdefault(chunk.name, window.at(chunk.start, min(chunk.size, 40)))
        note_metadata(window, chunk, metadata)
    raise AudioFileError("cut short: it ends before the audio begins")


def audio_bytes(window: Window, chunk: Chunk, ds64: bytes, riff_end: int, order: Order) -> int | None:
    """The size of the audio; None where the header was never finished: all the rest is audio then."""
    size = chunk.size
    if size == UNKNOWN_SIZE and len(ds64) >= 16:  # RF64 keeps the size of large audio there
        size = int.from_bytes(ds64[8:16], "little")
        return size if 0 < size < IMPOSSIBLE_SIZE else None
    rest = window.size - chunk.end
    if size == 0:  # as a recorder leaves it that died, unless chunks follow
        is_empty = rest <= 1 or (is_name(window.at(chunk.end, 4)) and is_tail(window, chunk.end, order))
        return 0 if is_empty else None
    if rest < 0:
        return None if is_placeholder(size) else size
    is_stale = is_placeholder(size) or riff_end <= chunk.start
    return None if is_stale and not is_tail(window, chunk.end + size % 2, order) else size


def note_metadata(window: Window, chunk: Chunk, metadata: Metadata) -> None:
    if chunk.name not in (b"LIST", b"bext") or not 0 < chunk.size <= MAX_BYTES:
        return
    body = window.at(chunk.start, chunk.size)
    if chunk.name == b"LIST":
        read_info(body, metadata)
    elif len(body) >= BEXT_BYTES:
        metadata.bext = body


def size_in_pipe(size: int, ds64: bytes) -> int | None:
    """The size of the audio in a pipe, where nobody knows what follows; None: all of it, to the end."""
    if size == UNKNOWN_SIZE and len(ds64) >= 16:
        size = int.from_bytes(ds64[8:16], "little")
        return size if 0 < size < IMPOSSIBLE_SIZE else None
    return None if size == 0 or is_placeholder(size) else size


def is_placeholder(size: int) -> bool:
    """What programs write into a pipe, where they cannot come back to the header: the most the field holds, or nearly
    (ffmpeg 0xFFFFFFFF, SoX 0x7FFFF000, arecord 0x80000000)."""
    return 0x7FFFF000 <= size <= 0x80000100 or size >= 0xFFFFFF00


def check_tail(window: Window, end: int, order: Order, contents: Contents) -> None:
    """Audio that the header does not count would be lost without a word."""
    rest = window.size - end
    if rest <= 1 or is_tail(window, end, order) or is_tail(window, end + end % 2, order):
        return
    joined = b"RIFF" in (window.at(end, 4), window.at(end + 1, 4))
    what = "another WAV file" if joined else f"{rest} bytes that its header does not count (unfinished?)"
    end_seconds = (contents.num_samples or 0) / contents.sample_rate
    contents.damage.append(Damage(f"after the audio that its header tells of comes {what}", end_seconds))


def contents_of(fmt: bytes, window: Window, start: int, promised: int | None, order: Order) -> Contents:
    """The audio as the "fmt " chunk describes it."""
    tag, layout, samples = described(fmt, order)
    if samples is not None:
        contents = samples.contents(window, start, promised)
        contents.layout = layout
        return contents
    if tag in (MP3, MPEG):
        end = window.size if promised is None else min(window.size, start + promised)
        frames = mp3.inspect(window, start, end)
        if frames is None:
            raise AudioFileError("its audio should be MP3, but no MP3 frame is found in it")
        return frames
    raise OtherFormatError(f"its audio is compressed as {COMPRESSED.get(tag, 'something unknown')} (format {tag:#x})")


def described(fmt: bytes, order: Order) -> tuple[int, int, SampleFormat | None]:
    """What the "fmt " chunk says, checked, for nothing of it reaches a decoder unseen: the format's tag, the speakers,
    and how the samples lie; None where they are compressed."""
    if len(fmt) < 16:
        raise AudioFileError(f'its "fmt " chunk has {len(fmt)} bytes, expected at least 16')
    tag, channels, rate = (int.from_bytes(fmt[a:b], order) for a, b in ((0, 2), (2, 4), (4, 8)))
    frame_bytes, bits = (int.from_bytes(fmt[a:b], order) for a, b in ((12, 14), (14, 16)))
    check_header(channels, rate)
    layout = 0
    if tag == EXTENSIBLE:
        if len(fmt) < 40 or fmt[26:40] not in SUBFORMATS:
            raise AudioFileError("its format is extended in a way we do not know")
        layout, tag = int.from_bytes(fmt[20:24], order), int.from_bytes(fmt[24:26], order)
    if tag == PCM:
        subtype = integer_subtype(bits, frame_bytes, channels, "PCM_U8")
    elif tag in (FLOAT, ALAW, MULAW):
        subtypes = {(FLOAT, 32): "FLOAT", (FLOAT, 64): "DOUBLE", (ALAW, 8): "ALAW", (MULAW, 8): "ULAW"}
        if (tag, bits) not in subtypes or frame_bytes != channels * bits // 8:
            raise AudioFileError(
                f"its samples have {bits} bits, {frame_bytes} bytes in {channels} channels; expected "
                + ("32 or 64 bits for floats" if tag == FLOAT else "8 bits for A-law and µ-law")
            )
        subtype = subtypes[tag, bits]
    else:
        return tag, layout, None
    return tag, layout, SampleFormat(subtype, rate, channels, frame_bytes, order)
