"""What outputs are called after their inputs, and which inputs cannot be read or not together."""

from __future__ import annotations

import glob
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .errors import AudioFileError
from .output_format import AUDIO_FORMATS, FILM_FORMATS, FORMATS, TRACK_FORMATS, is_standard, kind_of
from .scratch import Scratch
from .writer import check_writable

URL = re.compile(r"([a-z][a-z0-9+.-]+):/+(?=[^/])", re.IGNORECASE)  # a Path makes one stroke of two


def output_name(source: Path) -> str:
    """The input's name without its ending; all of it where only dots would be left, which name other folders."""
    if is_standard(source):
        return "stdin"
    return source.stem if source.stem.strip(".") else source.name


def stem_paths(source: Path, output_dir: Path, names: Iterable[str], kind: str) -> dict[str, Path]:
    """Where the stems of an input go, by name. Raises ValueError for a format that is not written."""
    if kind not in FORMATS:
        raise ValueError(f"format must be {one_of(AUDIO_FORMATS)}, got {kind!r}")
    return {name: output_dir / output_name(source) / f"{name}.{kind}" for name in names}


def stem_targets(
    source: Path,
    output_dir: Path,
    names: Iterable[str],
    kind: str,
    *,
    video: bool = False,
    multitrack: str | os.PathLike[str] | None = None,
) -> dict[str, Path]:
    """As `stem_paths`; with `video` in films of the input's own format, or all in the tracks of one file."""
    if multitrack is None:
        return stem_paths(source, output_dir, names, film_kind(source) if video else kind)
    target = Path(multitrack)
    if kind_of(target) not in TRACK_FORMATS:
        raise ValueError(f"{target}: a file of several tracks must end in {one_of(map('.{}'.format, TRACK_FORMATS))}")
    return dict.fromkeys(names, target)


def plot_path(targets: Mapping[str, Path], multitrack: str | os.PathLike[str] | None) -> Path:
    """Where the picture of an input's stems goes: beside them, or beside the file that has them all."""
    if multitrack is not None:
        return Path(multitrack).with_suffix(".png")
    return next(iter(targets.values())).with_name("stems.png")


def film_kind(source: Path) -> str:
    """The container of a film made from another: the same, or the one that holds anything."""
    return kind_of(source) if kind_of(source) in FILM_FORMATS else "mkv"


def check_formats(targets: Iterable[Path]) -> None:
    """Raises ValueError for a format that is not written, RuntimeError for one that needs an extra."""
    for target in targets:
        if kind_of(target) not in FORMATS:
            raise ValueError(f"{target}: the output must end in {endings()}")
        check_writable(target)


def endings() -> str:
    return one_of(map(".{}".format, FORMATS))


def one_of(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}"


def as_typed(source: Path) -> str:
    """A path in words, with both strokes of a URL."""
    return URL.sub(r"\1://", str(source), count=1) if URL.match(str(source)) else str(source)


def is_pattern(name: str) -> bool:
    """Whether a name has wildcards, and is no name of what is there."""
    return has_wildcard(name) and not os.path.lexists(name)


def has_wildcard(name: str) -> bool:
    return "*" in name or "?" in name


def matches(pattern: str) -> list[str]:
    """The files that a pattern means: `*`, `**` and `?` are wildcards, brackets a name's own."""
    found = glob.glob(pattern.replace("[", "[[]"), recursive=True)  # noqa: PTH207
    return sorted(path for path in found if not os.path.isdir(path))  # noqa: PTH112


def entry(path: Path) -> tuple[str, str]:
    """What tells one name on the disk from another."""
    return os.path.realpath(path.parent), path.name


def check_source(source: Path) -> None:
    """Says of an input that is no file what to do instead.

    Raises IsADirectoryError for a folder, AudioFileError for a URL; what else is wrong shows on opening it.
    """
    if source.is_dir():
        pattern = source / "*.wav"
        raise IsADirectoryError(f"{source}: Is a directory; name the files in it, as in {pattern}")
    if URL.match(str(source)) and not source.exists():
        raise AudioFileError(f"{as_typed(source)}: is a URL, and only files are read: download it first")


def check_distinct(sources: Sequence[Path], output_dir: Path, targets: Mapping[Path, Mapping[str, Path]]) -> None:
    """Before any work on several inputs, with the targets of each: none may get the outputs of another, or be one.

    Raises ValueError where that is so, OSError where the folder of outputs cannot be made.
    """
    by_name: dict[str, Path] = {}
    for source in sources:
        other = by_name.setdefault(output_name(source), source)
        if other is not source:
            refuse(other, source, output_dir)
    alike: dict[str, list[str]] = {}
    for name in by_name:
        alike.setdefault(folded(name), []).append(name)
    for several in (several for several in alike.values() if len(several) > 1):
        if (found := first_taken(several, output_dir)) is not None:
            refuse(by_name[several[0]], by_name[found], output_dir)
    inputs = {identity(source): source for source in sources}
    inputs.pop(None, None)
    for source in sources:
        for target in targets[source].values():
            if (overwritten := inputs.get(identity(target))) is not None:
                raise ValueError(f"{target}: the output of {source} would overwrite the input {overwritten}")


def refuse(one: Path, other: Path, output_dir: Path) -> None:
    folder = output_dir / output_name(one)
    raise ValueError(
        f"{one} and {other} would both be written to {folder}; separate them one at a time, with different -o"
    )


def folded(name: str) -> str:
    """The same for names that some file system may take for one: by case, or by how accents are written."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def first_taken(names: Iterable[str], output_dir: Path) -> str | None:
    """The first name that the file system takes for one before it: asked, because no two agree."""
    scratch = Scratch(next(path for path in (output_dir, *output_dir.parents) if path.is_dir()))
    try:
        for name in names:
            try:
                (scratch.path / "names" / name).mkdir(parents=True)
            except FileExistsError:
                return name
    finally:
        scratch.remove()
    return None


def identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from all others, whatever its name; None where there is none."""
    try:
        status = path.stat()
    except OSError:  # what is wrong with it shows when its turn comes
        return None
    return status.st_dev, status.st_ino
