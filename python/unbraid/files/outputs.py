"""Files that are written together: all of them get their names, complete and on the disk, or none does."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from .placing import Folder, check_replaceable, naming, sync_folder
from .scratch import remove_dead

if TYPE_CHECKING:
    from typing import Self


class OutputSet:
    """Opens files for writing, by name, in hidden folders; on leaving the `with` they appear at their targets::

        with OutputSet({"speech": Path("stems/talk/speech.wav")}, force=False) as outputs:
            outputs.files["speech"].write(...)

    A folder that does not exist yet appears at once, with all of its files. Into one that exists files are linked, and
    taken back should one of them fail. Nothing is overwritten unless `force`, not even what appears in the meantime;
    what is overwritten comes back if another file fails. Parents that are missing are made, and go after a failure.
    Unfinished files that dead runs have left beside the targets are removed.

    Entering raises FileExistsError for a target that is there without `force`, another OSError for one that cannot be
    made; leaving raises OSError, naming the target.
    """

    def __init__(self, targets: Mapping[str, Path], *, force: bool) -> None:
        self.targets = targets
        self.files: dict[str, BinaryIO] = {}
        self._force = force
        self._folders: dict[Path, Folder] = {}
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        for root in {parent for target in self.targets.values() for parent in (target.parent, target.parent.parent)}:
            remove_dead(root)
        check_targets(self.targets.values(), force=self._force)
        try:
            for name, target in self.targets.items():
                folder = self._folders.get(target.parent)
                if folder is None:
                    self._make_parents(target.parent)
                    folder = self._folders[target.parent] = Folder(target.parent, self._force)
                with naming(target):
                    self.files[name] = folder.open(target.name)
        except BaseException:
            self._clean_up(failed=True)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        failed = True
        try:
            if error is None:
                self._publish()
                failed = False
        finally:
            self._clean_up(failed)

    def check_present(self) -> None:
        """Raises OSError when the files that are being written have been taken away."""
        for folder in self._folders.values():
            folder.check_present()

    def _make_parents(self, folder: Path) -> None:
        """All but the folder itself, which is to appear with its files."""
        if not is_plain(folder):
            self._make(folder)
        elif not folder.exists():
            self._make(folder.parent)

    def _make(self, folder: Path) -> None:
        self._made += [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)

    def _publish(self) -> None:
        for name, file in self.files.items():
            with naming(self.targets[name]):
                file.flush()
                os.fsync(file.fileno())
                file.close()
        try:
            for folder in self._folders.values():
                folder.publish()
            for path in self._made:
                sync_folder(path.parent)
        except BaseException:
            for folder in reversed(self._folders.values()):
                folder.take_back()
            raise

    def _clean_up(self, failed: bool) -> None:
        for file in self.files.values():
            with contextlib.suppress(OSError):  # closing what could not be written fails once more
                file.close()
        for folder in self._folders.values():
            folder.scratch.remove()
        deepest_first = sorted(self._made, key=lambda path: len(path.parts), reverse=True)
        for path in deepest_first if failed else ():
            with contextlib.suppress(OSError):
                path.rmdir()


def check_targets(targets: Iterable[Path], *, force: bool) -> None:
    """Before any work: raises OSError for a target that is there already, unless `force`, or cannot be."""
    for target in targets:
        try:
            check_replaceable(target)
        except FileNotFoundError:
            continue
        except NotADirectoryError:
            raise NotADirectoryError(f"{first_file(target)}: not a directory") from None
        if not force:
            raise FileExistsError(f"{target}: exists already; use force (--force) to overwrite it")


def first_file(target: Path) -> Path:
    """The first of a target's parents that is no folder."""
    return next((path for path in reversed(target.parents) if path.exists() and not path.is_dir()), target.parent)


def is_plain(folder: Path) -> bool:
    return folder.name not in ("", "..")
