"""The command line: unbraid separate, remix, info."""

from __future__ import annotations

import glob
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NoReturn

import click

from .. import _core
from .._checks import GAIN_SUFFIX
from .._core import Model, ModelError, __version__
from ..files import processing as files
from ..files.audio_io import BIT_DEPTHS
from ..files.errors import DamageWarning
from ..rack import Chain
from ..registry import ModelInfo, describe, load_model, read_installed
from .chains import ChainType, build_rack
from .file_options import bit_depth_option, check_depth, keep_going_option
from .options import StemCommand, model_option
from .plugin_commands import plugin_commands
from .progress import progress_bar

SOME_FAILED, INTERRUPTED = 1, 130

in_files = click.argument("inputs", metavar="IN...", nargs=-1, required=True)
force_option = click.option("--force", is_flag=True, help="Overwrite existing files.")
quiet_option = click.option("--quiet", is_flag=True, help="Print nothing but errors.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def commands() -> None:
    """Separates audio into stems, and gives each stem a fader."""


commands.add_command(plugin_commands)


@commands.command()
@in_files
@click.option(
    "-o", "--output", "output_dir", metavar="DIR", default=files.DEFAULT_FOLDER, show_default=True,
    help="Where to write DIR/<input>/<stem>.",
)  # fmt: skip
@click.option("--stems", metavar="A,B", help="Only these stems.  [default: all]")
@click.option("--format", "kind", type=click.Choice(list(BIT_DEPTHS)), default="wav")
@bit_depth_option
@model_option
@keep_going_option
@force_option
@quiet_option
def separate(
    inputs: Sequence[str],
    output_dir: str,
    stems: str | None,
    kind: str,
    bit_depth: int | None,
    model: Model,
    keep_going: bool,
    force: bool,
    quiet: bool,
) -> int:
    """Write each stem of audio files to a file of its own."""
    check_depth(kind, bit_depth)
    sources = expand(inputs)
    check_distinct(sources, output_dir)
    try:
        names = files.choose_stems(stems.split(",") if stems is not None else None, model.stem_names)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--stems'") from None

    def separate_one(source: Path, progress: files.Progress | None) -> Iterable[Path]:
        return files.separate_file(
            *(source, output_dir),
            model=model,
            stems=names,
            format=kind,
            bit_depth=bit_depth,
            keep_going=keep_going,
            force=force,
            progress=progress,
        ).values()

    done = [run(separate_one, source, quiet) for source in sources]
    return 0 if all(done) else SOME_FAILED


@commands.command(cls=StemCommand)
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option(
    "--chain", "chains", type=ChainType(), multiple=True,
    help="Send a stem through the pedalboard chain of that name in a Python file. May be given for each stem.",
)  # fmt: skip
@bit_depth_option
@model_option
@keep_going_option
@force_option
@quiet_option
def remix(
    source: str,
    target: str,
    chains: Sequence[tuple[str, Chain]],
    bit_depth: int | None,
    model: Model,
    keep_going: bool,
    force: bool,
    quiet: bool,
    **gains: float | str | None,
) -> int:
    """Write an audio file with the stems at new gains, and through chains of effects.

    Each stem of the model has an option, as in: unbraid remix in.wav out.wav --music -12 --noise mute
    """
    if Path(target).suffix[1:].lower() not in BIT_DEPTHS:
        raise click.BadParameter("OUT must end in .wav or .flac")
    check_depth(Path(target).suffix[1:].lower(), bit_depth)
    given = {keyword.removesuffix(GAIN_SUFFIX): gain_db for keyword, gain_db in gains.items() if gain_db is not None}

    try:
        rack = build_rack(model, chains, given) if chains else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--chain'") from None

    def remix_one(source: Path, progress: files.Progress | None) -> Iterable[Path]:
        options: dict[str, Any] = {"bit_depth": bit_depth, "keep_going": keep_going, "force": force}
        if rack:
            return [rack.process_file(source, target, progress=progress, **options)]
        return [files.remix_file(source, target, model=model, progress=progress, gains_db=given, **options)]

    return 0 if run(remix_one, Path(source), quiet) else SOME_FAILED


@commands.command()
@click.argument("model", metavar="[FILE.onnx]", required=False)
def info(model: str | None) -> None:
    """Show the versions, and the installed models or the one given."""
    packages = ", ".join(f"{name} {installed_version(name)}" for name in ("onnxruntime", "pedalboard"))
    click.echo(f"unbraid {__version__}, {packages}")
    broken: dict[Path, str] = {}
    if model:
        loaded = load_model(model)
        shown = [describe(loaded, Path(loaded.path), loaded.name)]
    else:
        installed, broken = read_installed()
        shown = list(installed.values())
    for each in shown:
        click.echo(f"\n{printable(each.name)}: {', '.join(map(printable, each.stem_names))}")
        for key, value in details(each).items():
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


def details(model: ModelInfo) -> dict[str, str]:
    """What to show of a model: its latency, then all it says of itself."""
    latency = _core.read_model_info(model.path).latency_samples
    shown = {"path": str(model.path)}
    for rate in (48000, 44100):
        samples = latency(rate)
        shown[f"latency {rate / 1000:g} kHz"] = f"{samples / rate * 1000:.1f} ms ({samples} samples)"
    said = {key: value for key, value in model.metadata.items() if key not in ("name", "stems")}
    return shown | said


def expand(inputs: Iterable[str]) -> list[Path]:
    """The files meant, each once; wildcards are for shells that leave them to the program."""
    paths: list[str] = []
    for name in inputs:
        matches = [] if os.path.lexists(name) else sorted(glob.glob(name, recursive=True))  # noqa: PTH207
        paths += matches or [name]
    return list({os.path.realpath(path): Path(path) for path in paths}.values())


def check_distinct(sources: Iterable[Path], output_dir: str) -> None:
    """Two inputs must not share a folder for their stems."""
    by_folder: dict[str, Path] = {}
    for source in sources:
        other = by_folder.setdefault(source.stem, source)
        if other != source:
            folder = Path(output_dir, source.stem)
            raise click.UsageError(
                f"{other} and {source} would both be written to {folder}; "
                "separate them one at a time, with different -o"
            )


def run(work: Callable[[Path, files.Progress | None], Iterable[Path]], source: Path, quiet: bool) -> bool:
    """Does the work on one file under a progress bar; tells what was written, or why it was not."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", files.ClippingWarning)
        warnings.simplefilter("always", DamageWarning)
        try:
            with progress_bar(source.name, quiet) as progress:
                written = work(source, progress)
        except (OSError, ValueError, RuntimeError, MemoryError) as error:
            message = error_line(error)
            print_error(message if str(source) in message else f"{source}: {message}")
            return False
    for warning in caught:
        print_error(f"warning: {warning.message}")
    if not quiet:
        for path in written:
            click.echo(path)
    return not any(issubclass(warning.category, DamageWarning) for warning in caught)


def error_line(error: Exception) -> str:
    """An exception in one line, without the number and quotes of OSError."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def print_error(message: str) -> None:
    click.echo(f"unbraid: {printable(message)}", err=True)


def printable(text: str) -> str:
    """Text that a file may have brought along, without what a terminal would obey."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def main(args: Sequence[str] | None = None) -> int:
    """Runs a command; 0: all went well, 1: something failed, 2: wrong usage, 130: interrupted."""
    if threading.current_thread() is threading.main_thread():
        # Ending through an exception lets unfinished files be removed.
        signal.signal(signal.SIGTERM, exit_on_signal)
    try:
        words = list(sys.argv[1:] if args is None else args) or ["--help"]
        if words[0] not in commands.commands and os.path.lexists(words[0]):
            words.insert(0, "separate")  # `unbraid talk.wav` is what one types first
        result = commands.main(words, prog_name="unbraid", standalone_mode=False)
    except click.Abort:
        print_error("interrupted")
        return INTERRUPTED
    except click.ClickException as error:
        print_error(" ".join(error.format_message().split()))
        return error.exit_code
    except (ModelError, OSError) as error:
        if isinstance(error, BrokenPipeError):  # as when the output goes to `head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        else:
            print_error(error_line(error))
        return SOME_FAILED
    return int(result or 0)


def exit_on_signal(number: int, _frame: Any) -> NoReturn:
    raise SystemExit(128 + number)
