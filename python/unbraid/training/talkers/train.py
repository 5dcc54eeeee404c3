"""Trains `talkers`: python -m unbraid.training.talkers.train CORPUS RUN. What a run folder holds, `loop` says."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unbraid.training.loop import Batch, Batches, Loop, LoopConfig, add_options, options_of, parse, rank, start
from unbraid.training.model import autocast
from unbraid.training.talkers.clustering import cluster
from unbraid.training.talkers.losses import ideal_centres, owners_of, point_weights, talkers_loss
from unbraid.training.talkers.model import Embedder, EmbedderConfig, masks_of
from unbraid.training.talkers.pairs import Pair, PairDrawer, batches

VALIDATION_PAIRS = 60
VALIDATION_SECONDS = 6.0
VALIDATION_SEED = 7


@dataclass
class TalkersConfig(LoopConfig):
    seconds: float = 4.0


class PairBatches(Batches):
    """P, C and K of pairs of voices."""

    def __init__(self, corpus: Path, config: LoopConfig, first_step: int) -> None:
        super().__init__(config, first_step)
        self.corpus = corpus

    def draw(self, seed: int) -> Iterator[Batch]:
        drawer = PairDrawer(self.corpus, "train", self.config.seconds, seed)
        for batch in batches(drawer, self.config.batch_size):
            yield torch.from_numpy(batch.mixture), torch.from_numpy(batch.cross), torch.from_numpy(batch.talkers)


class TalkersRun(Loop):
    """A run of an Embedder."""

    def __init__(self, corpus: Path, folder: Path, config: TalkersConfig, sizes: EmbedderConfig) -> None:
        self.corpus = corpus
        torch.manual_seed(config.seed)
        super().__init__(folder, config, Embedder(sizes), sizes.to_dict())

    def batches(self) -> PairBatches:
        return PairBatches(self.corpus, self.config, self.step)

    def loss(self, *batch: Tensor) -> Tensor:
        mixture, cross, talkers = batch
        with autocast():
            embeddings = self.model(mixture)
        assert isinstance(self.model, Embedder)
        return talkers_loss(embeddings, self.model.sharpness, mixture, cross, talkers)


class Pairs:
    """Fixed pairs of held-out voices, and what a network gains on them, from band sums alone."""

    def __init__(self, corpus: Path) -> None:
        drawer = PairDrawer(corpus, "validation", VALIDATION_SECONDS, VALIDATION_SEED)
        self._pairs = [drawer.draw() for _ in range(VALIDATION_PAIRS)]

    @torch.no_grad()
    def gains(self, model: Embedder) -> dict[str, float]:
        """Mean gain in dB with the centres that k-means finds, and with the true ones."""
        found: list[float] = []
        ideal: list[float] = []
        for pair in self._pairs:
            power, talkers = torch.from_numpy(pair.mixture)[None], torch.from_numpy(pair.talkers)[None]
            embeddings = model(power)
            weights = point_weights(power).flatten(1)
            true_centres = ideal_centres(embeddings.flatten(1, 2), owners_of(talkers), weights)
            for centres, gains in ((cluster(embeddings[0], power[0], 2)[None], found), (true_centres, ideal)):
                gains.append(best_gain(masks_of(embeddings, centres, model.sharpness)[0].numpy(), pair))
        return {"k-means": float(np.mean(found)), "true centres": float(np.mean(ideal))}


def best_gain(masks: NDArray[np.float32], pair: Pair) -> float:
    """The mean SI-SDR gain in dB of masks (talkers, frames, bands), in the order of talkers that gains most."""
    orders = itertools.permutations(range(len(masks)))
    return max(
        float(np.mean([si_sdr_gain(masks[i], pair, talker) for talker, i in enumerate(order)])) for order in orders
    )


def si_sdr_gain(mask: NDArray[np.float32], pair: Pair, talker: int) -> float:
    """The gain over the mixture that a mask brings a talker, in dB, from band sums."""

    def si_sdr(inner: float, energy: float) -> float:
        own = float(pair.talkers[talker].sum(dtype=np.float64)) + 1e-20
        return float(10 * np.log10(inner**2 / max(energy * own - inner**2, 1e-12 * energy * own) + 1e-12))

    inner = float((mask * pair.cross[talker]).sum(dtype=np.float64))
    energy = float((mask**2 * pair.mixture).sum(dtype=np.float64)) + 1e-20
    whole, loud = (float(part.sum(dtype=np.float64)) for part in (pair.cross[talker], pair.mixture))
    return si_sdr(inner, energy) - si_sdr(whole, loud)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("run", type=Path)
    add_options(parser, TalkersConfig(), EmbedderConfig())
    args = parse(parser)
    start(args.threads)
    pairs = Pairs(args.corpus) if rank() == 0 else None
    run = TalkersRun(args.corpus, args.run, options_of(TalkersConfig, args), options_of(EmbedderConfig, args))

    def validate() -> dict[str, float]:
        assert pairs
        assert isinstance(run.average, Embedder)
        return pairs.gains(run.average)

    run.run(validate if pairs else None)


if __name__ == "__main__":
    main()
