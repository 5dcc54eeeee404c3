"""Grows a trained network without changing what it computes, so that a larger one need not begin anew.

    python -m unbraid.training.growing small.pt large.pt --channels 32 48 64 --blocks 3 --sub-hidden 80

After Chen et al., "Net2Net: accelerating learning via knowledge transfer", ICLR 2016, but without copies of units: new
channels and units get ordinary random weights on their inputs and zeros on their outputs. Nothing hears them at first,
yet what they are heard by learns from the first step, and they differ from the old ones and from each other.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unbraid.training.model import Block, Crnn, CrnnConfig

GATES = 4  # of an LSTM, stacked along the first axis of its weights
GROWABLE = ("channels", "blocks", "sub_hidden", "full_hidden", "planes")


def grow(model: Crnn, config: CrnnConfig, seed: int = 0) -> Crnn:
    """A network of `config` that computes what `model` computes.

    Sizes may grow in `channels`, `sub_hidden` and `full_hidden`, and in the number of `blocks` and `planes`; ValueError
    otherwise. New blocks stand before the last one, whose full-band LSTM masks the low bands. A side that is heard anew
    counts for nothing yet, and gets the masks of the middle.
    """
    old = model.config
    kept = {key: value for key, value in asdict(old).items() if key not in GROWABLE}
    if any(getattr(config, key) != value for key, value in kept.items()):
        raise ValueError(f"only {', '.join(GROWABLE)} can grow, the rest stays: got {config}, had {old}")
    sizes = [(*c.channels, c.blocks, c.sub_hidden, c.full_hidden, c.planes) for c in (old, config)]
    if len(sizes[0]) != len(sizes[1]) or any(a > b for a, b in zip(*sizes, strict=True)):
        raise ValueError(f"a network can only grow: got {config}, had {old}")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        grown = Crnn(config)
    with torch.no_grad():
        _grow_encoder(model, grown)
        _grow_blocks(model, grown)
        _grow_decoder(model, grown)
    return grown.train(model.training)


def _grow_encoder(old: Crnn, new: Crnn) -> None:
    for before, after in _pairs(old.encoder, new.encoder):
        _embed(after[0].weight, before[0].weight, inputs=1)
        _copy_norm(after[1], before[1])
    new.position[..., : old.position.shape[-1]] = old.position


def _grow_blocks(old: Crnn, new: Crnn) -> None:
    early = len(old.blocks) - 1
    for before, after in _pairs(old.blocks, [*new.blocks[:early], new.blocks[-1]]):
        _embed_lstm(after.sub, before.sub)
        _embed(after.sub_out.weight, before.sub_out.weight, inputs=1)
        _embed(after.squeeze.weight, before.squeeze.weight, inputs=1)
        _embed_lstm(after.full, before.full)
        _embed(after.full_out.weight, before.full_out.weight, inputs=1)
        after.full_out.bias.copy_(before.full_out.bias)
        _embed(after.expand.weight, before.expand.weight, inputs=1)
    for block in new.blocks[early:-1]:
        assert isinstance(block, Block)
        block.sub_out.weight.zero_()
        block.expand.weight.zero_()
    if new.low_out is not None and old.low_out is not None:
        times = new.config.planes // old.config.planes
        _embed(new.low_out.weight, old.low_out.weight.repeat(times, 1), inputs=1)


def _grow_decoder(old: Crnn, new: Crnn) -> None:
    # A decoder sees groups of channels side by side, each of which has grown: what comes from below, the skip, and in
    # the last layer their product.
    for layer, (before, after) in enumerate(_pairs(old.decoder, new.decoder)):
        last = layer == len(old.decoder) - 1
        groups, times = (3, new.config.planes // old.config.planes) if last else (2, 1)
        for b, a in zip(before.weight.chunk(groups), after.weight.chunk(groups), strict=True):
            _embed(a, b.repeat(1, times, 1, 1), inputs=0)
        _embed(after.bias.unsqueeze(1), before.bias.repeat(times).unsqueeze(1), inputs=1)
    for before, after in _pairs(old.norms, new.norms):
        _copy_norm(after, before)


def _pairs(old: Iterable[nn.Module], new: Iterable[nn.Module]) -> Iterator[tuple[Any, Any]]:
    return zip(old, new, strict=True)


def _embed(new: Tensor, old: Tensor, inputs: int) -> None:
    """Old weights into the corner of new ones; old outputs do not hear new inputs. `inputs`: their axis, 0 or 1."""
    old_outputs = slice(old.shape[1 - inputs])
    rows = (slice(None), old_outputs) if inputs == 0 else (old_outputs, slice(None))
    new[rows] = 0
    new[: old.shape[0], : old.shape[1]] = old


def _embed_lstm(new: nn.LSTM, old: nn.LSTM) -> None:
    """Gate by gate: each gate's rows are a group of their own."""
    for name in ("weight_ih_l0", "weight_hh_l0"):
        for after, before in zip(getattr(new, name).chunk(GATES), getattr(old, name).chunk(GATES), strict=True):
            _embed(after, before, inputs=1)
    for name in ("bias_ih_l0", "bias_hh_l0"):
        for after, before in zip(getattr(new, name).chunk(GATES), getattr(old, name).chunk(GATES), strict=True):
            after[: len(before)] = before


def _copy_norm(new: nn.BatchNorm2d, old: nn.BatchNorm2d) -> None:
    """The statistics of old channels; those of new ones at their defaults."""
    size = old.num_features
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(new, name)[:size] = getattr(old, name)
    assert new.num_batches_tracked is not None
    assert old.num_batches_tracked is not None
    new.num_batches_tracked.copy_(old.num_batches_tracked)


def main(args: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--channels", type=int, nargs="+")
    for name in GROWABLE[1:]:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int)
    given = {key: value for key, value in vars(parser.parse_args(args)).items() if value is not None}
    checkpoint, output = given.pop("checkpoint"), given.pop("output")
    state = torch.load(checkpoint, weights_only=True)
    old = Crnn(CrnnConfig(**state["config"]))
    old.load_state_dict(state["average"])
    sizes = {**state["config"], **given}
    config = CrnnConfig(**{**sizes, "channels": tuple(sizes["channels"])})
    state |= {"average": grow(old, config).state_dict(), "config": config.to_dict()}
    torch.save(state, output)


if __name__ == "__main__":
    main()
