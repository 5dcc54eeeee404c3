"""Writes films, and audio tracks in their containers, through PyAV: new sound, all else as it was in the source."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .._checks import Audio
from .audio_io import Output
from .av_reader import is_exact, open_container, reason
from .av_support import Film, layout_name, load_av
from .contents import Metadata
from .output_format import AT_THE_SIDES, RATES, Quantizer, check_bit_depth, kind_of
from .shifted import Shifted

CONTAINERS = {
    "mp4": "mp4",
    "m4v": "mp4",
    "m4a": "ipod",
    "mov": "mov",
    "mkv": "matroska",
    "mka": "matroska",
    "webm": "webm",
    "opus": "opus",
}
MP4 = ("mp4", "mov", "ipod")
AUDIO_ONLY = ("m4a", "mka", "opus")
AAC_RATES = (7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
BIT_RATE = 128000  # per channel
# What Matroska notes of a track when it is written, and would be wrong of another.
STATISTICS = ("BPS", "DURATION", "NUMBER_OF_", "_STATISTICS_", "ENCODER")


class FilmOutput(Output):
    """A film or a file of tracks, as `target` ends, with an audio track per name; one that is replaced keeps its own.

    Raises ValueError for audio or other streams that its container does not hold.
    """

    def __init__(
        self,
        target: Path,
        file: BinaryIO,
        sample_rate: float,
        channels: int,
        bit_depth: int | None,
        layout: int,
        tracks: Sequence[str],
        metadata: Metadata,
        film: Film | None,
    ) -> None:
        kind = kind_of(target)
        bits = check_bit_depth(kind, bit_depth)
        super().__init__(target, clips=True)
        self._rate = round(sample_rate)
        self._quantizers = [Quantizer(bits, name) for name in tracks] if bits else []
        self._file = file
        self._errors = load_av().FFmpegError
        with self._explaining():
            # Edit lists count in it: to the sample, not to the millisecond.
            container_options = {"movie_timescale": str(self._rate)} if CONTAINERS[kind] in MP4 else {}
            self._container = load_av().open(
                Shifted(file, 0), "w", format=CONTAINERS[kind], container_options=container_options
            )
            self._source = Source(film) if film else None
            self._streams: list[Any] = []
            self._copies: dict[int, Any] = {}
            encoder = encoder_of(kind, self._rate, channels, layout, bits)
            if film is None or self._source is None:
                self._add_tracks(encoder, tracks, None)
                self._container.metadata.update(metadata.tags)
                return
            self._keeps_tags = CONTAINERS[kind] in MP4 and is_exact(self._source.container)
            for stream in self._source.container.streams:
                if stream.index == film.track:
                    self._add_tracks(encoder, tracks, stream)
                elif kind not in AUDIO_ONLY:
                    self._add_copy(stream)
            self._container.metadata.update(self._source.container.metadata)
            if chapters := self._source.chapters():
                self._container.set_chapters(chapters)

    def _add_tracks(self, encoder: Encoder, names: Sequence[str], replaced: Any) -> None:
        for name in names:
            stream = self._container.add_stream(encoder.codec, rate=encoder.sample_rate, options=dict(encoder.options))
            stream.layout, stream.format, stream.bit_rate = encoder.layout, encoder.sample_format, encoder.bit_rate
            stream.time_base = Fraction(1, encoder.sample_rate)
            if replaced is not None:
                kept = {
                    key: value for key, value in replaced.metadata.items() if not key.upper().startswith(STATISTICS)
                }
                stream.metadata.update(kept)
                stream.disposition = replaced.disposition
            if len(names) > 1:
                stream.metadata.update({"title": name, "handler_name": name})
            self._streams.append(stream)
        self._encoder = encoder

    def _add_copy(self, stream: Any) -> None:
        if stream.type == "data" and "timecode" in stream.metadata:
            return  # the muxer makes a track of its own for it
        if not self._takes(stream):
            what = f"{stream.type} stream {stream.index}" + (f" ({stream.name})" if stream.name else "")
            if stream.type in ("video", "audio", "subtitle"):
                raise ValueError(
                    f"{self.target}: .{kind_of(self.target)} cannot hold the input's {what}; its own format can"
                )
            if not (self._source and self._source.chapters()):  # as a track in QuickTime, the muxer's own as well
                self.left_out.append(what)
            return
        copy = self._container.add_stream_from_template(stream, opaque=True)
        if self._keeps_tags and stream.codec_context is not None:  # hvc1, for one, which Apple's players ask for
            copy.codec_context.codec_tag = stream.codec_context.codec_tag
        copy.metadata.update(stream.metadata)
        copy.disposition = stream.disposition
        self._copies[stream.index] = copy

    def _takes(self, stream: Any) -> bool:
        """Whether the container holds such a stream: tried, for FFmpeg says it only when the header is written."""
        trial = load_av().open(io.BytesIO(), "w", format=self._container.format.name)
        try:
            trial.add_stream_from_template(stream, opaque=True)
            trial.start_encoding()
        except (self._errors, ValueError):
            return False
        return True

    def _write(self, *tracks: Audio) -> None:
        with self._explaining():
            for index, (stream, audio) in enumerate(zip(self._streams, tracks, strict=True)):
                if audio.size:
                    self._container.mux(stream.encode(self._frame(index, audio)))
            self._copy_up_to(Fraction(self.num_samples + tracks[0].shape[-1], self._rate))

    def _frame(self, index: int, audio: Audio) -> Any:
        quantizer = self._quantizers[index] if self._quantizers else None
        kind = self._encoder.sample_format
        data: NDArray[Any] = quantizer(audio) if quantizer else np.clip(audio, -1.0, 1.0)
        if kind == "s16":
            data = (data >> 16).astype(np.int16)
        if not kind.endswith("p"):
            data = data.T.reshape(1, -1)
        frame = load_av().AudioFrame.from_ndarray(np.ascontiguousarray(data), format=kind, layout=self._encoder.layout)
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self.num_samples
        return frame

    def _copy_up_to(self, seconds: Fraction | None) -> None:
        """Copies what the source has up to a time, None for all: sound and picture lie side by side in the file."""
        for packet in self._source.packets_up_to(seconds) if self._source else ():
            copy = self._copies.get(packet.stream_index)
            if copy is not None:
                packet.stream = copy
                self._container.mux(packet)

    def _finish(self) -> None:
        with self._explaining():
            self._container.start_encoding()
            for stream in self._streams:
                self._container.mux(stream.encode(None))
            self._copy_up_to(None)
            self._container.close()

    def _abandon(self) -> None:
        self._container.close()

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        """FFmpeg's errors are OSErrors or ValueErrors that say nothing of the file."""
        try:
            yield
        except self._errors as error:
            raise ValueError(f"{self.target}: cannot be written: {reason(error)}") from None


