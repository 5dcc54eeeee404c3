"""The loop of every training run: steps, a mean of the weights, validation, checkpoints; resumes where it was cut.

A run folder holds `config.json`, `log.jsonl` (a row per validation: step, loss, gains; `card` plots it),
`last.pt` (to resume) and `best.pt` (highest mean validation gain, averaged weights).
"""

from __future__ import annotations

import argparse
import copy
import ctypes
import json
import logging
import math
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from unbraid.training.soap import Soap

log = logging.getLogger(__name__)

Batch = tuple[Tensor, ...]


@dataclass
class LoopConfig:
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


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def _average_gradients(model: nn.Module) -> None:
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= world_size()
    for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


class Batches(IterableDataset[Batch], ABC):
    """Batches without end, other ones for each process, worker and step to begin with."""

    def __init__(self, config: LoopConfig, first_step: int) -> None:
        self.config, self.first_step = config, first_step

    def __iter__(self) -> Iterator[Batch]:
        info = torch.utils.data.get_worker_info()
        seed = hash((self.config.seed, self.first_step, rank(), info.id if info else 0))
        return self.draw(seed % 2**32)

    @abstractmethod
    def draw(self, seed: int) -> Iterator[Batch]:
        """The batches of a seed; what is heard comes first in each, a row per clip."""


class Loop(ABC):
    """A training run in a folder; resumes from its last checkpoint."""

    def __init__(self, folder: Path, config: LoopConfig, model: nn.Module, sizes: dict[str, object]) -> None:
        self.folder, self.config, self.sizes = folder, config, sizes
        folder.mkdir(parents=True, exist_ok=True)
        self.model = model
        self.average = copy.deepcopy(model).eval()
        self.optimizer = Soap(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
        self.step, self.best, self.seconds_heard = 0, -math.inf, 0.0
        if (folder / "last.pt").exists():
            self._load(torch.load(folder / "last.pt", weights_only=True))
        elif config.start_from:
            start = torch.load(config.start_from, weights_only=True)
            self.model.load_state_dict(start["average"])
            self.average.load_state_dict(start["average"])
            self.seconds_heard = start["seconds_heard"]
        settings = {"train": asdict(config), "model": sizes, "torch": torch.__version__}
        if rank() == 0:
            (folder / "config.json").write_text(json.dumps(settings | {"processes": world_size()}, indent=1))

    @abstractmethod
    def batches(self) -> Batches:
        """What to learn from, from this step on."""

    @abstractmethod
    def loss(self, *batch: Tensor) -> Tensor:
        """What is brought down."""

    def _load(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.best, self.seconds_heard = state["step"], state["best"], state["seconds_heard"]
        log.info("resumed at step %d", self.step)

    def _save(self, name: str) -> None:
        state: dict[str, Any] = {
            "average": self.average.state_dict(),
            "config": self.sizes,
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

    def train_step(self, *batch: Tensor) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        loss = self.loss(*batch)
        self.optimizer.zero_grad()
        loss.backward()
        if world_size() > 1:
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
        self.seconds_heard += len(batch[0]) * self.config.seconds * world_size()
        return loss.item()

    def run(self, validate: Callable[[], dict[str, float]] | None) -> None:
        """Train to the last step.

        Of several processes one is given `validate`, which returns gains in dB by what they are of: that process logs
        and keeps checkpoints.
        """
        loader = DataLoader(
            self.batches(),
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
            if validate and not last and now - saved >= 60 * self.config.save_minutes:
                self._save("last.pt")
                saved = now
            if validate and (last or now - started >= 60 * self.config.validate_minutes):
                took = now - started
                gains = validate()
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


def add_options(parser: argparse.ArgumentParser, *defaults: object, known: Collection[str] = ()) -> None:
    """An option per field of these dataclasses but those that are `known` anyway, and `--threads`."""
    for config in defaults:
        for name, value in asdict(config).items():  # type: ignore[call-overload]
            if name in known:
                continue
            many = isinstance(value, tuple)
            kind = type(value[0]) if many else type(value)
            parser.add_argument(f"--{name.replace('_', '-')}", type=kind, nargs="+" if many else None, default=value)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())


def parse(parser: argparse.ArgumentParser, args: Sequence[str] | None = None) -> argparse.Namespace:
    """What is asked for; a run that starts from weights is of their sizes where no others are asked for."""
    parsed = parser.parse_args(args)
    if parsed.start_from:
        parser.set_defaults(**torch.load(parsed.start_from, weights_only=True)["config"])
        parsed = parser.parse_args(args)
    return parsed


Config = TypeVar("Config")


def options_of(kind: type[Config], args: argparse.Namespace, **known: object) -> Config:
    """The dataclass back from the options and what is known anyway."""
    names = kind.__dataclass_fields__.keys() - known.keys()  # type: ignore[attr-defined]
    found = {name: getattr(args, name) for name in names}
    return kind(**known, **{name: tuple(value) if isinstance(value, list) else value for name, value in found.items()})


def keep_memory() -> None:
    """Freed memory stays with this process, where the C library is glibc.

    It would give the large tensors of each step back to the kernel and have every page of the next ones cleared again:
    a quarter of the time of a step (recipes/dialogue/notes.md).
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        trim_threshold, mmap_max = -1, -4  # M_TRIM_THRESHOLD, M_MMAP_MAX of malloc.h
        libc.mallopt(trim_threshold, -1)
        libc.mallopt(mmap_max, 0)


def start(threads: int) -> None:
    """What every training process sets up first: logging, threads, and its part in a group of processes."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    keep_memory()
    if "WORLD_SIZE" in os.environ:
        dist.init_process_group("gloo")
