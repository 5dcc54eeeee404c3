"""The steps that make parts of an input: block after block, then None, in; as many samples out, aligned with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .. import _core
from .._checks import Audio
from ..separator import Remixer, Separator, talker_separator
from .pipeline import Step


def separation_steps(
    sample_rate: float, channels: int, model: _core.Model, talkers: int | None, max_block: int, *, in_halves: bool
) -> Sequence[Step]:
    """Blocks (channels, samples) to stems (stems, channels, samples); see StreamSteps."""
    if model.streams:
        return StreamSteps(Separator(sample_rate, channels, model), max_block, in_halves=in_halves).steps
    whole = talker_separator(sample_rate, channels, model, talkers)
    return [lambda block: whole.finish() if block is None else whole.process(block)]


class StreamSteps:
    """A stream's own three steps, with its latency cut off; `in_halves` the network is two of them, where it can be."""

    def __init__(self, stream: Separator | Remixer, max_block: int, *, in_halves: bool) -> None:
        self._stream = stream._stream
        self._stream.prepare(max_block)
        network: Sequence[Callable[[_core.Hops], None]] = [self._stream.estimate]
        if in_halves:
            self._stream.halve()
            network = [self._stream.estimate_first_half, self._stream.estimate_second_half]
        self.steps: Sequence[Step] = (self._hear, *map(_estimation, network), self._render)
        self._silence = np.zeros((stream.channels, stream.latency_samples), np.float32)
        self._surplus = stream.latency_samples - self._stream.hop_length
        self._taken = self._given = 0

    def _hear(self, block: Audio | None) -> tuple[_core.Hops, bool]:
        if block is not None:
            self._taken += block.shape[1]
        return self._stream.hear(self._silence if block is None else block), block is None

    def _render(self, estimated: tuple[_core.Hops, bool]) -> Audio:
        hops, is_last = estimated
        output = self._stream.render(hops)
        cut = min(self._surplus, output.shape[-1])
        self._surplus -= cut
        end = self._taken - self._given + cut if is_last else output.shape[-1]
        self._given += end - cut
        return output[..., cut:end]


def _estimation(run: Callable[[_core.Hops], None]) -> Step:
    def step(heard: tuple[_core.Hops, bool]) -> tuple[_core.Hops, bool]:
        run(heard[0])
        return heard

    return step
