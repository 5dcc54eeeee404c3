"""What the page gives away: the remix and the stems as files, at the full quality that the command line writes."""

from __future__ import annotations

import itertools
import shutil
import threading
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._checks import Gain, gains_by_stem
from ..files.naming import output_name
from ..files.output_format import CHOICES, check_bit_depth
from ..files.processing import ClippingWarning, choose_stems, remix_file, separate_file
from .track import Track

REMIX, STEMS = "remix", "stems"
KEPT = 4  # of those that are done; each may be as large as its input


class StoppedError(Exception):
    """The program ends in the midst of an export."""


@dataclass
class Export:
    """One file in the making: `what` is "remix", "stems" (as a ZIP archive) or one stem's name."""

    track: Track
    what: str
    gains_db: Mapping[str, Gain]
    kind: str
    bit_depth: int
    done: float = 0.0
    error: str = ""
    warnings: list[str] = field(default_factory=list)
    file: Path | None = None

    @property
    def name(self) -> str:
        """What the file is called where it is saved."""
        ending = "zip" if self.what == STEMS else self.kind
        return f"{output_name(Path(self.track.name))}-{self.what}.{ending}"

    def state(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "done": self.done,
            "error": self.error,
            "warnings": self.warnings,
            "finished": self.file is not None,
        }


class Exports:
    """Makes exports one after the other, in the background, in folders inside `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._exports: dict[int, Export] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._at_work = threading.Lock()  # warnings are caught for the whole process: one at a time
        self._stopped = threading.Event()

    def start(self, track: Track, what: str, gains_db: Mapping[str, Gain], kind: str, bit_depth: int) -> int:
        """Begins an export; returns its number. Raises TypeError or ValueError for what there is none of."""
        if kind not in CHOICES:
            raise ValueError(f"format must be {' or '.join(CHOICES)}, got {kind!r}")
        check_bit_depth(kind, bit_depth)
        gains_by_stem(gains_db, {}, track.stem_names)
        if what == REMIX and not track.model.streams:
            raise ValueError("this model separates whole signals only; export its stems")
        if what not in (REMIX, STEMS):
            choose_stems([what], track.stem_names)
        export = Export(track, what, gains_db, kind, bit_depth)
        with self._lock:
            number = next(self._numbers)
            self._exports[number] = export
        folder = self._folder / f"export-{number}"
        threading.Thread(target=self._run, args=(export, folder), daemon=True, name=f"export {export.name}").start()
        return number

    def get(self, number: int) -> Export | None:
        with self._lock:
            return self._exports.get(number)

    def stop(self) -> None:
        self._stopped.set()
        with self._at_work:
            pass

    def _run(self, export: Export, folder: Path) -> None:
        with self._at_work, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", ClippingWarning)  # damage is told with the track
            try:
                self._check_going_on()
                folder.mkdir()
                file = self._make(export, folder)
            except Exception as error:  # whatever it is, the page has to tell it
                shutil.rmtree(folder, ignore_errors=True)
                export.error = export.track.named(str(error)) or type(error).__name__
                return
            export.warnings = [str(each.message).replace(f"{folder}/", "") for each in caught]
            export.done = 1.0
            export.file = file
        self._remove_old()

    def _make(self, export: Export, folder: Path) -> Path:
        def progress(done: float, total: float) -> None:
            self._check_going_on()
            export.done = done / total if total else 0.0

        track = export.track
        track.check_unchanged()
        options: dict[str, Any] = {"model": track.model, "bit_depth": export.bit_depth, "keep_going": True}
        if export.what == REMIX:
            target = folder / f"{REMIX}.{export.kind}"
            return remix_file(track.path, target, gains_db=export.gains_db, progress=progress, **options)
        names = None if export.what == STEMS else [export.what]
        options |= {"talkers": track.talkers, "stems": names, "format": export.kind}
        paths = separate_file(track.path, folder, progress=progress, **options)
        if export.what != STEMS:
            return paths[export.what]
        archive = folder / "stems.zip"
        with zipfile.ZipFile(archive, "w") as file:  # not compressed: audio hardly is smaller for it
            for path in paths.values():
                self._check_going_on()
                file.write(path, f"{output_name(Path(track.name))}/{path.name}")
                path.unlink()
        return archive

    def _check_going_on(self) -> None:
        if self._stopped.is_set():
            raise StoppedError

    def _remove_old(self) -> None:
        with self._lock:
            done = [number for number, export in self._exports.items() if export.file is not None]
            for number in done[:-KEPT]:
                shutil.rmtree(self._folder / f"export-{number}", ignore_errors=True)
                del self._exports[number]
