"""Options of the command line about files: what is read, in spite of damage, and how it is written."""

from __future__ import annotations

import click

from ..files.naming import one_of
from ..files.output_format import AUDIO_FORMATS, BIT_DEPTHS, CHOICES, FILM_FORMATS, FLOAT_BITS, check_bit_depth
from ..files.pipeline import MAX_DEFAULT_THREADS

BITS = {"float": FLOAT_BITS, **{str(bits): bits for bits in CHOICES["wav"]}}


def to_format(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    kind = value.strip().removeprefix(".").casefold()
    if kind not in AUDIO_FORMATS:
        films = " (films: --video)" if kind in FILM_FORMATS else ""
        raise click.BadParameter(f"{value!r} is not {one_of(AUDIO_FORMATS)}{films}")
    return kind


def to_plot(_ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
    if value:
        from ..plotting import pyplot

        try:
            pyplot()
        except ImportError as error:
            raise click.BadParameter(str(error)) from None
    return value


format_option = click.option(
    "--format", "kind", metavar="|".join(AUDIO_FORMATS), default="wav", show_default=True, callback=to_format,
    help="Of the files that are written.",
)  # fmt: skip
keep_going_option = click.option(
    "--keep-going",
    is_flag=True,
    help="Use what can be decoded of a damaged file; it is still told, and the exit status 1.",
)
bit_depth_option = click.option(
    "--bits", "bit_depth",
    type=click.Choice(["16", "24", "float", "32"]),
    metavar="16|24|float",
    callback=lambda _ctx, _param, value: value and BITS[value],
    help=f"Of a sample, where nothing else is lost.  [default: float in WAV, {BIT_DEPTHS['flac']} elsewhere]",
)  # fmt: skip
audio_track_option = click.option(
    "--audio-track", metavar="N", type=click.IntRange(1), default=1, show_default=True,
    help="Which sound of a film that has several.",
)  # fmt: skip
video_option = click.option(
    "--video", is_flag=True, help="Write films: the picture of each input with a stem as sound."
)
multitrack_option = click.option(
    "--multitrack", metavar="OUT.mkv", help="Write all stems into one file, as named tracks, beside the picture.",
)  # fmt: skip
plot_option = click.option(
    "--plot", is_flag=True, callback=to_plot, help="Write a picture beside the stems: spectrograms, and their masks."
)
threads_option = click.option(
    "--threads",
    metavar="N",
    type=click.IntRange(min=1),
    help=f"How many share the work on a file.  [default: one for each processor, {MAX_DEFAULT_THREADS} at most]",
)


def check_depth(kind: str, bit_depth: int | None) -> None:
    try:
        check_bit_depth(kind, bit_depth)
    except ValueError as error:
        raise click.BadParameter(str(error).removeprefix("bit_depth "), param_hint="'--bits'") from None
