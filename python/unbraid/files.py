"""Whole files in constant memory: read a block, process it, write it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from .audio_io import BIT_DEPTHS, AudioFileError, InputFile, OutputFile, OutputFiles
from .registry import DEFAULT_MODEL, load_model
from .separator import ModelLike, Remixer, Separator, aligned
from .validation import Gain, gains_by_stem

__all__ = ["AudioFileError", "ClippingWarning", "remix_file", "separate_file"]

BLOCK_SECONDS = 1.0
DEFAULT_FOLDER = "stems"

PathLike = str | os.PathLike[str]
Progress = Callable[[float, float], None]


class ClippingWarning(UserWarning):
    """Samples beyond full scale were cut off, in a format that cannot hold them."""


def separate_file(
    input: PathLike,  # noqa: A002 - the plain word for it
    output_dir: PathLike = DEFAULT_FOLDER,
    *,
    model: ModelLike = DEFAULT_MODEL,
    stems: Sequence[str] | None = None,
    format: str = "wav",  # noqa: A002
    force: bool = False,
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Separates an audio file into `output_dir/<input's stem>/<stem>.<format>`; returns the paths.

    `format` is "wav" (32-bit float) or "flac" (24 bit). `stems` picks some of the model's stems.
    Existing files are kept, with FileExistsError, unless `force`. The files get their names when
    all are complete; a failure leaves none. `progress` is called with (seconds done, seconds).
    """
    source = Path(input)
    model = load_model(model)
    names = choose_stems(stems, model.stem_names)
    targets = stem_paths(source, Path(output_dir), names, format)
    with InputFile(source) as mixture:
        check_targets(targets.values(), source, force)
        separator = Separator(mixture.sample_rate, mixture.channels, model)
        rows = [separator.stem_names.index(name) for name in names]
        with OutputFiles(targets, mixture.sample_rate, mixture.channels) as outputs:
            files = [outputs.files[name] for name in names]
            for estimates in aligned(separator, mixture.blocks(BLOCK_SECONDS)):
                for row, file in zip(rows, files, strict=True):
                    file.write(estimates[row])
                report(progress, files[0], mixture)
    warn_of_clipping(files)
    return targets


def remix_file(
    input: PathLike,  # noqa: A002
    output: PathLike,
    *,
    model: ModelLike = DEFAULT_MODEL,
    force: bool = False,
    progress: Progress | None = None,
    **gains: Gain,
) -> Path:
    """Writes an audio file with its stems mixed anew, as in `remix`, to a .wav or .flac file.

    Everything else is as in `separate_file`.
    """
    source, target = Path(input), Path(output)
    if target.suffix[1:].lower() not in BIT_DEPTHS:
        raise ValueError(f"{target}: the output must end in {' or '.join(map('.{}'.format, BIT_DEPTHS))}")
    model = load_model(model)
    gains_by_stem(gains, model.stem_names)  # a wrong gain is told before the file is looked at
    with InputFile(source) as mixture:
        check_targets([target], source, force)
        remixer = Remixer(mixture.sample_rate, mixture.channels, model, **gains)
        with OutputFiles({"remix": target}, mixture.sample_rate, mixture.channels) as outputs:
            file = outputs.files["remix"]
            for remixed in aligned(remixer, mixture.blocks(BLOCK_SECONDS)):
                file.write(remixed)
                report(progress, file, mixture)
    warn_of_clipping([file])
    return target


def choose_stems(stems: Sequence[str] | None, stem_names: Sequence[str]) -> list[str]:
    """The stems asked for, in the model's order."""
    wanted = stem_names if stems is None else [stems] if isinstance(stems, str) else list(stems)
    unknown = [stem for stem in wanted if stem not in stem_names]
    if unknown or not wanted:
        asked = f"unknown stem {unknown[0]!r}" if unknown else "no stem asked for"
        raise ValueError(f"{asked}; this model has {', '.join(stem_names)}")
    return [name for name in stem_names if name in wanted]


def stem_paths(source: Path, output_dir: Path, names: Iterable[str], kind: str) -> dict[str, Path]:
    if kind not in BIT_DEPTHS:
        raise ValueError(f"format must be {' or '.join(BIT_DEPTHS)}, got {kind!r}")
    return {name: output_dir / source.stem / f"{name}.{kind}" for name in names}


def check_targets(targets: Iterable[Path], source: Path, force: bool) -> None:
    """Before any work: no output may be the input, nor an existing file unless forced."""
    for target in targets:
        if target.is_dir():
            raise IsADirectoryError(f"{target}: the output is a directory")
        if target.exists() and target.samefile(source):
            raise ValueError(f"{target}: the output would overwrite the input")
        if os.path.lexists(target) and not force:
            raise FileExistsError(f"{target}: exists already; use force to overwrite it")


def report(progress: Progress | None, file: OutputFile, mixture: InputFile) -> None:
    if progress:
        progress(file.num_samples / mixture.sample_rate, mixture.num_samples / mixture.sample_rate)


def warn_of_clipping(files: Iterable[OutputFile]) -> None:
    for file in files:
        if file.num_clipped:
            warnings.warn(
                f"{file.target}: {file.num_clipped} samples beyond full scale were clipped "
                f"(peak {file.peak:.2f}); WAV would hold them",
                ClippingWarning,
                stacklevel=3,
            )
