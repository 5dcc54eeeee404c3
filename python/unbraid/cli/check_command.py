"""The command that says whether a model file is fit to be used: unbraid check."""

from __future__ import annotations

import math

import click

from ..model_check import ModelCheck, check_model
from .endings import SOME_FAILED
from .messages import printable


@click.command()
@click.argument("model", metavar="NAME|FILE.onnx")
def check(model: str) -> int:
    """Say all that a model file lacks or gets wrong, how it runs, and what it costs.

    Exit status 0 if it is fit to be used, 1 if not.
    """
    found = check_model(model)
    verdict = "fit" if found.fit else f"not fit: {len(found.problems)} problem{'s'[: len(found.problems) > 1]}"
    click.echo(f"{printable(str(found.path))}: {verdict}")
    for problem in found.problems:
        click.echo(f"  {printable(problem)}")
    for key, value in facts(found):
        click.echo(f"  {printable(key):16} {printable(value)}")
    return 0 if found.fit else SOME_FAILED


def facts(found: ModelCheck) -> list[tuple[str, str]]:
    """What to show of a model that can be loaded, line by line."""
    info = found.info
    if info is None:
        return []
    lines = [("stems", ", ".join(info.stem_names))]
    lines += [(name, shape_text(shape)) for name, shape in found.tensors.items()]
    if info.streams:
        lines.append(("streams", f"yes, with {len(found.states)} states" if found.states else "yes, without a state"))
        lines += [(name, shape_text(shape)) for name, shape in found.states.items()]
        behind = f", {info.lookahead_frames} hops of it look-ahead" if info.lookahead_frames else ""
        lines.append(("latency", f"{info.latency_ms:.1f} ms at 48 kHz{behind}"))
    else:
        lines.append(("streams", "no: it serves whole signals and files, neither streams nor the plug-in"))
    lines.append(("nodes", f"{found.num_nodes}, each run once a hop in live audio: the fewer, the cheaper"))
    if info.streams:
        why = f" ({found.one_frame_reason})" if found.one_frame_reason else ", the same to the bit as one by one"
        lines.append(("hops per run", f"{found.frames_per_run}{why}"))
        causal = {True: "no", False: "yes", None: "hop by hop; not tried with several in a run"}
        lines.append(("causal", causal[found.looks_ahead]))
        lines.append(("cost live", cost_text(found.live_cost)))
    lines.append(("cost of files", cost_text(found.file_cost)))
    return lines


def shape_text(shape: tuple[int | str, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


def cost_text(cost: float) -> str:
    if math.isnan(cost):
        return "not measured"
    return f"{cost:.2g} CPU seconds for a second of stereo at 48 kHz"
