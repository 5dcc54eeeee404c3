"""Decodes through libsndfile, which sees only audio whose structure was looked at, under headers of ours."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from soundfile import LibsndfileError, SoundFile

from .._checks import Audio
from .av_support import Film
from .contents import Contents, Damage, Segment
from .errors import AudioFileError
from .spans import Spans

# Places in a file may be as wrong as anything: a longer gap is not filled.
MAX_SILENCE_SECONDS = 600


class Decoder(SoundFile):  # type: ignore[misc] # soundfile has no types
    def seekable(self) -> bool:
        """Else soundfile seeks after each block, and stops where libsndfile guesses the end to be."""
        return False


class SoundFileReader:
    """A `Reader` of one segment after another."""

    def __init__(self, file: BinaryIO, contents: Contents) -> None:
        self.sample_rate = contents.sample_rate
        self.channels = contents.channels
        self.layout = contents.layout
        self.damage = list(contents.damage)
        self.notes: list[Damage] = []
        self.metadata = contents.metadata
        self.film: Film | None = None
        self._file = file
        self._contents = contents
        self._position = 0
        self._md5 = hashlib.md5(usedforsecurity=False) if contents.md5 else None
        self._segments = list(self._placed())
        self.num_samples = contents.num_samples
        if self.num_samples is None:
            self.num_samples = max(((each.start or 0) + (each.num_samples or 0) for each in self._segments), default=0)

    def blocks(self, length: int) -> Iterator[Audio]:
        for segment in self._segments:
            gap = (segment.start or 0) - self._position
            while gap > 0:
                block = np.zeros((self.channels, min(gap, length)), np.float32)
                gap -= block.shape[1]
                self._position += block.shape[1]
                yield block
            yield from self._decoded(segment, length)
        if self._md5 and not self.damage and self._md5.digest() != self._contents.md5:
            self.damage.append(Damage("not the audio that was encoded, as its checksum (MD5) tells", 0.0))

    def _placed(self) -> Iterator[Segment]:
        """The segments with the lengths and places that only the decoder knows; the first is tried in any case."""
        reached = cut = 0
        most = MAX_SILENCE_SECONDS * self.sample_rate
        for index, segment in enumerate(self._contents.segments):
            if index == 0 or segment.num_samples is None:
                try:
                    with self._decoder(Spans(self._file, segment.pieces)) as decoder:
                        segment = replace(segment, num_samples=segment.num_samples or decoder.frames)
                except AudioFileError as error:
                    if index == 0:
                        raise
                    self.damage.append(Damage(str(error), reached / self.sample_rate))
                    continue
            count = segment.num_samples or 0
            if segment.start is not None:
                gap = segment.start - cut - reached
            else:
                gap = 0 if segment.after is None else segment.end - count - segment.after
            if gap > most:
                cut += gap
                gap = 0
            reached += max(gap, 0)
            yield replace(segment, start=reached)
            reached += count

    def _decoder(self, spans: Spans) -> Decoder:
        try:
            decoder = Decoder(spans, **self._contents.decoder)
        except LibsndfileError as error:
            reason = str(spans.error) if spans.error else error.error_string
            raise AudioFileError(f"cannot be decoded: {reason or 'its audio is damaged'}") from None
        if (decoder.samplerate, decoder.channels) != (self.sample_rate, self.channels):
            decoder.close()
            raise AudioFileError(
                f"damaged: its headers tell of {self.channels} channels at {self.sample_rate} Hz, "
                f"its audio of {decoder.channels} at {decoder.samplerate} Hz"
            )
        return decoder

    def _decoded(self, segment: Segment, length: int) -> Iterator[Audio]:
        spans = Spans(self._file, segment.pieces)
        skip, left = segment.skip, segment.num_samples or 0
        dtype = np.int32 if self._contents.bits else np.float32
        reason = ""
        with contextlib.ExitStack() as stack:
            try:
                decoder = stack.enter_context(self._decoder(spans))
            except AudioFileError as error:
                reason = str(error)
            while left > 0 and not reason:
                block = np.empty((min(length, skip or left), self.channels), dtype)
                try:
                    block = decoder.read(out=block)
                except LibsndfileError as error:
                    reason = error.error_string or "its audio is damaged"
                    break
                if spans.error:
                    reason = str(spans.error)
                elif not len(block):
                    reason = "it ends early"
                if skip:
                    skip -= len(block)
                elif len(block):
                    left -= len(block)
                    self._position += len(block)
                    yield self._audio(block)
        if left > 0:
            what = f"cannot be decoded for {left / self.sample_rate:.3f} s ({reason.rstrip('.')})"
            self.damage.append(Damage(what, self._position / self.sample_rate))

    def _audio(self, block: NDArray[Any]) -> Audio:
        """A decoder's (samples, channels) as ours."""
        if self._contents.bits:  # integers, left-justified
            if self._md5:
                self._md5.update(packed(block >> (32 - self._contents.bits), self._contents.bits))
            block = block.astype(np.float32) * np.float32(2.0**-31)
        audio = block.T if self._contents.order is None else block.T[list(self._contents.order)]
        return np.ascontiguousarray(audio, np.float32)


def packed(samples: NDArray[np.int32], bits: int) -> bytes:
    """Integers in as many bytes as they need, as FLAC's checksum takes them."""
    width = (bits + 7) // 8
    return samples.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :width].tobytes()
