"""Whole files in constant memory: read a block, process it, write it."""

from __future__ import annotations

import contextlib
import itertools
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from .._checks import Audio, Gain, gains_by_stem
from ..registry import DEFAULT_MODEL, load_model
from ..separator import ModelLike, Remixer, stems_asked_for
from .audio_io import Output
from .av_reader import CAN_READ_APART
from .errors import AudioFileError, DamageWarning, FilmWarning
from .input_file import InputFile, described
from .naming import check_formats, check_source, plot_path, stem_targets
from .output_format import check_bit_depth, is_standard, kind_of
from .outputs import OutputSet
from .pipeline import Step, check_threads, run_steps
from .steps import StreamSteps, separation_steps
from .writer import open_writer

BLOCK_SECONDS = 1.024  # 64 hops of our models, which are whole runs of the network
MIN_SECONDS_IN_HALVES = 30  # a shorter file is done before the network's halves have paid for being made
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
    talkers: int | None = None,
    stems: Sequence[str] | None = None,
    format: str = "wav",  # noqa: A002
    bit_depth: int | None = None,
    video: bool = False,
    multitrack: PathLike | None = None,
    plot: bool = False,
    audio_track: int = 1,
    keep_going: bool = False,
    force: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Separates an audio file into stems, one file each, in constant memory; returns their paths by stem.

    The files are `output_dir/NAME/STEM.FORMAT`, with the input's name without its ending as NAME; all of the name where
    that would leave only dots. `format` is "wav", "flac", "mp3", "ogg" (Vorbis), "opus" or, with the extra [video],
    "m4a"; `bit_depth` is 16, 24 or, for WAV, 32, which is float and the default there (FLAC: 24). `stems` picks some of
    the model's stems, `talkers` is as in `separate`. Sample rate, channels with their speakers, and length are the
    input's. `progress` is called with (seconds done, seconds in all, 0 if that is not known) about once for each
    second.

    `threads` says how many of them share the work: 1 for none but the caller's, or None for as many as the machine has
    processors, 2 at most. It changes nothing in the files. The network, most of the work with `dialogue`, is cut in two
    for them where its graph allows it (`unbraid info FILE.onnx` says) and the input lasts 30 s or more.

    With the extra [video] the input may be whatever FFmpeg reads; of several audio tracks `audio_track` is taken,
    counted from 1. With `video` each stem is a film: the input's picture and all else in it, as it was, with the stem
    in the place of that track. `multitrack` is a file that gets all stems as tracks instead, and the picture if there
    is one: .mkv, .mka (FLAC), .mov (PCM), .mp4, .m4v, .m4a (AAC) or .webm (Opus or Vorbis).

    With `plot`, and the extra [plot], the figure of `unbraid.plot` goes beside the stems, as stems.png; beside
    `multitrack` with its name. It shows all of the model's stems.

    An input that is damaged or cut short is refused, and what is wrong is named with its time; what only decoding tells
    is found on the way. With `keep_going` what can be decoded is used, in its place, with silence for what is missing
    in the middle, and a DamageWarning tells what that is.

    The files appear together, complete and on the disk; a failure leaves none. Until then they lie in a hidden folder,
    `.unbraid-*.part`, which the next run removes should this one be killed. Raises FileExistsError for a file that is
    there, or has appeared meanwhile, unless `force`; AudioFileError for an input that is no whole audio file, as a pipe
    or a URL; another OSError for what cannot be read or written, ValueError for an unknown stem, format or bit
    depth and for an output that is the input, ModelError for a model that cannot be had, RuntimeError where ONNX
    Runtime is missing or fails, ImportError for a plot without matplotlib. Warns of samples that integers cannot hold
    with ClippingWarning, and with FilmWarning of gaps in a film's sound, which become silence, and of what its new
    container does not hold.
    """
    source = Path(input)
    model = load_model(model)
    stem_names = stems_asked_for(model, talkers)
    names = choose_stems(stems, stem_names)
    targets = stem_targets(source, Path(output_dir), names, format, video=video, multitrack=multitrack)

    if plot:
        from ..plotting import Picture, pyplot  # which need this module

        pyplot()  # it is missed before any work
    figures: list[Picture] = []

    def stems_of(mixture: InputFile, threads: int) -> Sequence[Step]:
        rows = {name: stem_names.index(name) for name in names}
        separated = separation_steps(
            *(mixture.sample_rate, mixture.channels, model, talkers, block_length(mixture)),
            in_halves=pays_in_halves(mixture, threads),
        )
        if plot:
            figures.append(stack.enter_context(Picture(stem_names, mixture.sample_rate, mixture.num_samples)))

        def chosen(estimates: Audio) -> dict[str, Audio]:
            for figure in figures:
                figure.add(estimates)
            return {name: estimates[row] for name, row in rows.items()}

        return [*separated, chosen]

    with contextlib.ExitStack() as stack:
        process_file(
            *(source, targets, stems_of),
            at_end={plot_path(targets, multitrack): lambda file: figures[0].save(file)} if plot else {},
            bit_depth=bit_depth,
            needs_picture=video,
            audio_track=audio_track,
            keep_going=keep_going,
            force=force,
            threads=threads,
            progress=progress,
        )
    return targets


def remix_file(
    input: PathLike,  # noqa: A002
    output: PathLike,
    *,
    model: ModelLike = DEFAULT_MODEL,
    bit_depth: int | None = None,
    audio_track: int = 1,
    keep_going: bool = False,
    force: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
    gains_db: Mapping[str, Gain] | None = None,
    **gains: Gain,
) -> Path:
    """Writes an audio file with its stems mixed anew, in the format that `output` ends in, in constant memory; returns
    its path.

    A film (.mp4, .m4v, .mov, .mkv or .webm, with the extra [video]) gets the remix in the place of the input's
    `audio_track`, in sync to the sample, and all else as it is in the input: picture, other tracks, subtitles,
    chapters, tags.
    Gains are those of `remix`, and so are the errors for them: `remix_file("in.wav", "out.wav", music_db=-12)`.
    Everything else is as in `separate_file`.
    """
    model = load_model(model)
    gains_by_stem(gains_db, gains, model.stem_names)  # a wrong gain is told before the file is looked at

    def remix_of(mixture: InputFile, threads: int) -> Sequence[Step]:
        remixer = Remixer(mixture.sample_rate, mixture.channels, model, gains_db, **gains)
        stream = StreamSteps(remixer, block_length(mixture), in_halves=pays_in_halves(mixture, threads))
        return [*stream.steps, lambda remixed: {"remix": remixed}]

    target = Path(output)
    process_file(
        *(Path(input), {"remix": target}, remix_of),
        bit_depth=bit_depth,
        audio_track=audio_track,
        keep_going=keep_going,
        force=force,
        threads=threads,
        progress=progress,
    )
    return target


def process_file(
    source: Path,
    targets: Mapping[str, Path],
    steps: Callable[[InputFile, int], Sequence[Step]],
    *,
    at_end: Mapping[Path, Callable[[BinaryIO], None]] | None = None,
    bit_depth: int | None = None,
    needs_picture: bool = False,
    audio_track: int = 1,
    keep_going: bool = False,
    force: bool,
    threads: int | None,
    progress: Progress | None,
) -> None:
    """Sends a file through steps and writes the parts that the last gives, by name, to `targets`: all of them or none.

    `steps` makes them for the file, once it is open, and for so many threads. A step gets block after block, and None
    at the end. A part is (channels, samples), as many of all that are given together; parts that share a target are its
    tracks. What is `at_end` is written once all else is, by the function given. Raises ValueError for a target of an
    unknown format, AudioFileError for a source that is no whole audio file, OSError.
    """
    threads = check_threads(threads)
    at_end = at_end or {}
    tracks: dict[Path, list[str]] = {}
    for name, target in targets.items():
        tracks.setdefault(target, []).append(name)
    check_formats(tracks)
    for target in tracks:
        check_bit_depth(kind_of(target), bit_depth)
    check_source(source)
    with InputFile(source, keep_going=keep_going, track=audio_track) as mixture:
        if needs_picture and not (mixture.film and mixture.film.has_picture):
            raise AudioFileError(f"{source}: has no picture")
        check_not_source([*tracks, *at_end], source)
        named = {str(target): target for target in tracks if not is_standard(target)}
        has_pipe = mixture.is_pipe or len(named) < len(tracks)
        named |= {str(target): target for target in at_end}
        with OutputSet(named, force=force) as outputs, contextlib.ExitStack() as stack:
            about = (mixture.metadata, mixture.film)
            kind = (mixture.sample_rate, mixture.channels, bit_depth, mixture.layout)
            files = {
                target: stack.enter_context(open_writer(target, outputs.files.get(str(target)), *kind, names, *about))
                for target, names in tracks.items()
            }
            if has_pipe or (mixture.film and not CAN_READ_APART):
                threads = 1  # a thread that waits for a pipe hears no Ctrl-C
            writers = [writer(files[target], names) for target, names in tracks.items()]
            blocks = itertools.chain(mixture.blocks(BLOCK_SECONDS), [None])
            with contextlib.closing(run_steps(blocks, steps(mixture, threads), writers, threads)) as under_way:
                for _ in under_way:
                    outputs.check_present()
                    if progress:
                        done = min(file.num_samples for file in files.values())
                        progress(done / mixture.sample_rate, mixture.num_samples / mixture.sample_rate)
            for target, save in at_end.items():
                save(outputs.files[str(target)])
    warn_of_input(mixture)
    warn_of_outputs(files.values())


def block_length(mixture: InputFile) -> int:
    """The most samples that a step gets at once."""
    return int(BLOCK_SECONDS * mixture.sample_rate)


def pays_in_halves(mixture: InputFile, threads: int) -> bool:
    is_short = 0 < mixture.num_samples < MIN_SECONDS_IN_HALVES * mixture.sample_rate  # 0: not known
    return threads > 1 and not is_short


def writer(file: Output, names: Sequence[str]) -> Step:
    return lambda parts: file.write(*(parts[name] for name in names))


def choose_stems(stems: Sequence[str] | None, stem_names: Sequence[str]) -> list[str]:
    """The stems asked for, in the model's order."""
    wanted = stem_names if stems is None else [stems] if isinstance(stems, str) else list(stems)
    unknown = [stem for stem in wanted if stem not in stem_names]
    if unknown or not wanted:
        asked = f"unknown stem {unknown[0]!r}" if unknown else "no stem asked for"
        raise ValueError(f"{asked}; this model has {', '.join(stem_names)}")
    return [name for name in stem_names if name in wanted]


def check_not_source(targets: Iterable[Path], source: Path) -> None:
    """Before any work, and even if forced: no output may be the input."""
    for target in targets:
        if os.path.exists(target) and target.samefile(source):  # noqa: PTH110 - it takes names that are too long
            raise ValueError(f"{target}: the output would overwrite the input")


def warn_of_input(source: InputFile) -> None:
    if source.notes:
        warnings.warn(f"{source.path}: {described(source.notes)}", FilmWarning, stacklevel=4)
    if source.damage:
        warnings.warn(f"{source.path}: {described(source.damage)}", DamageWarning, stacklevel=4)


def warn_of_outputs(files: Iterable[Output]) -> None:
    for file in files:
        if file.left_out:
            what = f"{file.target}: its format does not hold the input's {', '.join(file.left_out)}"
            warnings.warn(what, FilmWarning, stacklevel=4)
        if file.num_clipped:
            warnings.warn(
                f"{file.target}: {file.num_clipped} samples beyond full scale were clipped "
                f"(peak {file.peak:.2f}); WAV of 32 bits would hold them",
                ClippingWarning,
                stacklevel=4,
            )