@dataclass(frozen=True)
class Encoder:
    codec: str
    sample_format: str
    layout: str
    sample_rate: int  # resampled where it is not the input's
    bit_rate: int = 0
    options: tuple[tuple[str, str], ...] = ()


def encoder_of(kind: str, sample_rate: int, channels: int, layout: int, bits: int) -> Encoder:
    """What encodes the sound of a container: what loses nothing where that is customary. Raises ValueError."""
    speakers = layout_name(channels, layout)
    if kind in ("mkv", "mka"):
        return Encoder(
            "flac", "s16" if bits == 16 else "s32", speakers, sample_rate, options=(("bits_per_raw_sample", str(bits)),)
        )
    if kind == "mov":
        return Encoder(
            "pcm_s16le" if bits == 16 else "pcm_s24le", "s16" if bits == 16 else "s32", speakers, sample_rate
        )
    if kind in ("webm", "opus"):
        speakers = layout_name(channels, AT_THE_SIDES.get(layout, layout))
        rate = sample_rate if sample_rate in RATES["opus"] else RATES["opus"][-1]
        return Encoder("libopus", "flt", speakers, rate, BIT_RATE * channels)
    if sample_rate not in AAC_RATES:
        raise ValueError(
            f"{kind} holds AAC, of rates up to {AAC_RATES[-1]} Hz, the input has {sample_rate}; mkv and mov hold any"
        )
    return Encoder("aac", "fltp", speakers, sample_rate, BIT_RATE * channels)


class Source:
    """The packets of a film, once, from start to end, with its time stamps from 0 on."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self.container = open_container(film.file)
        self._packets = self._demuxed()
        self._next = next(self._packets, None)

    def packets_up_to(self, seconds: Fraction | None) -> Iterator[Any]:
        while (packet := self._next) is not None:
            time = packet.pts if packet.dts is None else packet.dts
            if seconds is not None and time is not None and time * packet.time_base > seconds:
                return
            self._next = next(self._packets, None)
            yield packet

    def chapters(self) -> list[dict[str, Any]]:
        shifted = []
        for chapter in self.container.chapters():
            ticks = round(self._film.origin / chapter["time_base"])
            shifted.append(chapter | {"start": chapter["start"] - ticks, "end": chapter["end"] - ticks})
        return shifted

    def _demuxed(self) -> Iterator[Any]:
        for packet in readable(self.container):
            if packet.stream_index == self._film.track or (packet.size == 0 and packet.dts is None):
                continue
            ticks = round(self._film.origin / packet.time_base)
            if packet.pts is not None:
                packet.pts -= ticks
            if packet.dts is not None:
                packet.dts -= ticks
            yield packet


def readable(container: Any) -> Iterator[Any]:
    """The packets up to the end, or to where the file is damaged, which its reader tells."""
    packets = container.demux()
    while True:
        try:
            packet = next(packets, None)
        except load_av().FFmpegError:
            return
        if packet is None:
            return
        yield packet
