"""The files that a page shows, and the folder on the disk for all that is made of them."""

from __future__ import annotations

import itertools
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .._core import Model
from ..files.scratch import Scratch, remove_dead
from .exports import Exports
from .track import Track

if TYPE_CHECKING:
    from typing import Self

MAX_NAME = 200


def cache_folder() -> Path:
    """Where stems lie while they are listened to: `$XDG_CACHE_HOME/unbraid`, for temporary folders are often memory."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unbraid"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


class Library:
    """Tracks by number. Leaving its `with` ends all work and removes all that was made; so does the next run, should
    this one be killed."""

    def __init__(self, model: Model, talkers: int | None = None) -> None:
        self.model = model
        self.talkers = talkers
        root = cache_folder()
        remove_dead(root)
        self._scratch = Scratch(root)
        self._scratch.path.chmod(0o700)
        self._tracks: dict[int, Track] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self.exports = Exports(self._scratch.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.exports.stop()
        for track in self.tracks().values():
            track.stop()
        self._scratch.remove()

    def tracks(self) -> dict[int, Track]:
        with self._lock:
            return dict(self._tracks)

    def open(self, path: Path) -> int:
        """A file on this machine as a track; returns its number. Raises what `Track` does."""
        return self._add(lambda folder: Track(path, self.model, folder, talkers=self.talkers))

    def receive(self, name: str, write: Callable[[Path], None]) -> int:
        """A file that `write` brings, as one that is dropped on the page; it goes again if it is no audio file."""
        shown = "".join(char for char in Path(name).name if char.isprintable())[:MAX_NAME] or "dropped file"

        def received(folder: Path) -> Track:
            path = folder / "input"
            write(path)
            return Track(path, self.model, folder, name=shown, talkers=self.talkers)

        return self._add(received)

    def _add(self, make: Callable[[Path], Track]) -> int:
        with self._lock:
            number = next(self._numbers)
        folder = self._scratch.path / f"track-{number}"
        folder.mkdir()
        try:
            track = make(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        with self._lock:
            self._tracks[number] = track
        return number
