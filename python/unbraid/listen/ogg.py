"""Stems in one small file that any browser plays: Ogg Vorbis, with a channel for each channel of each stem."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .._checks import Audio
from ..files.contents import VORBIS_ORDER

if TYPE_CHECKING:
    from typing import Self

MAX_CHANNELS = 8
# For two channels the encoder mixes them, for six it takes the fourth for a subwoofer: with one more, that is silent,
# all of them are treated alike.
PADDED = {2: 3, 6: 7}
COMPRESSION = 0.4  # of libsndfile, 0 to 1: about 60 kbit/s a channel
BLOCK = 4096  # the encoder keeps a block on its stack


class OggFile:
    """Writes (channels, samples) at `sample_rate` Hz to `path`. Use it in a `with` statement."""

    def __init__(self, path: Path, sample_rate: float, channels: int) -> None:
        from soundfile import SoundFile

        self.channels = PADDED.get(channels, channels)
        self._order = list(VORBIS_ORDER.get(self.channels, range(self.channels)))
        self._file = SoundFile(
            path, "w", round(sample_rate), self.channels, "VORBIS", format="OGG", compression_level=COMPRESSION
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, audio: Audio) -> None:
        ordered = np.zeros((self.channels, audio.shape[1]), np.float32)
        ordered[self._order[: len(audio)]] = audio  # so that players find them in the order that we gave
        for start in range(0, audio.shape[1], BLOCK):
            self._file.write(ordered[:, start : start + BLOCK].T)
