"""Training loop: mixes in a worker process, steps, validates by SI-SDR gain, keeps checkpoints, resumes.

A run folder holds `config.json`, `log.jsonl` (a row per validation: step, loss, gains; `card` plots it),
`last.pt` (to resume) and `best.pt` (highest mean validation gain, averaged weights).

An LSTM keeps little more than one core busy. To train on several, start a process for each, which average their
gradients: `python -m torch.distributed.run --nproc-per-node 2 -m unbraid.training.train CORPUS RUN --threads 1`.
A small network learns from a big one with `--teacher`.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from unbraid.training.corpus.clips import load_kinds
from unbraid.training.losses import band_loss, distillation_loss, stem_weights
from unbraid.training.mixtures.mixing import Mixer
from unbraid.training.mixtures.stems import Drawer
from unbraid.training.model import Crnn, CrnnConfig, autocast, load_checkpoint
from unbraid.training.validation.checkpoints import system_of_checkpoint
from unbraid.training.validation.scoring import Curve

log = logging.getLogger(__name__)


@dataclass
class TrainConfig:
    """What a run is made of; written beside the weights."""

    seed: int = 1
    steps: int = 40_000
    warmup_steps: int = 500
    batch_size: int = 8  # of each process
    seconds: float = 6.0
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-3
    max_grad_norm: float = 1.0
    average: float = 0.999  # exponential moving average of the weights, per step
    validate_minutes: float = 30.0
    save_minutes: float = 5.0  # a run that is cut loses no more
    workers: int = 1
    start_from: str = ""  # a checkpoint whose averaged weights a new run begins with
    teacher: str = ""  # a checkpoint whose masks are half of what is learnt, the true stems the other


def _rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def _world_size() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def _average_gradients(model: nn.Module) -> None:
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= _world_size()
    for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


class _Mixtures(IterableDataset[tuple[Tensor, ...]]):
    def __init__(self, corpus: Path, config: TrainConfig, first_step: int) -> None:
        self.corpus, self.config, self.first_step = corpus, config, first_step

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        info = torch.utils.data.get_worker_info()
        seed = hash((self.config.seed, self.first_step, _rank(), info.id if info else 0))
        drawer = Drawer(self.corpus, "train", self.config.seconds, seed % 2**32)
        for batch in Mixer(drawer, self.config.batch_size):
            yield torch.from_numpy(batch.mixture), torch.from_numpy(batch.cross), torch.from_numpy(batch.stems)


class Run:
    """A training run in a folder; resumes from its last checkpoint."""

    def __init__(self, corpus: Path, folder: Path, config: TrainConfig, model_config: CrnnConfig) -> None:
        self.corpus, self.folder, self.config = corpus, folder, config
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(config.seed)
        self.kinds = load_kinds(corpus)
        if model_config.num_stems != len(self.kinds):
            raise ValueError(f"{corpus}: its {len(self.kinds)} kinds of sound need as many stems, got {model_config}")
        self.weights = stem_weights(self.kinds)
        self.model = Crnn(model_config)
        self.average = copy.deepcopy(self.model).eval()
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.teacher = load_checkpoint(Path(config.teacher))[0] if config.teacher else None
        self.step, self.best, self.seconds_heard = 0, -math.inf, 0.0
        if (folder / "last.pt").exists():
            self._load(torch.load(folder / "last.pt", weights_only=True))
        elif config.start_from:
            start = torch.load(config.start_from, weights_only=True)
            self.model.load_state_dict(start["average"])
            self.average.load_state_dict(start["average"])
            self.seconds_heard = start["seconds_heard"]
        settings = {"train": asdict(config), "model": model_config.to_dict(), "torch": torch.__version__}
        if _rank() == 0:
            (folder / "config.json").write_text(json.dumps(settings | {"processes": _world_size()}, indent=1))

    def _load(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.best, self.seconds_heard = state["step"], state["best"], state["seconds_heard"]
        log.info("resumed at step %d", self.step)

    def _save(self, name: str) -> None:
        state: dict[str, Any] = {
            "average": self.average.state_dict(),
            "config": self.model.config.to_dict(),
            "step": self.step,
            "best": self.best,
            "seconds_heard": self.seconds_heard,
        }
        if name == "last.pt":
            state |= {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        torch.save(state, self.folder / f"{name}.tmp")
        (self.folder / f"{name}.tmp").replace(self.folder / name)

    def learning_rate(self) -> float:
        """Linear warm-up, then a half cosine to zero at the last step."""
        warm = min(1.0, (self.step + 1) / self.config.warmup_steps)
        return self.config.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * self.step / self.config.steps))

    def train_step(self, mixture: Tensor, cross: Tensor, stems: Tensor) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        with autocast():
            masks, _ = self.model(mixture)
        loss = band_loss(masks, mixture, cross, stems, self.weights)
        if self.teacher:
            with torch.no_grad(), autocast():
                shares, _ = self.teacher(mixture)
            loss = 0.5 * (loss + distillation_loss(masks, mixture, shares, self.weights))
        self.optimizer.zero_grad()
        loss.backward()
        if _world_size() > 1:
            _average_gradients(self.model)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_grad_norm)
        if torch.isfinite(norm):
            self.optimizer.step()
        decay = min(self.config.average, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            for mean, value in zip(self.average.state_dict().values(), self.model.state_dict().values(), strict=True):
                if mean.is_floating_point():
                    mean.lerp_(value, 1 - decay)
        self.step += 1
        self.seconds_heard += len(mixture) * self.config.seconds * _world_size()
        return loss.item()

    def loop(self, curve: Curve | None) -> None:
        """Train to the last step. One of the processes is given the curve: it validates, logs and keeps checkpoints."""
        loader = DataLoader(
            _Mixtures(self.corpus, self.config, self.step),
            batch_size=None,
            num_workers=self.config.workers,
            prefetch_factor=8 if self.config.workers else None,
        )
        self.model.train()
        losses: list[float] = []
        started = saved = time.monotonic()
        waited = 0.0
        batches = iter(loader)
        while self.step < self.config.steps:
            asked = time.monotonic()
            batch = next(batches)
            waited += time.monotonic() - asked
            losses.append(self.train_step(*batch))
            now = time.monotonic()
            last = self.step == self.config.steps
            if curve and not last and now - saved >= 60 * self.config.save_minutes:
                self._save("last.pt")
                saved = now
            if curve and (last or now - started >= 60 * self.config.validate_minutes):
                took = now - started
                gains = curve.gains(system_of_checkpoint(self.average, self.kinds))
                mean = float(np.mean(list(gains.values())))
                row = {
                    "step": self.step,
                    "hours_heard": round(self.seconds_heard / 3600, 2),
                    "loss": round(float(np.mean(losses)), 4),
                    "steps_per_second": round(len(losses) / took, 2),
                    "waited": round(waited / took, 3),
                    "gain_db": round(mean, 3),
                    **{name: round(value, 2) for name, value in gains.items()},
                }
                with (self.folder / "log.jsonl").open("a") as file:
                    file.write(json.dumps(row) + "\n")
                log.info("%s", row)
                if mean > self.best:
                    self.best = mean
                    self._save("best.pt")
                self._save("last.pt")
                losses, waited = [], 0.0
                started = saved = time.monotonic()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("run", type=Path)
    for name, value in asdict(TrainConfig()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    sizes = ("kernel", "blocks", "sub_hidden", "full_hidden", "squeeze", "memory", "low_bands")
    for name in sizes:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(CrnnConfig, name))
    for name in ("channels", "strides"):
        parser.add_argument(f"--{name}", type=int, nargs="+", default=getattr(CrnnConfig, name))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    if "WORLD_SIZE" in os.environ:
        dist.init_process_group("gloo")
    config = TrainConfig(**{name: getattr(args, name) for name in asdict(TrainConfig())})
    curve = Curve(args.corpus) if _rank() == 0 else None
    model_config = CrnnConfig(
        num_stems=len(load_kinds(args.corpus)),
        channels=tuple(args.channels),
        strides=tuple(args.strides),
        **{name: getattr(args, name) for name in sizes},
    )
    Run(args.corpus, args.run, config, model_config).loop(curve)


if __name__ == "__main__":
    main()
