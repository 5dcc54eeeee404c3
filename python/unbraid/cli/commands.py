"""The commands: unbraid separate, remix, info; the others have modules of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from .. import _core
from .._core import Model, __version__
from ..files import processing as files
from ..files.naming import URL, check_distinct, check_formats, endings, plot_path, stem_targets
from ..files.output_format import is_standard, kind_of
from ..rack import Chain
from ..registry import ModelInfo, describe, load_model, read_installed
from ..separator import stems_asked_for
from .batch_command import batch
from .chains import build_rack, chain_option
from .check_command import check
from .endings import SOME_FAILED
from .file_options import (
    audio_track_option,
    bit_depth_option,
    check_depth,
    format_option,
    keep_going_option,
    multitrack_option,
    plot_option,
    threads_option,
    video_option,
)
from .listen_commands import listen, report
from .live_command import live
from .messages import print_error, printable
from .options import StemCommand, gains_of, known_stems, model_option, stems_option
from .plugin_commands import plugin_commands
from .work import expand, run

EXIT_STATUS = "Exit status: 0 all went well, 1 something failed, 2 wrong usage, 128 + N ended by signal N."

in_files = click.argument("inputs", metavar="IN...", nargs=-1, required=True)
force_option = click.option("--force", is_flag=True, help="Overwrite existing files.")
quiet_option = click.option("--quiet", is_flag=True, help="Print nothing but errors.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_STATUS)
@click.version_option(__version__)
def commands() -> None:
    """Separates audio into stems, and gives each stem a fader."""


commands.add_command(batch)
commands.add_command(listen)
commands.add_command(report)
commands.add_command(live)
commands.add_command(check)
commands.add_command(plugin_commands)


@commands.command()
@in_files
@click.option(
    "-o", "--output", "output_dir", metavar="DIR", default=files.DEFAULT_FOLDER, show_default=True,
    help="Where to write DIR/<input>/<stem>.",
)  # fmt: skip
@stems_option
@format_option
@bit_depth_option
@model_option
@video_option
@multitrack_option
@plot_option
@audio_track_option
@click.option("--talkers", metavar="N", type=int, help="How many people a model that tells people apart looks for.")
@keep_going_option
@force_option
@threads_option
@quiet_option
def separate(
    inputs: Sequence[str],
    output_dir: str,
    stems: Sequence[str],
    kind: str,
    bit_depth: int | None,
    model: Model,
    video: bool,
    multitrack: str | None,
    plot: bool,
    audio_track: int,
    talkers: int | None,
    keep_going: bool,
    force: bool,
    threads: int | None,
    quiet: bool,
) -> int:
    """Write each stem of audio files, or of films, to a file of its own."""
    try:
        stem_names = stems_asked_for(model, talkers)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--talkers'") from None
    try:
        names = files.choose_stems(known_stems(stems, stem_names) or None, stem_names)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--stems'") from None
    sources = expand(inputs)
    if multitrack and (video or len(sources) > 1):
        raise click.UsageError(f"--multitrack is for one input{', and not for --video' * video}")
    try:
        targets = {
            each: stem_targets(each, Path(output_dir), names, kind, video=video, multitrack=multitrack)
            for each in sources
        }
        written = {target for paths in targets.values() for target in paths.values()}
        check_formats(written)
        if not multitrack:
            check_distinct(sources, Path(output_dir), targets)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    for suffix in {kind_of(target) for target in written}:
        check_depth(suffix, bit_depth)

    def separate_one(source: Path, progress: files.Progress) -> Iterable[Path]:
        paths = files.separate_file(
            *(source, output_dir),
            model=model,
            talkers=talkers,
            stems=names,
            format=kind,
            bit_depth=bit_depth,
            video=video,
            multitrack=multitrack,
            plot=plot,
            audio_track=audio_track,
            keep_going=keep_going,
            force=force,
            threads=threads,
            progress=progress,
        )
        return dict.fromkeys([*paths.values(), *([plot_path(paths, multitrack)] if plot else [])])

    done = [run(separate_one, source, quiet) for source in sources]
    return 0 if all(done) else SOME_FAILED


@commands.command(cls=StemCommand)
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@chain_option
@bit_depth_option
@audio_track_option
@model_option
@keep_going_option
@force_option
@threads_option
@quiet_option
@click.pass_context
def remix(
    ctx: click.Context,
    /,
    source: str,
    target: str,
    chains: Sequence[tuple[str, Chain]],
    bit_depth: int | None,
    audio_track: int,
    model: Model,
    keep_going: bool,
    force: bool,
    threads: int | None,
    quiet: bool,
    **_gains: float | str | None,
) -> int:
    """Write an audio file, or a film, with the stems at new gains, and through chains of effects.

    Each stem of the model has an option, as in: unbraid remix in.wav out.wav --music -12 --noise mute

    With --chain all of the work is done by one thread.
    """
    try:
        check_formats([Path(target)])
    except ValueError:
        raise click.BadParameter(f"OUT must end in {endings()}, got {target!r}") from None
    check_depth(kind_of(Path(target)), bit_depth)
    given = gains_of(ctx)

    try:
        rack = build_rack(model, chains, given) if chains else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--chain'") from None

    def remix_one(source: Path, progress: files.Progress) -> Iterable[Path]:
        options: dict[str, Any] = {
            "bit_depth": bit_depth,
            "audio_track": audio_track,
            "keep_going": keep_going,
            "force": force,
        }
        if rack:
            path = rack.process_file(source, target, progress=progress, **options)
        else:
            path = files.remix_file(
                source, target, model=model, threads=threads, progress=progress, gains_db=given, **options
            )
        return [] if is_standard(path) else [path]

    return 0 if run(remix_one, Path(source), quiet) else SOME_FAILED


@commands.command()
@click.argument("model", metavar="[FILE.onnx]", required=False)
def info(model: str | None) -> None:
    """Show the versions, and the installed models or the one given."""
    packages = ", ".join(f"{name} {installed_version(name)}" for name in ("onnxruntime", "pedalboard"))
    click.echo(f"unbraid {__version__}, {packages}")
    broken: dict[Path, str] = {}
    tried: dict[str, str] = {}
    if model:
        loaded = load_model(model)
        shown = [describe(loaded, Path(loaded.path), loaded.name)]
        tried = {"hops per run": str(loaded.frames_per_run)}
        if loaded.one_frame_reason:
            tried["hops per run"] += f" ({loaded.one_frame_reason})"
        whole = loaded.find_halves()
        tried["by two threads"] = f"in one piece ({whole})" if whole else "in two halves"
    else:
        installed, broken = read_installed()
        shown = list(installed.values())
    for each in shown:
        click.echo(f"\n{printable(each.name)}: {', '.join(map(printable, each.stem_names))}")
        for key, value in details(each, tried).items():
            click.echo(f"  {printable(key):16} {printable(value)}")
    if not shown:
        click.echo("no models installed")
    for reason in broken.values():
        print_error(f"not a model: {reason}")


def installed_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # onnxruntime comes under several names, onnxruntime-gpu for one
        return "(version unknown)"


def details(model: ModelInfo, tried: Mapping[str, str]) -> dict[str, str]:
    """What to show of a model: its latency, what was found on trying it, then all it says of itself."""
    latency = _core.read_model_info(model.path).latency_samples
    shown = {"path": str(model.path)}
    if not model.streams:
        shown["serves"] = "whole signals and files; no streams, no plug-in"
    for rate in (48000, 44100) if model.streams else ():
        samples = latency(rate)
        shown[f"latency {rate / 1000:g} kHz"] = f"{samples / rate * 1000:.1f} ms ({samples} samples)"
    said = {key: value for key, value in model.metadata.items() if key not in ("name", "stems")}
    return {**shown, **tried, **said}


def run_command(args: Sequence[str]) -> int:
    """Runs a command and returns its exit status; raises what is no matter of usage."""
    words = list(args) or ["--help"]
    if words[0] not in commands.commands and is_input(words[0]):
        words.insert(0, "separate")  # `unbraid talk.wav` is what one types first
    try:
        result = commands.main(words, prog_name="unbraid", standalone_mode=False)
    except click.Abort:  # of a Ctrl-C that found no handler of ours
        raise SystemExit(128 + signal.SIGINT) from None
    except click.ClickException as error:
        message = " ".join(error.format_message().split())
        if message == f"No such command {words[0]!r}.":
            message = f"No such command {words[0]!r}, nor a file of that name."
        print_error(message)
        return error.exit_code
    return int(result or 0)


def is_input(word: str) -> bool:
    """What is meant for a file rather than for a command."""
    return word == "-" or URL.match(word) is not None or os.path.lexists(word) or os.sep in word
