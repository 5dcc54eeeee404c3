"""The pages of an Ogg file, sorted by the streams that they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..spans import Window
from .checksums import ogg_crc

FIRST, LAST = 2, 4  # flags of a stream's first and last page
NO_GRANULE = -1
HEADER_BYTES = 27


@dataclass(frozen=True, slots=True)
class Page:
    start: int
    body: int
    end: int
    flags: int
    granule: int  # samples up to the end of the last packet that ends here; NO_GRANULE: none does
    serial: int
    number: int
    packets: int  # that end here


@dataclass
class Stream:
    """The pages of one stream whose checksums are right. A file may hold several, one after another or interleaved."""

    first: bytes  # the beginning of its first packet, which tells the codec
    pages: list[Page] = field(default_factory=list)

    @property
    def is_ended(self) -> bool:
        return bool(self.pages[-1].flags & LAST)

    def runs(self) -> list[list[Page]]:
        """The pages, cut where some are missing between them: they are numbered."""
        runs: list[list[Page]] = []
        for page in self.pages:
            if not runs or page.number != runs[-1][-1].number + 1 & 0xFFFFFFFF:
                runs.append([])
            runs[-1].append(page)
        return runs


def read_streams(window: Window, position: int) -> list[Stream]:
    """The streams in the order in which they begin."""
    streams: list[Stream] = []
    current: dict[int, Stream] = {}
    for page in pages_from(window, position):
        if page.flags & FIRST:
            current[page.serial] = Stream(window.at(page.body, min(64, page.end - page.body)))
            streams.append(current[page.serial])
        if page.serial in current:  # pages without a beginning cannot be decoded
            current[page.serial].pages.append(page)
    return streams


def pages_from(window: Window, position: int) -> Iterator[Page]:
    """All pages whose checksums are right."""
    while (position := window.find(b"OggS", position, window.size)) >= 0:
        page = page_at(window, position)
        if page is None:
            position += 4
        else:
            yield page
            position = page.end


def page_at(window: Window, position: int) -> Page | None:
    head = window.at(position, HEADER_BYTES)
    if len(head) < HEADER_BYTES or head[4] != 0:
        return None
    lacing = window.at(position + HEADER_BYTES, head[26])
    body = position + HEADER_BYTES + head[26]
    end = body + sum(lacing)
    whole = window.at(position, end - position)
    if len(whole) < end - position or ogg_crc(whole[:22] + bytes(4) + whole[26:]) != int.from_bytes(
        head[22:26], "little"
    ):
        return None
    return Page(
        position,
        body,
        end,
        head[5],
        int.from_bytes(head[6:14], "little", signed=True),
        int.from_bytes(head[14:18], "little"),
        int.from_bytes(head[18:22], "little"),
        sum(size < 255 for size in lacing),
    )
