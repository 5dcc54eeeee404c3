"""MP3: frames one after another. They are walked to the end; what a note says of their number is only compared."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..contents import USUAL_LAYOUTS, Contents, Damage, Segment
from ..errors import AudioFileError
from ..spans import Piece, Window
from . import tags
from .mp3_frames import Header, Note, is_free_format, next_frame, note_frame, note_in, parse

# Of a stream that begins with a note the decoder drops its own delay: as many samples.
DECODER_DELAY = 529
MAX_FRAME_BYTES = 2881
MAX_FRAMES = 0xFFFFFFFF
MAX_PADDING = 1 << 28


@dataclass
class Run:
    """Frames without a gap."""

    start: int
    end: int
    frames: int = 0
    lost: int = 0  # frames that stood in the gap before it, probably


@dataclass
class Part:
    """Frames that one encoder wrote; a file may be several, joined."""

    note: Note | None
    runs: list[Run] = field(default_factory=list)

    @property
    def frames(self) -> int:
        return sum(run.frames for run in self.runs)

    @property
    def trim(self) -> int:
        """Samples that encoder and decoder put in front; 0 where the encoder does not tell."""
        return 0 if self.note is None or self.note.delay is None else self.note.delay + DECODER_DELAY


def inspect(window: Window, start: int, end: int) -> Contents | None:
    """What lies between two positions of the file; None when no frame is found there."""
    start = tags.skip_tags(window, start, end)
    position = next_frame(window, start, end, None)
    head = parse(window.at(position, 4)) if position >= 0 else None
    if head is None:
        if is_free_format(window.at(start, 4)):
            raise AudioFileError("MP3 in free format, which states no bit rate and is not read")
        return None
    contents = Contents(head.sample_rate, head.channels, [], layout=USUAL_LAYOUTS[head.channels])
    if position - start > MAX_FRAME_BYTES:  # more than the rest of a frame that was cut in two
        contents.damage.append(Damage(f"{position - start} bytes that are no MP3 frames", 0.0))
    done = 0
    for part in walk(window, position, end, head, contents):
        compare_with_note(part, head, done, contents)
        done += add_segments(window, part, head, done, contents)
    contents.num_samples = done
    return contents


def walk(window: Window, position: int, end: int, head: Header, contents: Contents) -> list[Part]:
    """All frames up to the end; what stands between them is a tag or damage."""
    parts: list[Part] = []
    gap = 0
    while position < end:
        header = parse(window.at(position, 4))
        if header is None or header.stream != head.stream:
            frame, gap = after_gap(window, position, end, head, parts, contents)
            if frame < 0:
                break
            position = frame
            continue
        if position + header.size > end:
            damage(contents, parts, head, "cut short: it ends within a frame")
            break
        note = note_in(window, position, header)
        if note is not None or not parts:
            parts.append(Part(note))
        if note is None:
            runs = parts[-1].runs
            if not runs or runs[-1].end != position:
                runs.append(Run(position, position, lost=round(gap / header.size) if runs else 0))
            runs[-1].end += header.size
            runs[-1].frames += 1
        position, gap = position + header.size, 0
    return [part for part in parts if part.runs or part.note]


def after_gap(
    window: Window, position: int, end: int, head: Header, parts: list[Part], contents: Contents
) -> tuple[int, int]:
    """Where the frames go on after something else, or -1; and how many bytes of frames are lost there."""
    after_tags = tags.skip_tags(window, position, end)
    if after_tags == end:
        return -1, 0
    frame = next_frame(window, after_tags, end, head)
    if frame < 0:
        if next_frame(window, after_tags, end, None) >= 0:
            damage(
                contents, parts, head, "MP3 of another sample rate or number of channels, which is not read, follows"
            )
        elif end - after_tags > MAX_FRAME_BYTES and not tags.is_footed(window, after_tags, end):
            damage(contents, parts, head, f"{end - after_tags} bytes that are no MP3 frames")
        return -1, 0
    found = parse(window.at(frame, 4))
    is_joint = frame == after_tags and not window.is_zero(position, frame)
    if is_joint or (found is not None and note_in(window, frame, found)):
        return frame, 0
    damage(contents, parts, head, f"{frame - position} bytes that are no MP3 frames")
    return frame, frame - position


def damage(contents: Contents, parts: list[Part], head: Header, what: str) -> None:
    count = sum(part.frames + sum(run.lost for run in part.runs) for part in parts) * head.num_samples
    start = parts[0].trim if parts else 0
    contents.damage.append(Damage(what, max(0, count - start) / head.sample_rate))


def compare_with_note(part: Part, head: Header, done: int, contents: Contents) -> None:
    """Fewer frames than the encoder wrote are damage; in a single gap all of them are missing."""
    if part.note is None or part.note.frames is None:
        return
    missing = part.note.frames - part.frames
    if missing <= 0 or (missing == 1 and not part.note.is_exact):
        return
    if len(part.runs) == 2:
        part.runs[1].lost = missing
    elif len(part.runs) < 2:
        what = f"cut short: it holds {part.frames} of the {part.note.frames} frames that its header promises, and ends"
        end = done + max(0, part.frames * head.num_samples - part.trim)
        contents.damage.append(Damage(what, end / head.sample_rate))


def add_segments(window: Window, part: Part, head: Header, done: int, contents: Contents) -> int:
    """A segment for each run, placed after `done` samples; returns the length of the part."""
    place = 0  # in what a decoder gives, before anything is cut off
    delay = DECODER_DELAY if head.layer == 3 else 0
    padding = 0
    if part.note and part.trim and part.note.frames == part.frames + sum(run.lost for run in part.runs):
        padding = max(0, part.note.padding - DECODER_DELAY)
    for run in part.runs:
        place += run.lost * head.num_samples
        skip = max(0, part.trim - delay - place)
        count = run.frames * head.num_samples - delay - skip - (padding if run is part.runs[-1] else 0)
        first = parse(window.at(run.start, 4)) or head
        pieces: list[Piece] = [(run.start, run.end)]
        if head.layer == 3:
            pieces.insert(0, note_frame(head, min(run.frames, MAX_FRAMES)))
        else:  # no note: the decoder takes all frames to be of the first one's size, and must not take them for fewer
            pieces.append(bytes(min(max(0, (run.frames + 1) * first.size - (run.end - run.start)), MAX_PADDING)))
        start = done + max(0, place + delay - part.trim)
        if count > 0:
            contents.segments.append(Segment(pieces, count, skip=skip, start=start))
        place += run.frames * head.num_samples
    return max(0, place - part.trim - padding)
