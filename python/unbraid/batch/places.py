"""Where a batch reads and writes: folders here, stores by their URL elsewhere."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..files.naming import URL, first_taken
from .manifest import MANIFEST_NAME, FileManifest, Manifest, read_records


class Place(Protocol):
    """Where the outputs of a batch go, each by its path below, with strokes between folders. Goes into a pickle."""

    def sizes(self, names: Iterable[str]) -> dict[str, int]:
        """The sizes, in bytes, of those that are there."""

    def path(self, name: str) -> str:
        """An output in words."""

    def claimed(self) -> set[str]:
        """The paths of all that earlier runs have written there, or were about to."""

    def manifest(self) -> Manifest:
        """The manifest, opened by this run alone where the place has locks; it and its folder are made."""

    def first_taken(self, names: Iterable[str]) -> str | None:
        """The first name that the place takes for one before it."""

    def folder(self) -> contextlib.AbstractContextManager[Path]:
        """A local folder to write outputs to, as if it was the place."""

    def publish(self, folder: Path, names: Iterable[str]) -> None:
        """Brings outputs from that folder to their place, where those are two."""


@dataclass(frozen=True)
class LocalPlace:
    """A folder, as seen from every process that works for it."""

    root: Path

    def sizes(self, names: Iterable[str]) -> dict[str, int]:
        return {name: (self.root / name).lstat().st_size for name in names if os.path.lexists(self.root / name)}

    def path(self, name: str) -> str:
        return str(self.root / name)

    def claimed(self) -> set[str]:
        records = read_records(self.root / MANIFEST_NAME).values()
        return {self.path(name) for record in records for name in record.outputs}

    def manifest(self) -> Manifest:
        self.root.mkdir(parents=True, exist_ok=True)
        return FileManifest(self.root)

    def first_taken(self, names: Iterable[str]) -> str | None:
        return first_taken(names, self.root)

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        yield self.root

    def publish(self, folder: Path, names: Iterable[str]) -> None:
        """Nothing is left to do: the outputs appeared in their place."""


def is_url(source: str) -> bool:
    return URL.match(source) is not None and not os.path.lexists(source)


def open_place(destination: str) -> Place:
    """Raises RuntimeError for a URL without the extra, ValueError for one that nothing is known of."""
    if is_url(destination):
        from .stores import StorePlace

        return StorePlace(destination)
    return LocalPlace(Path(os.path.abspath(destination)))  # noqa: PTH100 - links stay what they are


@contextlib.contextmanager
def as_local_file(source: str) -> Iterator[Path]:
    """The file itself, or a copy for as long, of the same name."""
    if is_url(source):
        from .stores import fetched

        with fetched(source) as path:
            yield path
    else:
        yield Path(source)
