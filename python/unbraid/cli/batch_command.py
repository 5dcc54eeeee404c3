"""The command for many files: unbraid batch."""

from __future__ import annotations

from collections.abc import Sequence

import click

from .._checks import Gain
from .._core import Model
from ..files import processing as files
from ..separator import stems_asked_for
from .endings import SOME_FAILED
from .file_options import (
    audio_track_option,
    bit_depth_option,
    check_depth,
    format_option,
    keep_going_option,
    video_option,
)
from .options import known_stems, model_option, stems_option, to_gain

GAINS = "STEM=DB|mute,…"


def to_gains(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> dict[str, Gain]:
    """`--remix music=-12,noise=mute` by stem."""
    gains: dict[str, Gain] = {}
    for part in (part for value in values for part in value.split(",")):
        stem, equals, text = (each.strip() for each in part.partition("="))
        gain = to_gain(ctx, param, text)
        if not (stem and equals) or gain is None:
            raise click.BadParameter(f"{part!r} is not of the form STEM=DB or STEM=mute")
        gains[stem] = gain
    return gains


@click.command()
@click.argument("sources", metavar="SRC...", nargs=-1, required=True)
@click.argument("destination", metavar="DST")
@stems_option
@click.option(
    "--remix", "gains", metavar=GAINS, multiple=True, callback=to_gains,
    help="Write remixes with these gains, instead of stems; may be repeated.",
)  # fmt: skip
@format_option
@bit_depth_option
@model_option
@video_option
@audio_track_option
@click.option("--talkers", metavar="N", type=int, help="How many people a model that tells people apart looks for.")
@keep_going_option
@click.option("--force", is_flag=True, help="Do everything anew, and overwrite existing files.")
@click.option("--column", metavar="NAME", default="path", show_default=True, help="Of a CSV or Parquet file of paths.")
@click.option(
    "--workers", metavar="N", type=click.IntRange(min=1),
    help="How many files at once.  [default: one for each processor]",
)  # fmt: skip
@click.option(
    "--ray", "ray_address", metavar="ADDRESS",
    help='Work on a Ray cluster: "auto", "ray://HOST:PORT", or "local" to start one here.',
)  # fmt: skip
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def batch(
    sources: Sequence[str],
    destination: str,
    stems: Sequence[str],
    gains: dict[str, Gain],
    kind: str,
    bit_depth: int | None,
    model: Model,
    video: bool,
    audio_track: int,
    talkers: int | None,
    keep_going: bool,
    force: bool,
    column: str,
    workers: int | None,
    ray_address: str | None,
    quiet: bool,
) -> int:
    """Work on many files: folders, patterns, lists (.txt, .csv, .tsv, .parquet), files and URLs.

    Outputs lie below DST as their inputs do below SRC: DST/<folders>/<input>/<stem>, or DST/<folders>/<input> with
    --remix. What is done is noted there, in unbraid-batch.jsonl: the same command once more goes on where it stopped,
    and does anew what failed or has changed.
    """
    from ..batch.running import run_batch
    from ..batch.settings import Settings
    from .batch_report import BatchReport, print_summary

    stem_names = chosen_stems(model, stems, gains, talkers)
    if not video:
        check_depth(kind, bit_depth)
    settings = Settings(
        model=model.path,
        stem_names=() if gains else tuple(stem_names),
        gains_db={known_stems([stem], model.stem_names)[0]: gain for stem, gain in gains.items()},
        talkers=talkers,
        format=kind,
        bit_depth=bit_depth,
        video=video,
        audio_track=audio_track,
        keep_going=keep_going,
    )
    with BatchReport(quiet) as report:
        try:
            summary = run_batch(
                *(sources, destination, settings),
                report=report,
                workers=workers,
                ray_address=ray_address,
                force=force,
                column=column,
            )
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    if not quiet:
        print_summary(summary)
    return SOME_FAILED if summary.failed or summary.damaged else 0


def chosen_stems(model: Model, stems: Sequence[str], gains: dict[str, Gain], talkers: int | None) -> list[str]:
    """The stems to write, in the model's order; those of a remix are only checked."""
    if gains and (stems or talkers is not None):
        raise click.UsageError("--remix writes no stems: it goes with neither --stems nor --talkers")
    try:
        stem_names = stems_asked_for(model, talkers)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--talkers'") from None
    try:
        return files.choose_stems(known_stems(gains or stems, stem_names) or None, stem_names)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--remix'" if gains else "'--stems'") from None
