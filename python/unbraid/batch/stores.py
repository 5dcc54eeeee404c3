"""Object stores and other file systems behind a URL, through fsspec: only with the extra [batch]."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from ..files.naming import has_wildcard
from .manifest import Manifest, Record, from_line, to_line
from .sources import fixed_parts, is_audio_name
from .work import Item

EXTRA = "pip install 'unbraid[batch]'"
MANIFEST_FOLDER = "unbraid-batch"
# By what stores call the time of the last change.
TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified")


def open_store(url: str) -> tuple[Any, str]:
    """The file system that a URL names, and the path in it. Raises RuntimeError for what is not installed, ValueError
    for a kind that is not known."""
    try:
        from fsspec.core import url_to_fs
    except ModuleNotFoundError:
        raise RuntimeError(f"{url}: URLs need fsspec: {EXTRA}") from None
    try:
        store, path = url_to_fs(url)
    except ImportError as error:
        raise RuntimeError(f"{url}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{url}: {error}") from None
    return store, str(path).rstrip("/")


def find_in_store(url: str) -> list[Item]:
    """The inputs in a folder of a store, of a pattern, or the one file."""
    store, path = open_store(url)
    if has_wildcard(path):
        base = "/".join(fixed_parts(path.split("/")))
        found = store.glob(path, detail=True)
        found = {name: info for name, info in found.items() if info["type"] == "file"}
    elif store.isdir(path):
        base = path
        found = {name: info for name, info in store.find(path, detail=True).items() if is_shown(name, base)}
    else:
        return [item_in_store(url)]
    return [item_of(store, name, info, below(name, base)) for name, info in sorted(found.items())]


def is_shown(path: str, base: str) -> bool:
    *folders, name = PurePosixPath(below(path, base)).parts
    return is_audio_name(name) and not any(folder.startswith(".") for folder in folders)


def below(path: str, base: str) -> str:
    return path[len(base) :].lstrip("/")


def item_in_store(url: str) -> Item:
    """What is wrong with a file shows when its turn comes."""
    store, path = open_store(url)
    try:
        info = store.info(path)
    except OSError:
        info = {}
    return item_of(store, path, info, PurePosixPath(path).name)


def item_of(store: Any, path: str, info: dict[str, Any], name: str) -> Item:
    return Item(store.unstrip_protocol(path), name, int(info.get("size") or 0), time_of(info))


def time_of(info: dict[str, Any]) -> int:
    """In nanoseconds; 0 where the store does not tell."""
    said = next((info[key] for key in TIMES if info.get(key)), 0)
    if isinstance(said, str):
        try:
            said = datetime.fromisoformat(said)
        except ValueError:
            return 0
    seconds = said.timestamp() if isinstance(said, datetime) else float(said)
    return int(seconds * 1e9)


@contextlib.contextmanager
def fetched(url: str) -> Iterator[Path]:
    """A copy of a file, under its own name."""
    store, path = open_store(url)
    with tempfile.TemporaryDirectory(prefix="unbraid-") as folder:
        copy = Path(folder) / PurePosixPath(path).name
        try:
            store.get_file(path, str(copy))
        except FileNotFoundError:
            raise FileNotFoundError(f"{url}: No such file") from None
        yield copy


def put(store: Any, source: Path | bytes, path: str) -> None:
    """Writes to a temporary name first: not every store shows only what is complete."""
    folder, _, name = path.rpartition("/")
    part = f"{folder}/.unbraid-{name}.part"
    store.makedirs(folder, exist_ok=True)
    try:
        if isinstance(source, bytes):
            store.pipe_file(part, source)
        else:
            store.put_file(str(source), part)
        store.mv(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            store.rm_file(part)
        raise


@dataclass(frozen=True)
class StorePlace:
    """A folder in a store."""

    url: str

    def sizes(self, names: Iterable[str]) -> dict[str, int]:
        """By one listing: a question for each of many outputs would take longer than the work."""
        store, root = open_store(self.url)
        store.invalidate_cache()
        try:
            there = store.find(root, detail=True)
        except FileNotFoundError:
            return {}
        by_name = {below(path, root): int(info["size"] or 0) for path, info in there.items()}
        return {name: by_name[name] for name in names if name in by_name}

    def path(self, name: str) -> str:
        return f"{self.url.rstrip('/')}/{name}"

    def claimed(self) -> set[str]:
        store, root = open_store(self.url)
        names = {name for record in StoreManifest(self.url).records.values() for name in record.outputs}
        return {store.unstrip_protocol(f"{root}/{name}") for name in names}

    def manifest(self) -> Manifest:
        return StoreManifest(self.url)

    def first_taken(self, names: Iterable[str]) -> str | None:
        """Stores tell all names apart."""
        return None

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="unbraid-") as folder:
            yield Path(folder)

    def publish(self, folder: Path, names: Iterable[str]) -> None:
        store, root = open_store(self.url)
        for name in names:
            put(store, folder / name, f"{root}/{name}")


class StoreManifest:
    """The manifest in a store, where nothing can be added to a file: a small file for each input, with its last record.
    There are no locks; two runs must not work for one folder at once."""

    def __init__(self, url: str) -> None:
        self._store, root = open_store(url)
        self._folder = f"{root}/{MANIFEST_FOLDER}"
        self._store.invalidate_cache()
        self.records: dict[str, Record] = {}
        try:
            paths = [path for path in self._store.find(self._folder) if path.endswith(".json")]
        except FileNotFoundError:
            paths = []
        for path, content in (self._store.cat(paths) if paths else {}).items():
            try:
                record = from_line(content)
            except ValueError:
                raise ValueError(f"{path}: is no record of unbraid batch") from None
            self.records[record.input] = record

    def append(self, record: Record) -> None:
        name = hashlib.sha256(record.input.encode(errors="surrogateescape")).hexdigest()
        put(self._store, to_line(record).encode(), f"{self._folder}/{name}.json")
        self.records[record.input] = record

    def close(self) -> None:
        """Nothing is open."""
