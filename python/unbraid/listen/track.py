"""One opened file: its stems as a file that a browser plays, made in the background, and what is drawn of them."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .._checks import Audio
from .._core import Model
from ..files.contents import Damage
from ..files.errors import AudioFileError
from ..files.input_file import InputFile
from ..files.naming import check_source
from ..separator import separation, stems_asked_for
from .analysis import Analysis
from .downmix import downmix, playable_matrix
from .growing import GrowingFile
from .wav_stream import HEADROOM, WavStream

BLOCK_SECONDS = 1.0
# Separated before all of a long file is looked at, which takes a few seconds an hour: there is sound meanwhile.
BEGINNING_SECONDS = 60.0
MAX_AUDIO_CHANNELS = 32  # as many as browsers take apart


class Track:
    """Opens `path`, to be called `name`, with files of its own in `folder`; `start` begins to separate it.

    Damage is told in `state`, and the audio around it used. Raises AudioFileError for what is no audio file, another
    OSError for what cannot be read, ValueError for more stems than a browser plays, OSError where the disk has no room.
    """

    def __init__(self, path: Path, model: Model, folder: Path, *, name: str = "", talkers: int | None = None) -> None:
        self.path = path
        self.name = name or path.name
        self.model = model
        self.talkers = talkers
        self.stem_names = stems_asked_for(model, talkers)
        self.folder = folder
        check_source(path)
        self._mixture = self.open(BEGINNING_SECONDS)
        try:
            self._prepare()
        except BaseException:
            self._mixture.close()
            raise
        self._done = 0
        self._error = ""
        self._damage = self._mixture.damage
        self._stopped = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def _prepare(self) -> None:
        mixture, folder = self._mixture, self.folder
        self.sample_rate = mixture.sample_rate
        self.channels = mixture.channels
        self.num_samples = mixture.num_samples
        self._version = mixture.version
        matrix = playable_matrix(len(self.stem_names), mixture.channels, mixture.layout, MAX_AUDIO_CHANNELS)
        self._matrix = matrix
        self._wav = WavStream(round(self.sample_rate), len(self.stem_names) * len(matrix), self.num_samples)
        if (free := shutil.disk_usage(folder).free) < self._wav.total_bytes:
            needed = f"its stems take {self._wav.total_bytes / 1e9:.1f} GB"
            raise OSError(f"{self.name}: {needed}, and {folder.parent.parent} has {free / 1e9:.1f} GB left")
        self.audio = GrowingFile(folder / "audio.wav", self._wav.total_bytes)
        self.audio.append(self._wav.header())
        self.analysis = Analysis(folder, self.sample_rate, len(self.stem_names), self.num_samples)

    def open(self, beginning_seconds: float | None = None) -> InputFile:
        """The input, or the beginning of a long one, opened once more; AudioFileError if it is not what it was."""
        try:
            mixture = InputFile(self.path, keep_going=True, beginning_seconds=beginning_seconds)
        except AudioFileError as error:
            raise AudioFileError(self.named(str(error))) from None
        if getattr(self, "_version", mixture.version) != mixture.version:
            mixture.close()
            raise AudioFileError(f"{self.name}: has changed since it was opened; open it once more")
        return mixture

    def check_unchanged(self) -> None:
        """Raises AudioFileError if the input is not what it was."""
        self.open(BEGINNING_SECONDS).close()

    def named(self, message: str) -> str:
        """A message with the name that the user knows the file by."""
        return message.replace(str(self.path), self.name)

    def start(self) -> None:
        """Begins to separate, unless that has begun."""
        with self._starting:
            if self._thread is None and not self._stopped.is_set():
                self._thread = threading.Thread(target=self._run, daemon=True, name=f"separate {self.name}")
                self._thread.start()

    def stop(self) -> None:
        """Ends the work, and whoever waits for it."""
        self._stopped.set()
        with self._starting:
            thread = self._thread
        if thread is not None:
            thread.join()
        self._close()

    def state(self) -> dict[str, Any]:
        """What the page has to know, for JSON."""
        return {
            "name": self.name,
            "sample_rate": self.sample_rate,
            "channels": self.channels,
            "seconds": self.num_samples / self.sample_rate,
            "done_seconds": self._done / self.sample_rate,
            "finished": self._done == self.num_samples,
            "error": self._error,
            "warnings": [str(each) for each in self._damage],
            "model": self.model.name,
            "stem_names": self.stem_names,
            "stem_channels": len(self._matrix),
            "headroom": HEADROOM,
            **self.analysis.state(),
        }

    def _run(self) -> None:
        try:
            for stems in self._stems():
                if self._stopped.is_set():
                    return
                if not stems.shape[-1]:
                    continue
                # What is drawn comes first: where there is sound, there is a picture.
                self.analysis.add(stems)
                if self._done + stems.shape[-1] == self.num_samples:
                    self.analysis.end()
                self.audio.append(self._wav.encode(stems.reshape(-1, stems.shape[-1])))
                self._done += stems.shape[-1]
        except Exception as error:  # whatever it is, the page has to tell it
            self._error = self.named(str(error)) or type(error).__name__
        finally:
            self._close()

    def _stems(self) -> Iterator[Audio]:
        """(stems, channels, samples) as they are heard: as many samples as were promised, whatever was decoded."""
        left = self.num_samples
        _, separated = separation(self.sample_rate, self.channels, self.model, self.talkers)
        for estimates in separated(self._blocks()):
            stems = downmix(self._matrix, estimates)[..., :left]
            left -= stems.shape[-1]
            yield stems
        while left:
            silence = np.zeros(
                (len(self.stem_names), len(self._matrix), min(left, round(self.sample_rate))), np.float32
            )
            left -= silence.shape[-1]
            yield silence

    def _blocks(self) -> Iterator[Audio]:
        """The mixture, (channels, samples) at a time: the beginning of a long file first, before all is looked at."""
        heard = 0
        with self._mixture as mixture:
            for block in mixture.blocks(BLOCK_SECONDS):
                heard += block.shape[-1]
                yield block
        if not mixture.is_beginning:
            return
        with self.open() as mixture:
            self._damage = mixture.damage
            if mixture.num_samples > self.num_samples:
                what = "goes on, though its header says that it ends; an export has the rest, the page does not,"
                self._damage.append(Damage(what, self.num_samples / self.sample_rate))
            for block in mixture.blocks(BLOCK_SECONDS):
                again = min(heard, block.shape[-1])
                heard -= again
                yield block[:, again:]

    def _close(self) -> None:
        self._mixture.close()
        with contextlib.suppress(OSError):  # a full disk fails once more
            self.audio.end()
        with contextlib.suppress(OSError):
            self.analysis.close()
