"""Tags in their several forms: ID3, Vorbis comments and WAV's INFO, by the names that FFmpeg has for them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from ..contents import Metadata

# By name: the key in Vorbis comments, WAV's INFO, and ID3 (2.2, then 2.3 and 2.4).
KEYS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "title": ("TITLE", "INAM", ("TT2", "TIT2")),
    "artist": ("ARTIST", "IART", ("TP1", "TPE1")),
    "album": ("ALBUM", "IPRD", ("TAL", "TALB")),
    "album_artist": ("ALBUMARTIST", "IAAR", ("TP2", "TPE2")),
    "composer": ("COMPOSER", "IMUS", ("TCM", "TCOM")),
    "date": ("DATE", "ICRD", ("TYE", "TYER", "TDRC")),
    "track": ("TRACKNUMBER", "ITRK", ("TRK", "TRCK")),
    "genre": ("GENRE", "IGNR", ("TCO", "TCON")),
    "comment": ("COMMENT", "ICMT", ("COM", "COMM")),
    "copyright": ("COPYRIGHT", "ICOP", ("TCR", "TCOP")),
}
MAX_ID3_BYTES = 1 << 24  # a tag with pictures
MAX_BYTES = 1 << 16  # of a form with all of its tags; longer ones are pictures, or no tags
BY_COMMENT = {keys[0]: name for name, keys in KEYS.items()} | {"DESCRIPTION": "comment"}
BY_INFO = {keys[1].encode(): name for name, keys in KEYS.items()} | {b"IPRT": "track"}
BY_ID3 = {key.encode(): name for name, keys in KEYS.items() for key in keys[2]}
ID3_ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")
BEXT_BYTES = 602  # of a "bext" chunk at least


def read_known(tags: Mapping[str, str]) -> dict[str, str]:
    """Those of FFmpeg's tags that all forms have."""
    lowered = {key.lower(): value for key, value in tags.items()}
    return {name: lowered[name] for name in KEYS if lowered.get(name)}


def read_comments(body: bytes, metadata: Metadata) -> None:
    """Vorbis comments: FLAC's block, or what follows the mark of Vorbis's and Opus's second packet."""
    position = 4 + int.from_bytes(body[:4], "little")
    count = int.from_bytes(body[position : position + 4], "little")
    position += 4
    for _ in range(min(count, MAX_BYTES)):
        size = int.from_bytes(body[position : position + 4], "little")
        key, equals, value = body[position + 4 : position + 4 + size].partition(b"=")
        position += 4 + size
        if position > len(body):
            return
        if equals and size < MAX_BYTES:
            metadata.add(BY_COMMENT.get(key.decode("ascii", "replace").upper()), value.decode("utf-8", "replace"))


def read_info(body: bytes, metadata: Metadata) -> None:
    """A LIST chunk of type INFO."""
    position = 4 if body[:4] == b"INFO" else len(body)
    while position + 8 <= len(body):
        size = int.from_bytes(body[position + 4 : position + 8], "little")
        metadata.add(BY_INFO.get(body[position : position + 4]), decoded(body[position + 8 : position + 8 + size]))
        position += 8 + size + size % 2


def decoded(text: bytes) -> str:
    """INFO has no encoding of its own: UTF-8 is what most write, and the rest Latin letters."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def read_id3(tag: bytes, metadata: Metadata) -> None:
    """An ID3v2 tag with its header of ten bytes."""
    version, flags = tag[3], tag[5]
    body = tag[10:]
    if flags & 0x80 and version < 4:
        body = body.replace(b"\xff\0", b"\xff")
    for name, frame in id3_frames(body, version):
        encoding = ID3_ENCODINGS[min(frame[0], 3)] if frame else "latin-1"
        text = frame[1:]
        if name in (b"COM", b"COMM"):  # a language and a heading come first
            text = text[3:].decode(encoding, "replace").partition("\0")[2].encode(encoding)
        metadata.add(BY_ID3.get(name), text.decode(encoding, "replace").lstrip("\ufeff"))


def id3_frames(body: bytes, version: int) -> Iterator[tuple[bytes, bytes]]:
    name_bytes, head_bytes = (3, 6) if version == 2 else (4, 10)
    position = 0
    while position + head_bytes <= len(body) and body[position] != 0:
        name = body[position : position + name_bytes]
        size_bytes = body[position + name_bytes : position + 2 * name_bytes]
        size = 0
        for byte in size_bytes:
            size = size << (7 if version == 4 else 8) | byte
        position += head_bytes
        yield name, body[position : position + min(size, MAX_BYTES)]
        position += size


def id3_tag(metadata: Metadata) -> bytes:
    """An ID3v2.4 tag, to stand in front of MP3 frames; nothing where there are no tags."""
    body = b""
    for name, value in metadata.tags.items():
        if name in KEYS:
            text = b"\3" + (b"und\0" if name == "comment" else b"") + value.encode()
            body += KEYS[name][2][-1].encode() + synchsafe(len(text)) + bytes(2) + text
    return b"ID3\4\0\0" + synchsafe(len(body)) + body if body else b""


def synchsafe(size: int) -> bytes:
    """28 bits in four bytes of seven, so that no decoder takes them for a frame."""
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def info_chunks(metadata: Metadata) -> bytes:
    """What goes into a WAV file: "bext" as it was, and the tags as INFO."""
    chunks = chunk(b"bext", metadata.bext) if metadata.bext else b""
    info = b"".join(
        chunk(KEYS[name][1].encode(), value.encode() + b"\0") for name, value in metadata.tags.items() if name in KEYS
    )
    return chunks + (chunk(b"LIST", b"INFO" + info) if info else b"")


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def comments_of(metadata: Metadata) -> list[bytes]:
    """As Vorbis comments, KEY=value."""
    return [f"{KEYS[name][0]}={value}".encode() for name, value in metadata.tags.items() if name in KEYS]
