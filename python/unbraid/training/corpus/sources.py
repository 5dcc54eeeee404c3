"""Where a corpus comes from: git repositories and Debian packages, read without unpacking them."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import tarfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class RecipeError(ValueError):
    """A recipe that cannot be built: a reserved source, a missing field, a pattern that finds nothing."""


@dataclass(frozen=True)
class Source:
    """One `[[source]]` table of a recipe; see recipes/dialogue/recipe.toml for the meaning of the fields."""

    name: str
    kind: str
    include: str
    license: str
    attribution: str
    git: str = ""
    commit: str = ""
    deb: str = ""
    archive: str = ""
    exclude: str = r"(?!)"
    speaker: str = ""
    voices: int = 1  # in the files that `speaker` does not tell apart: they weigh as so many
    held_out: str = ""  # the split, where it is not drawn: files that match validate, all others train
    joined: str = ""  # files with one first group are parts of one recording, in the order of their paths
    listed: str = ""  # a table beside the recipe: of the recordings that `joined` names, only these
    ids: frozenset[str] = frozenset()  # the first column of that table

    def wants(self, path: str) -> bool:
        found = bool(re.search(self.include, path)) and not re.search(self.exclude, path)
        return found and (not self.listed or self.recording_of(path) in self.ids)

    def recording_of(self, path: str) -> str:
        """The recording that a file is a part of, or all of."""
        found = re.search(self.joined, path) if self.joined else None
        return found.group(1) if found else path

    def speaker_of(self, path: str) -> str:
        """Who speaks in a file, without the source's name; the file itself where nobody does."""
        if self.kind != "speech":
            return path
        found = re.search(self.speaker, path) if self.speaker else None
        return found.group(1) if found else self.name


@dataclass(frozen=True)
class Recipe:
    """A parsed recipe. Building it anywhere gives the same clips."""

    name: str
    kinds: list[str]
    sources: list[Source]
    validation_percent: int
    max_file_bytes: int
    max_seconds: float
    reserved_speakers: frozenset[str]
    # By source, where the selection of recordings has a licence of its own: a sentence on it.
    selections: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Recipe:
        with path.open("rb") as file:
            table: dict[str, Any] = tomllib.load(file)
        reserved = [word.lower() for word in table["reserved"]["sources"]]
        sources = []
        selections = {row["name"]: row.pop("selection") for row in table["source"] if "selection" in row}
        for row in table["source"]:
            source = Source(**row, ids=_listed(path.parent / row["listed"]) if "listed" in row else frozenset())
            if source.listed and not source.joined:
                raise RecipeError(f"{path}: {source.name} is 'listed', so 'joined' must say what its ids are")
            if source.kind not in table["kinds"]:
                raise RecipeError(f"{path}: {source.name} is {source.kind!r}, expected one of {table['kinds']}")
            if bool(source.git) == bool(source.deb):
                raise RecipeError(f"{path}: {source.name} needs either 'git' or 'deb'")
            named = f"{source.name} {source.git} {source.deb} {source.archive}".lower()
            if hit := next((word for word in reserved if word in named), None):
                raise RecipeError(f"{path}: {source.name} is reserved for evaluation ({hit!r})")
            sources.append(source)
        return cls(
            name=table["name"],
            kinds=table["kinds"],
            sources=sources,
            selections=selections,
            validation_percent=table["validation_percent"],
            max_file_bytes=table["max_file_bytes"],
            max_seconds=table["max_seconds"],
            reserved_speakers=frozenset(table["reserved"]["speakers"]),
        )


def _listed(path: Path) -> frozenset[str]:
    """The first column of a table with tabs between its columns, whose first line is a header."""
    with path.open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file, delimiter="\t")
    return frozenset(row[0] for row in rows)


def read_files(source: Source, cache: Path, mirrors: str | None, max_file_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Yield (path, content) of every file a source wants, in the order of the paths.

    `mirrors` is a pattern of local git directories with `{owner}` and `{name}`, looked at before the network.
    """
    if source.git:
        owner, name = source.git.split("/")
        repo = Path(mirrors.format(owner=owner, name=name)) if mirrors else None
        if repo is None or not repo.is_dir():
            repo = _clone(source, cache)
        yield from _git_files(repo, source, max_file_bytes)
    else:
        package = _download(source.deb, cache)
        yield from _archive_files(package, source) if source.archive else _deb_files(package, source)


def _clone(source: Source, cache: Path) -> Path:
    repo = cache / source.git.replace("/", "+")
    if not repo.is_dir():
        url = f"https://github.com/{source.git}.git"
        subprocess.run(["git", "clone", "--bare", "--quiet", url, repo], check=True)
    return repo


def _git_files(repo: Path, source: Source, max_file_bytes: int) -> Iterator[tuple[str, bytes]]:
    git = ["git", "-C", str(repo)]
    listing = subprocess.run([*git, "ls-tree", "-r", "-l", "-z", source.commit], capture_output=True, check=True).stdout
    blobs: dict[str, str] = {}
    for row in filter(None, listing.split(b"\0")):
        head, raw_path = row.split(b"\t", 1)
        _, kind, blob, size = head.decode().split()
        path = raw_path.decode("utf-8", "surrogateescape")
        # A partial clone cannot tell the size of what it does not hold: no number is as good as too large.
        if kind == "blob" and source.wants(path) and size.isdigit() and int(size) <= max_file_bytes:
            blobs.setdefault(blob, path)
    with subprocess.Popen([*git, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        assert reader.stdin
        assert reader.stdout
        for blob, path in sorted(blobs.items(), key=lambda item: item[1]):
            reader.stdin.write(f"{blob}\n".encode())
            reader.stdin.flush()
            num_bytes = int(reader.stdout.readline().split()[2])
            content = reader.stdout.read(num_bytes)
            reader.stdout.read(1)
            yield path, content


def _download(package: str, cache: Path) -> Path:
    if not (found := sorted(cache.glob(f"{package}_*.deb"))):
        subprocess.run(["apt-get", "download", package], cwd=cache, check=True, capture_output=True)
        found = sorted(cache.glob(f"{package}_*.deb"))
    return found[-1]


def _deb_members(package: Path, wants: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as unpack:
        assert unpack.stdout
        try:
            with tarfile.open(fileobj=unpack.stdout, mode="r|") as tar:
                for member in tar:
                    path = member.name.removeprefix("./")
                    if member.isfile() and wants(path) and (file := tar.extractfile(member)):
                        yield path, file.read()
            unpack.stdout.read()  # what pads a tar: unread, it would fail dpkg-deb
            whole = unpack.wait() == 0
        except tarfile.ReadError:
            whole = False
        if not whole:
            raise ValueError(f"{package}: dpkg-deb cannot read all of it; remove it, and it is fetched anew")


def _deb_files(package: Path, source: Source) -> Iterator[tuple[str, bytes]]:
    yield from sorted(_deb_members(package, source.wants))


def _archive_files(package: Path, source: Source) -> Iterator[tuple[str, bytes]]:
    for _, content in _deb_members(package, source.archive.__eq__):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for path in sorted(filter(source.wants, archive.namelist())):
                yield path, archive.read(path)
