"""Audio files, damaged: each is read, or refused with AudioFileError."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import soundfile

from helpers.containers import ogg_pages, with_checksum
from unbraid.files.errors import AudioFileError
from unbraid.files.input_file import InputFile

from .driver import main
from .mutate import mutated

FORMATS = (
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "FLOAT"),
    ("WAVEX", "PCM_16"),
    ("RF64", "PCM_16"),
    ("W64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
)


class AudioFiles:
    def __init__(self, folder: Path) -> None:
        self._path = folder / "input"
        audio = 0.1 * np.random.default_rng(1).standard_normal((4800, 2))
        self._seeds = []
        for kind, subtype in FORMATS:
            written = io.BytesIO()
            soundfile.write(written, audio, 48000, subtype, format=kind)
            self._seeds.append(written.getvalue())

    def make(self, rng: np.random.Generator) -> bytes:
        data = mutated(rng, self._seeds)
        # Behind the checksum lies what a wrong one would keep from being tried.
        if data[:4] == b"OggS" and rng.random() < 0.5:
            with contextlib.suppress(IndexError, ValueError):
                data = b"".join(map(with_checksum, ogg_pages(data)))
        return data

    def run(self, data: bytes) -> None:
        self._path.write_bytes(data)
        for keep_going in (True, False):
            try:
                with InputFile(self._path, keep_going=keep_going) as file:
                    for block in file.blocks(1.0):
                        assert block.shape[0] == file.channels
                        assert np.isfinite(block).all()
            except AudioFileError:
                pass


if __name__ == "__main__":
    main(AudioFiles)
