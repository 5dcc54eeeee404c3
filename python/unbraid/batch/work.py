"""The work on one file of a batch, wherever it is done: what was asked for is tried, and what came of it is told."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from .._errors import error_line
from ..files.errors import DamageWarning, FilmWarning
from ..files.processing import ClippingWarning, Progress
from .manifest import DAMAGED, DONE, FAILED
from .places import Place, as_local_file
from .settings import Settings, sha256_of


@dataclass(frozen=True)
class Item:
    """An input: where it is, and what it is called below its source, with strokes between folders."""

    source: str
    name: str
    size: int = 0
    mtime_ns: int = 0


@dataclass(frozen=True)
class Task:
    """An item that is to be worked on. With `force` what is at the places of its outputs is ours, and goes."""

    item: Item
    force: bool = False
    tries: int = 0


@dataclass(frozen=True)
class Result:
    """What came of a task. Of one that failed, outputs may be there all the same: `sure` says that none is."""

    item: Item
    status: str
    reason: str = ""
    notes: Sequence[str] = ()
    sha256: str = ""
    sizes: Sequence[int] = ()
    audio_seconds: float = 0.0
    seconds: float = 0.0
    sure: bool = True


@dataclass(frozen=True)
class Job:
    """What is done to every item. It is called in another process, and so goes into a pickle."""

    settings: Settings
    place: Place
    threads: int = 1

    def __call__(self, task: Task, progress: Progress) -> Result:
        """Never raises an Exception: what goes wrong with a file is its result."""
        item, began, done_seconds = task.item, time.monotonic(), 0.0

        def told(done: float, total: float) -> None:
            nonlocal done_seconds
            done_seconds = done
            progress(done, total)

        sha256, sure = "", True
        with warnings.catch_warnings(record=True) as caught:
            for category in (ClippingWarning, DamageWarning, FilmWarning):
                warnings.simplefilter("always", category)
            try:
                with as_local_file(item.source) as source, self.place.folder() as folder:
                    sha256 = sha256_of(source)
                    self.settings.apply(
                        *(source, folder, item.name), force=task.force, threads=self.threads, progress=told
                    )
                    targets = self.settings.targets(item.name)
                    sizes = [(folder / target).stat().st_size for target in targets]
                    sure = False
                    self.place.publish(folder, targets)
            except Exception as error:
                reason = error_line(error)
                return Result(item, FAILED, reason, sha256=sha256, seconds=time.monotonic() - began, sure=sure)
        damage = [str(each.message) for each in caught if issubclass(each.category, DamageWarning)]
        notes = [str(each.message) for each in caught if not issubclass(each.category, DamageWarning)]
        return Result(
            item,
            DAMAGED if damage else DONE,
            "; ".join(damage),
            notes=notes,
            sha256=sha256,
            sizes=sizes,
            audio_seconds=done_seconds,
            seconds=time.monotonic() - began,
        )
