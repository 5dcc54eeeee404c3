"""Trains `dialogue` and its kin: mixes in a worker process, steps, validates by SI-SDR gain. See `loop` for the rest.

An LSTM keeps little more than one core busy. To train on several, start a process for each, which average their
gradients: `python -m torch.distributed.run --nproc-per-node 2 -m unbraid.training.train CORPUS RUN --threads 1`.
A small network learns from a big one with `--teacher`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unbraid.training.bands import NUM_BANDS
from unbraid.training.cone import cone_divergence, learn_dictionaries
from unbraid.training.corpus.clips import load_kinds
from unbraid.training.loop import Batch, Batches, Loop, LoopConfig, add_options, options_of, parse, rank, start
from unbraid.training.losses import band_loss, distillation_loss, magnitude_loss, stem_weights
from unbraid.training.mixtures.mixing import Mixer
from unbraid.training.mixtures.stems import Drawer
from unbraid.training.model import Crnn, CrnnConfig, autocast, load_checkpoint
from unbraid.training.validation.checkpoints import system_of_checkpoint
from unbraid.training.validation.scoring import Curve


@dataclass
class TrainConfig(LoopConfig):
    teacher: str = ""  # a checkpoint whose masks are half of what is learnt, the true stems the other
    magnitude: float = 0.0  # the share of the loss that is on compressed magnitudes
    nmf_weight: float = 0.0  # of the divergence of estimates from the cones of NMF dictionaries, beside a loss in dB


class Mixtures(Batches):
    """P, C and K of mixtures of a corpus."""

    def __init__(self, corpus: Path, config: LoopConfig, first_step: int, planes: int = 1) -> None:
        super().__init__(config, first_step)
        self.corpus, self.planes = corpus, planes

    def draw(self, seed: int) -> Iterator[Batch]:
        drawer = Drawer(self.corpus, "train", self.config.seconds, seed, self.planes)
        for batch in Mixer(drawer, self.config.batch_size):
            yield torch.from_numpy(batch.mixture), torch.from_numpy(batch.cross), torch.from_numpy(batch.stems)


class Run(Loop):
    """A run of a Crnn.

    Raises ValueError for a network that has not as many stems as the corpus has kinds of sound.
    """

    def __init__(self, corpus: Path, folder: Path, config: TrainConfig, model_config: CrnnConfig) -> None:
        self.corpus, self.kinds, self.planes = corpus, load_kinds(corpus), model_config.planes
        if model_config.num_stems != len(self.kinds):
            raise ValueError(f"{corpus}: its {len(self.kinds)} kinds of sound need as many stems, got {model_config}")
        self.weights, self.magnitude, self.nmf_weight = stem_weights(self.kinds), config.magnitude, config.nmf_weight
        self.teacher = load_checkpoint(Path(config.teacher))[0] if config.teacher else None
        self.dictionaries = torch.from_numpy(self._dictionaries(folder)) if config.nmf_weight else None
        torch.manual_seed(config.seed)
        super().__init__(folder, config, Crnn(model_config), model_config.to_dict())

    def _dictionaries(self, folder: Path) -> NDArray[np.float32]:
        """Learnt once in a run, and kept in its folder."""
        path = folder / "dictionaries.npy"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            np.save(path, learn_dictionaries(self.corpus))
        found: NDArray[np.float32] = np.load(path)
        return found

    def batches(self) -> Mixtures:
        return Mixtures(self.corpus, self.config, self.step, self.planes)

    def loss(self, *batch: Tensor) -> Tensor:
        mixture, cross, stems = batch
        with autocast():
            masks, _ = self.model(mixture)
        loss = band_loss(masks, mixture, cross, stems, self.weights)
        if share := self.magnitude:
            loss = (1 - share) * loss + share * magnitude_loss(masks, mixture, stems, self.weights)
        if self.teacher:
            with torch.no_grad(), autocast():
                shares, _ = self.teacher(mixture)
            loss = 0.5 * (loss + distillation_loss(masks, mixture, shares, self.weights))
        if self.dictionaries is not None:
            middle = [part[..., :NUM_BANDS] for part in (masks, mixture, stems)]
            loss = loss + self.nmf_weight * cone_divergence(middle[0], middle[1], middle[2], self.dictionaries)
        return loss

    def loop(self, curve: Curve | None) -> None:
        """Train to the last step. One of the processes is given the curve: it validates, logs and keeps checkpoints."""
        self.run(curve and (lambda: curve.gains(system_of_checkpoint(self.average, self.kinds))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("run", type=Path)
    add_options(parser, TrainConfig(), CrnnConfig(), known=["num_stems"])  # as many as the corpus has
    args = parse(parser)
    start(args.threads)
    sizes = options_of(CrnnConfig, args, num_stems=len(load_kinds(args.corpus)))
    curve = Curve(args.corpus) if rank() == 0 else None
    Run(args.corpus, args.run, options_of(TrainConfig, args), sizes).loop(curve)


if __name__ == "__main__":
    main()
