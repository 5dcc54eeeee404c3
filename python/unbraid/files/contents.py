"""What a look at a file's structure finds out, before any decoder sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .spans import Piece


@dataclass(frozen=True)
class Damage:
    """Something that is missing or broken, and its time in the audio in seconds."""

    what: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.what} at {self.seconds:.3f} s"


@dataclass(frozen=True)
class Segment:
    """A stretch of audio that one decoder reads, and its place. All counts are samples per channel.

    Most files are one segment. Damage and joined files make more: what lies between two segments is silence.
    """

    pieces: Sequence[Piece]
    num_samples: int | None = None  # to take, or all there are
    skip: int = 0  # to drop from what the decoder gives, ahead of those
    start: int | None = None  # its place in the audio; None: where the last one ended
    # Where only the end is known, after a gap: the counts at its end and at that of the segment before.
    end: int = 0
    after: int | None = None


@dataclass
class Metadata:
    """What a file says of itself, and its outputs shall say, too."""

    tags: dict[str, str] = field(default_factory=dict)  # by the names that FFmpeg has for them
    bext: bytes = b""  # what Broadcast WAV's chunk holds: who made it, and the time it starts at, in samples

    def add(self, name: str | None, value: str) -> None:
        """The first of a name counts; what is no tag of ours is left."""
        value = " ".join(value.replace("\0", " ").split())
        if name and value:
            self.tags.setdefault(name, value)


@dataclass
class Contents:
    """The audio in a file: its format, where it lies, and what is wrong with it."""

    sample_rate: int
    channels: int
    segments: list[Segment]
    num_samples: int | None = None  # as far as the structure tells
    damage: list[Damage] = field(default_factory=list)
    layout: int = 0  # speakers as in WAV's dwChannelMask; 0: not told
    order: Sequence[int] | None = None  # the file's channel for each of WAV's, where they differ
    decoder: Mapping[str, str | int] = field(default_factory=dict)  # what soundfile must be told of headerless audio
    md5: bytes | None = None  # of the samples as FLAC counts them
    bits: int = 0  # of a sample in that count
    metadata: Metadata = field(default_factory=Metadata)


# Speakers by number of channels, as FLAC, Vorbis and Opus have them, and as WAV orders them.
USUAL_LAYOUTS = {1: 0x4, 2: 0x3, 3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x70F, 8: 0x63F}
# Vorbis and Opus put the centre second and the bass last: for each of WAV's channels, theirs.
VORBIS_ORDER = {
    3: (0, 2, 1),
    5: (0, 2, 1, 3, 4),
    6: (0, 2, 1, 5, 3, 4),
    7: (0, 2, 1, 6, 5, 3, 4),
    8: (0, 2, 1, 7, 5, 6, 3, 4),
}
