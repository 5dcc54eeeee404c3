"""Hours of audio through one stream with moving faders: is all of it right, and does nothing grow?

Prints a line for each part of the run: audio so far, CPU time per second of audio, resident memory, and how far the
stems' sum was from the mixture at worst. Exits with 1 where a sample was not finite or the sum was off.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import unbraid

LINES = 12
MAX_BLOCK = 8192
SUM_ERROR = 1e-4  # rounding of three float32 stems of full scale


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=1, help="of audio [1]")
    parser.add_argument("--model", default="dialogue", help="name or path [dialogue]")
    parser.add_argument("--rate", type=int, default=48000, help="Hz [48000]")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    soak = Soak(options.model, options.rate, options.seed)
    part = options.hours * 3600 / LINES
    print("audio h  CPU s/s  memory MB  resets  sum's worst error  finite")
    for line in range(1, LINES + 1):
        before, heard = time.process_time(), soak.seconds
        while soak.seconds < line * part:
            soak.step()
        cpu = (time.process_time() - before) / max(soak.seconds - heard, 1e-9)
        print(f"{soak.seconds / 3600:7.3f}  {cpu:7.4f}  {resident_mb():9.1f}  {soak.resets:6}  {soak.worst:17.2e}  "
              f"{soak.finite}", flush=True)  # fmt: skip
    sys.exit(not (soak.finite and soak.worst < SUM_ERROR))


class Soak:
    """A Separator and a Remixer that hear the same: noise in bursts and pauses, in blocks of any length."""

    def __init__(self, model: str, sample_rate: int, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._separator = unbraid.Separator(sample_rate, 2, model)
        self._remixer = unbraid.Remixer(sample_rate, 2, model)
        self._rate = sample_rate
        self._noise = self._rng.uniform(-1, 1, (2, 4 * sample_rate)).astype(np.float32)
        self._level = 0.1
        self._late = self._silence()
        self.seconds, self.worst, self.finite, self.resets = 0.0, 0.0, True, 0

    def _silence(self) -> NDArray[np.float32]:
        return np.zeros((2, self._separator.latency_samples), np.float32)

    def step(self) -> None:
        """One block; now and then a new level, a fader that moves, a reset."""
        rng = self._rng
        if rng.random() < 0.05:
            self._level = float(rng.choice([0, 1e-6, 0.01, 0.1, 1]))
        if rng.random() < 0.2:
            fader = str(rng.choice(self._separator.stem_names))
            self._remixer.set_gains({fader: float(rng.uniform(-72, 12))})
        if rng.random() < 0.0005:
            self._separator.reset()
            self._remixer.reset()
            self._late = self._silence()
            self.resets += 1
        length = int(rng.integers(MAX_BLOCK + 1))
        start = int(rng.integers(self._noise.shape[1] - length))
        block = self._noise[:, start : start + length] * np.float32(self._level)
        stems, mixed = self._separator.process(block), self._remixer.process(block)
        self.finite &= bool(np.isfinite(stems).all() and np.isfinite(mixed).all())
        waiting = np.concatenate([self._late, block], axis=1)
        due, self._late = waiting[:, :length], waiting[:, length:]
        self.worst = max(self.worst, float(np.abs(stems.sum(axis=0) - due).max(initial=0)))
        self.seconds += length / self._rate


def resident_mb() -> float:
    """What of this process lies in memory now (Linux); elsewhere NaN."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6 if status.exists() else float("nan")


if __name__ == "__main__":
    main()
