"""Decodes through PyAV what FFmpeg knows and libsndfile does not: films, and audio in other containers."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np

from .._checks import Audio
from .av_support import Film, layout_of, load_av
from .contents import Damage, Metadata
from .errors import AudioFileError, OtherFormatError
from .formats.metadata import read_known
from .soundfile_reader import MAX_SILENCE_SECONDS
from .spans import Apart, Spans

# Time stamps of one file jitter by the rounding of its container and of the clock that made them; what is missing is a
# packet, which lasts longer.
JITTER_SECONDS = Fraction(15, 1000)
# A file whose streams all end so much before the time that its header states was cut.
CUT_SECONDS = 0.5
# Stamps that go back further begin anew, as where recordings were joined.
MAX_OVERLAP_SECONDS = 10
# Containers that state each track's length to the sample, and so tell what is padding at its end.
EXACT = "mov,mp4"
BUFFER_BYTES = 1 << 18
CAN_READ_APART = hasattr(os, "pread")


def open_container(file: BinaryIO) -> Any:
    """A PyAV container that reads an open file, and nothing else. Raises PyAV's errors."""
    pieces = [(0, file.seek(0, io.SEEK_END))]
    # What is decoded and what is copied are read by different threads.
    source = Apart(file) if CAN_READ_APART else file
    # No list of other files, and no address, is followed from within a file.
    options = {"protocol_whitelist": "none"}
    return load_av().open(Spans(source, pieces), metadata_errors="replace", options=options, buffer_size=BUFFER_BYTES)


