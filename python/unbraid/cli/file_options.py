"""Options of the command line about files: what is read in spite of damage, and how much of a sample is written."""

from __future__ import annotations

import click

from ..files.output_format import BIT_DEPTHS, CHOICES, check_bit_depth
from ..files.pipeline import MAX_DEFAULT_THREADS

keep_going_option = click.option(
    "--keep-going",
    is_flag=True,
    help="Use what can be decoded of a damaged file; it is still told, and the exit status 1.",
)
bit_depth_option = click.option(
    "--bit-depth",
    type=click.Choice([str(bits) for bits in CHOICES["wav"]]),
    callback=lambda _ctx, _param, value: value and int(value),
    help=f"Bits of a sample; 32 is float.  [default: {BIT_DEPTHS['wav']} in WAV, {BIT_DEPTHS['flac']} in FLAC]",
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
        raise click.BadParameter(str(error), param_hint="'--bit-depth'") from None
