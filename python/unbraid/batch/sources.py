"""The inputs of a batch: files, folders, patterns, and lists of them."""

from __future__ import annotations

import csv
import itertools
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from ..files.naming import has_wildcard, is_pattern, matches
from ..files.output_format import FORMATS, is_standard
from .places import is_url
from .work import Item

# What is taken for audio, or a film, in folders; by a name or a pattern any file may be given.
ENDINGS = {f".{kind}" for kind in FORMATS}
ENDINGS |= {".wave", ".bwf", ".rf64", ".w64", ".aif", ".aiff", ".aifc", ".oga", ".aac", ".wma", ".avi", ".mpg", ".mpeg"}
LISTS = (".txt", ".csv", ".tsv", ".parquet")
DEFAULT_COLUMN = "path"
# Bytes of a file in relation to those of its audio as 16-bit PCM, roughly: the longest are to come first.
PACKED = {".flac": 0.6, ".wav": 1.0, ".wave": 1.0, ".bwf": 1.0, ".rf64": 1.0, ".w64": 1.0}
PACKED |= {".aif": 1.0, ".aiff": 1.0, ".aifc": 1.0}
PACKED_BY_ENCODERS = 0.1


def find_items(
    sources: Sequence[str], *, passed_over: Collection[str] = (), outputs: str = "", column: str = DEFAULT_COLUMN
) -> list[Item]:
    """All inputs, each once, with the name under which its outputs go: its path below the folder, the fixed part of the
    pattern, or the list's folder; a file's own name.

    Folders are walked, but for hidden files and links to folders; there and in patterns, files `passed_over` and what
    lies in the folder `outputs` are left out, unless the source itself lies in there. Raises ValueError for a source
    without any input and for a list without the column, RuntimeError for what needs an extra, OSError.
    """
    found: dict[str, Item] = {}
    for source in sources:
        if is_standard(Path(source)):
            raise ValueError("-: a batch takes files, not standard input")
        items = [item for item in items_of(source, column) if not item_left_out(item, source, passed_over, outputs)]
        if not items:
            raise ValueError(f"{source}: no audio files in it")
        for item in items:
            found.setdefault(item.source, item)
    return list(found.values())


def item_left_out(item: Item, source: str, passed_over: Collection[str], outputs: str) -> bool:
    if Path(source).is_file():  # a file or a list means what it says
        return False
    if item.source in passed_over:
        return True
    inside = f"{outputs}{os.sep}"
    return bool(outputs) and item.source.startswith(inside) and not f"{absolute(source)}{os.sep}".startswith(inside)


def items_of(source: str, column: str) -> Iterable[Item]:
    if is_url(source):
        from .stores import find_in_store

        return find_in_store(source)
    if os.path.isdir(source):  # noqa: PTH112 - Path drops the dots that a name may begin with
        return [item_of(path, os.path.relpath(path, source)) for path in walk(source)]
    if is_pattern(source):
        base = Path(*fixed_parts(Path(source).parts))
        return [item_of(path, os.path.relpath(path, base)) for path in matches(source)] or [item_of(source, source)]
    if Path(source).suffix.lower() in LISTS:
        return listed_items(Path(source), column)
    return [item_of(source, Path(source).name)]


def item_of(path: str, name: str) -> Item:
    """What is wrong with a file shows when its turn comes."""
    path = absolute(path)
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return Item(path, Path(name).as_posix())
    return Item(path, Path(name).as_posix(), status.st_size, status.st_mtime_ns)


def absolute(path: str) -> str:
    """Links stay what they are: each has outputs of its own."""
    return os.path.abspath(path)  # noqa: PTH100


def walk(folder: str) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(names):
            if is_audio_name(name):
                yield os.path.join(place, name)  # noqa: PTH118


def is_audio_name(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in ENDINGS  # noqa: PTH122


def fixed_parts(parts: Iterable[str]) -> list[str]:
    """The folders that a pattern begins with, as far as they have no wildcard."""
    return list(itertools.takewhile(lambda part: not has_wildcard(part), parts))


def listed_items(path: Path, column: str) -> list[Item]:
    """Paths in a list are relative to its folder. What lies elsewhere goes by the folder that all of it has in common,
    and a URL by its last part."""
    paths = [each for each in listed(path, column) if each]
    here = absolute(str(path.parent))
    full = {each: each if is_url(each) else absolute(os.path.join(here, each)) for each in paths}  # noqa: PTH118
    elsewhere = [each for each in full.values() if not is_url(each) and not each.startswith(f"{here}{os.sep}")]
    common = os.path.commonpath([os.path.dirname(each) for each in elsewhere]) if elsewhere else ""  # noqa: PTH120
    items: list[Item] = []
    for each in full.values():
        if is_url(each):
            from .stores import item_in_store

            items.append(item_in_store(each))
        else:
            items.append(item_of(each, os.path.relpath(each, common if each in set(elsewhere) else here)))
    return items


def listed(path: Path, column: str) -> list[str]:
    kind = path.suffix.lower()
    if kind == ".parquet":
        return column_of_parquet(path, column)
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="" if kind != ".txt" else None) as file:
        if kind == ".txt":
            return [line.rstrip("\n") for line in file]
        rows = csv.DictReader(file, delimiter="\t" if kind == ".tsv" else ",")
        check_column(path, column, rows.fieldnames or [])
        return [row[column] or "" for row in rows]


def column_of_parquet(path: Path, column: str) -> list[str]:
    try:
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise RuntimeError(f"{path}: Parquet needs pyarrow: pip install 'unbraid[batch]'") from None
    try:
        check_column(path, column, parquet.read_schema(path).names)
        values = parquet.read_table(path, columns=[column]).column(column).to_pylist()
    except ValueError as error:  # what pyarrow raises for damage is one
        said = str(error)
        raise ValueError(said if str(path) in said else f"{path}: {said}") from None
    return [str(value) for value in values if value is not None]


def check_column(path: Path, column: str, columns: Sequence[str]) -> None:
    if column not in columns:
        raise ValueError(f"{path}: has no column {column!r}; it has {', '.join(columns) or 'none'}")


def weight(item: Item) -> float:
    """How long an item will take, in relation to others: by its size, as far as it is compressed."""
    return 1 + item.size / PACKED.get(os.path.splitext(item.name)[1].lower(), PACKED_BY_ENCODERS)  # noqa: PTH122