class AvReader:
    """A `Reader` of one audio track of what FFmpeg reads, `track` counted from 1.

    The audio starts where the file does, which is with its first picture or sound: what of it FFmpeg says is an
    encoder's delay is taken off, and a track that starts later, or pauses, has silence there.
    """

    def __init__(self, file: BinaryIO, track: int = 1) -> None:
        av = load_av()
        self._errors = av.FFmpegError
        self.damage: list[Damage] = []
        self.notes: list[Damage] = []
        self._is_cut_riff = is_cut_riff(file)
        try:
            self.container = open_container(file)
        except self._errors as error:
            raise OtherFormatError(reason(error)) from None
        tracks = self.container.streams.audio
        if not tracks:
            raise AudioFileError("holds no sound")
        if not 1 <= track <= len(tracks):
            raise AudioFileError(f"has {len(tracks)} audio track{'s' * (len(tracks) > 1)}, asked for number {track}")
        self.stream = tracks[track - 1]
        self._position = 0
        self._is_joined = True  # nothing was lost since the last frame
        self._read_to = 0.0  # seconds, in any stream
        self._frames = self._decoded()
        self._first = next(self._frames, None)
        if self._first is None:
            raise OtherFormatError(str(self.damage[0]) if self.damage else "its audio track is empty")
        self.sample_rate: int = self._first.sample_rate
        names = [channel.name for channel in self._first.layout.channels]
        self.channels = len(names)
        self.layout, self._order = layout_of(names)
        self.origin = self._start_of_file(self._first)
        self._shift = -self.origin
        self.metadata = Metadata(read_known({**self.stream.metadata, **self.container.metadata}))
        has_picture = any(not is_cover(stream) for stream in self.container.streams.video)
        self.film: Film | None = Film(file, self.stream.index, self.origin, has_picture)
        seconds = self._track_seconds() or (self.container.duration or 0) / load_av().time_base
        self.num_samples = round(seconds * self.sample_rate)

    def blocks(self, length: int) -> Iterator[Audio]:
        waiting: list[Audio] = []
        count = 0
        for part in self._placed():
            waiting.append(part)
            count += part.shape[1]
            if count >= length:
                audio = np.concatenate(waiting, axis=1)
                whole = count - count % length
                yield from np.split(audio[:, :whole], range(length, whole, length), axis=1)
                waiting, count = [audio[:, whole:]], count - whole
        if count:
            yield np.concatenate(waiting, axis=1)
        self._check_end()

    def _placed(self) -> Iterator[Audio]:
        """Frames as audio, with silence where stamps leave a gap; the last one without its padding."""
        held: Audio | None = None
        frame = self._first
        while frame is not None:
            if (frame.sample_rate, len(frame.layout.channels)) != (self.sample_rate, self.channels):
                self._is_joined = False
                form = f"{len(frame.layout.channels)} channels at {frame.sample_rate} Hz"
                what = f"audio of {form}, which is not read, follows"
                self.damage.append(Damage(what, self._position / self.sample_rate))
                break
            if held is not None:
                yield held
            gap, skip = self._place(frame)
            while gap > 0:
                silence = np.zeros((self.channels, min(gap, self.sample_rate)), np.float32)
                gap -= silence.shape[1]
                self._position += silence.shape[1]
                yield silence
            held = as_audio(frame, self._order)[:, skip:]
            self._position += held.shape[1]
            frame = next(self._frames, None)
        if held is not None:
            end = self._track_end()
            surplus = 0 if end is None else self._position - end
            if 0 < surplus < held.shape[1]:
                held = held[:, :-surplus]
                self._position -= surplus
            yield held

    def _place(self, frame: Any) -> tuple[int, int]:
        """How many samples of silence come before a frame, and how many of it were there already."""
        stamp = None if frame.pts is None else frame.pts * frame.time_base
        tick = Fraction(frame.time_base or 0)
        if frame is self._first:
            gap = 0 if stamp is None else stamp + self._shift
            exact = tick <= Fraction(1, self.sample_rate)
            return (0 if gap <= 0 or (not exact and gap <= 1.5 * tick) else round(gap * self.sample_rate)), 0
        if stamp is None:
            return 0, 0
        late = stamp + self._shift - Fraction(self._position, self.sample_rate)
        tolerance = tick + (JITTER_SECONDS if self._is_joined else 0)
        was_joined, self._is_joined = self._is_joined, True
        if abs(late) <= tolerance:
            return 0, 0
        if not -MAX_OVERLAP_SECONDS < late < MAX_SILENCE_SECONDS:  # the clock was set anew
            self._shift -= late
            return 0, 0
        seconds = self._position / self.sample_rate
        if late < 0:
            return 0, min(frame.samples, round(-late * self.sample_rate))
        if was_joined:
            self.notes.append(Damage(f"a gap of {float(late):.3f} s in its time stamps, filled with silence,", seconds))
        return round(late * self.sample_rate), 0

    def _decoded(self) -> Iterator[Any]:
        """The track's frames; what cannot be decoded is damage."""
        streams = self.stream if is_exact(self.container) else None
        packets = self.container.demux(streams) if streams else self.container.demux()
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except self._errors as error:
                self._lose(f"cannot be read on ({reason(error)})", None)
                return
            if packet.pts is not None:
                self._read_to = max(self._read_to, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream_index != self.stream.index:
                continue
            if packet.is_corrupt:
                self._lose("a damaged packet", packet)
            try:
                frames = packet.decode()
            except self._errors as error:
                self._lose(f"cannot be decoded ({reason(error)})", packet)
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self._lose("a damaged packet", packet)
                yield frame

    def _lose(self, what: str, packet: Any) -> None:
        """Notes damage, once for all of it that stands together."""
        if self._is_joined or not self.damage:
            seconds = self._position / self.sample_rate if hasattr(self, "sample_rate") else 0.0
            if packet is not None and packet.pts is not None and hasattr(self, "origin"):
                seconds = max(0.0, float(packet.pts * packet.time_base + self._shift))
            self.damage.append(Damage(what, seconds))
        self._is_joined = False

    def _check_end(self) -> None:
        """What nobody complains of: a file that ends early."""
        if self.damage:
            return
        seconds = self._position / self.sample_rate
        missing = 0.0
        if (end := self._track_end()) is not None:
            missing = end / self.sample_rate - seconds
        elif self.container.duration and not is_exact(self.container):
            start = (self.container.start_time or 0) / load_av().time_base
            missing = start + self.container.duration / load_av().time_base - self._read_to
        if missing > CUT_SECONDS or self._is_cut_riff:
            what = "some of what" if self._is_cut_riff else f"{missing:.3f} s that"
            self.damage.append(Damage(f"cut short: {what} its header promises is missing, it ends", seconds))

    def _track_seconds(self) -> float:
        return float((self.stream.duration or 0) * self.stream.time_base)

    def _track_end(self) -> int | None:
        """The samples up to the end of the track, where its container tells."""
        if not is_exact(self.container) or not self.stream.duration:
            return None
        ticks = (self.stream.start_time or 0) + self.stream.duration
        end = Fraction(ticks * self.stream.time_base + self._shift)
        return round(end * self.sample_rate)

    def _start_of_file(self, frame: Any) -> Fraction:
        """The time of what comes first, in seconds: this track's first sample, or what is seen or heard beside it."""
        starts = [
            stream.start_time * stream.time_base
            for stream in self.container.streams
            if stream.type in ("video", "audio")
            and stream.index != self.stream.index
            and stream.start_time is not None
            and not is_cover(stream)
        ]
        if frame.pts is not None:
            starts.append(frame.pts * frame.time_base)
        return Fraction(min(starts, default=0))


def is_exact(container: Any) -> bool:
    return str(container.format.name).startswith(EXACT)


def is_cover(stream: Any) -> bool:
    """A picture that belongs to the file, and to no moment."""
    return bool(stream.disposition & stream.disposition.__class__.attached_pic)


def is_cut_riff(file: BinaryIO) -> bool:
    """Whether an AVI file is shorter than it says, of which FFmpeg says nothing."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(12)
    return head[:4] == b"RIFF" and head[8:] == b"AVI " and 8 + int.from_bytes(head[4:8], "little") > size


def reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")


def as_audio(frame: Any, order: list[int] | None) -> Audio:
    """(channels, samples) float32 in WAV's order; integers count to full scale as in files of integers."""
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, len(frame.layout.channels)).T
    if samples.dtype == np.uint8:
        samples = samples.astype(np.float32) * np.float32(2**-7) - np.float32(1)
    elif samples.dtype.kind == "i":
        samples = samples.astype(np.float32) * np.float32(2.0 ** (1 - 8 * samples.dtype.itemsize))
    return np.ascontiguousarray(samples if order is None else samples[order], np.float32)
