"""Hidden folders for files that are not complete yet, and the removal of those that dead runs have left."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there, so nothing is taken for dead
    fcntl = None  # type: ignore[assignment]

PREFIX, SUFFIX = ".unbraid-", ".part"
LOCK_NAME = "lock"
CONTENT = "new"  # in such a folder: the files to be
REPLACED = "old"  # the files that they replace, until all is done
# A lock may be out of sight from another machine that shares the folder: what is found there has to be old, too.
FOREIGN_AGE_SECONDS = 86400.0


class Scratch:
    """A folder of its own inside `root`, of a name that fits anywhere, until `remove`.

    A lock says that its run is alive. It is the system's, and goes with the process, however that ends. Raises OSError,
    naming `root`, where no folder can be made.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock: int | None = None
        try:
            while True:
                # Noted first: an interruption may come at any moment.
                self.path = root / f"{PREFIX}{machine()}-{os.urandom(6).hex()}{SUFFIX}"
                if self._make():
                    return
        except OSError as error:
            self.remove()
            raise OSError(error.errno, error.strerror, str(root)) from None
        except BaseException:
            self.remove()
            raise

    def remove(self) -> None:
        """Takes the folder away, with all that is in it; what resists stays for the next run."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
            shutil.rmtree(self.path, ignore_errors=True)  # where what is open cannot go, as on NFS

    def _make(self) -> bool:
        """False where another run took the folder for a dead one's before it was locked."""
        self.path.mkdir()
        lock = self.path / LOCK_NAME
        with contextlib.suppress(FileNotFoundError):
            self._lock = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            if lock_now(self._lock) is not False and lock.exists():
                return True
        self.remove()
        return False


def machine() -> str:
    return hashlib.blake2b(platform.node().encode(), digest_size=3).hexdigest()


def lock_now(file: int) -> bool | None:
    """Locks an open file; False where another holds it, None where the file system has no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def remove_dead(root: Path) -> None:
    """Removes from `root` what runs that were killed have left there, and nothing that a live one may need."""
    with contextlib.suppress(OSError):  # a folder that lets nobody look into it
        for path in root.glob(f"{PREFIX}*{SUFFIX}"):
            if path.is_dir() and not path.is_symlink():
                with contextlib.suppress(OSError):
                    remove_if_dead(path)


def remove_if_dead(path: Path) -> None:
    try:
        flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        file = os.open(path / LOCK_NAME, flags)
    except FileNotFoundError:
        path.rmdir()  # killed before it was locked; one that is being made now notices, and makes another
        return
    try:
        locked = lock_now(file)
        ours = path.name.startswith(f"{PREFIX}{machine()}-")
        if (locked and ours) or (locked is not False and is_old(path)):
            put_back(path)
            for entry in path.iterdir():
                if entry.name != LOCK_NAME:  # it goes last: nothing in here is ever without it
                    shutil.rmtree(entry)
            shutil.rmtree(path)
    finally:
        os.close(file)


def put_back(path: Path) -> None:
    """Leaves the folder around a dead run's as it was before, should it have died amid the placing of its files."""
    for replaced in path.glob(f"{REPLACED}/*"):
        if not os.path.lexists(path.parent / replaced.name):
            replaced.rename(path.parent / replaced.name)
    parts = [part for part in path.glob(f"{CONTENT}/*") if part.is_file()]
    placed = [target for part in parts if (target := path.parent / part.name).exists() and target.samefile(part)]
    if len(placed) < len(parts):
        for target in placed:
            target.unlink()


def is_old(path: Path) -> bool:
    """Whether nothing in a folder was written to for a day."""
    latest = max(entry.lstat().st_mtime for entry in (path, *path.rglob("*")))
    return time.time() - latest > FOREIGN_AGE_SECONDS
