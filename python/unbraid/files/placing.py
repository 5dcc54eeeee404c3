"""How finished files get into a folder: all of them, over nobody's, and back out again if one fails."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .scratch import CONTENT, REPLACED, Scratch

NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF)


class Folder:
    """One folder of targets, and the scratch folder in which its files are written."""

    def __init__(self, path: Path, force: bool) -> None:
        self.path = path
        self._force = force
        self._is_new = not path.exists()
        if self._is_new and path.is_symlink():
            raise NotADirectoryError(f"{path}: a link to what is not there")
        self.scratch = Scratch(path.parent if self._is_new else path)
        self._content = self.scratch.path / CONTENT
        self._names: dict[str, tuple[int, int]] = {}
        try:
            # Under its own name: a file system that does not take it says so now.
            with naming(path):
                if self._is_new:
                    self._content /= path.name
                self._content.mkdir(parents=True)
        except BaseException:
            self.scratch.remove()
            raise

    def open(self, name: str) -> BinaryIO:
        """A new file, to be read and written, that will be `name` in this folder."""
        file = (self._content / name).open("xb+")
        status = os.fstat(file.fileno())
        self._names[name] = (status.st_dev, status.st_ino)
        return file

    def check_present(self) -> None:
        """Raises FileNotFoundError when an unfinished file has been taken away."""
        for name in self._names:
            if not os.path.lexists(self._content / name):
                raise FileNotFoundError(f"{self.path / name}: its folder was removed while it was being written")

    def publish(self) -> None:
        """Puts all files, closed by now, in their places; OSError names the one that could not be."""
        self.check_present()
        sync_folder(self._content)
        if self._is_new:
            try:
                self._content.rename(self.path)
            except OSError as error:
                if not self.path.is_dir():
                    raise OSError(error.errno, error.strerror, str(self.path)) from None
            else:
                sync_folder(self.path.parent)
                return
        for name in self._names:
            with naming(self.path / name):
                self._place(self._content / name, self.path / name)
        sync_folder(self.path)

    def take_back(self) -> None:
        """Leaves the folder as it was found. Goes by what is there: an interruption may come at any moment."""
        if self._is_new and not self._content.exists() and self._is_ours(*self._names):
            with contextlib.suppress(OSError):
                self.path.rename(self._content)
        for name in self._names:
            target, replaced = self.path / name, self._replaced(name)
            with contextlib.suppress(OSError):
                if os.path.lexists(replaced):
                    replaced.replace(target)
                elif self._is_ours(name):
                    target.unlink()

    def _is_ours(self, *names: str) -> bool:
        for name in names:
            try:
                status = (self.path / name).lstat()
            except OSError:
                return False
            if (status.st_dev, status.st_ino) != self._names[name]:
                return False
        return True

    def _replaced(self, name: str) -> Path:
        return self.scratch.path / REPLACED / name

    def _place(self, part: Path, target: Path) -> None:
        if self._force and os.path.lexists(target):
            check_replaceable(target)
            keep_aside(target, self._replaced(target.name))
            part.replace(target)
            return
        try:
            give_name(part, target)
        except FileExistsError:
            if not self._force:
                message = "has appeared meanwhile; use force (--force) to overwrite it"
                raise FileExistsError(f"{target}: {message}") from None
            self._place(part, target)


def check_replaceable(target: Path) -> None:
    """Raises OSError for what is there and must not be overwritten: only files and links are, and only if forced."""
    mode = target.lstat().st_mode
    if stat.S_ISDIR(mode) or target.is_dir():
        raise IsADirectoryError(f"{target}: the output is a directory")
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        raise FileExistsError(f"{target}: is there, and not a regular file")


def keep_aside(target: Path, replaced: Path) -> None:
    """Gives a file that is about to be overwritten a second name."""
    replaced.parent.mkdir(exist_ok=True)
    try:
        os.link(target, replaced, follow_symlinks=False)
    except (OSError, NotImplementedError):  # no such links here
        target.rename(replaced)


def give_name(part: Path, target: Path) -> None:
    """As a rename, but FileExistsError where there is a file of that name."""
    try:
        os.link(part, target)
        return
    except FileExistsError:
        raise
    except OSError:  # as on FAT: there, an empty file of our own holds the name until the other takes its place
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    try:
        part.replace(target)
    except BaseException:
        if part.exists():
            target.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Brings new names to the disk, where the system does that for folders."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # a folder that one may only write to, and all of Windows'
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise OSError(error.errno, error.strerror, str(folder)) from None
    finally:
        os.close(handle)


@contextlib.contextmanager
def naming(target: Path) -> Iterator[None]:
    """Lets an OSError say what it is about, instead of a temporary name."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(target)) from None
