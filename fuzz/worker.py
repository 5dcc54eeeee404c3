"""The child's side of a campaign: input after input, until the time is over."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from pathlib import Path

import numpy as np

from .harness import Harness
from .progress import Progress


def work(harness: Harness, options: argparse.Namespace, name: str, progress: Progress) -> None:
    end = time.monotonic() + options.seconds
    progress.start()
    while True:
        index = progress.current
        data = harness.make(np.random.default_rng([options.seed, index]))
        try:
            harness.run(data)
        except Exception:
            progress.fail()
            path = kept(data, options, name, index, "traceback")
            print(f"{path}:\n{traceback.format_exc()}", file=sys.stderr)
        progress.advance()
        if time.monotonic() >= end:
            return


def keep_input(harness: Harness, options: argparse.Namespace, name: str, index: int, why: str) -> Path:
    """Keeps an input by its number, made once more."""
    return kept(harness.make(np.random.default_rng([options.seed, index])), options, name, index, why)


def kept(data: bytes, options: argparse.Namespace, name: str, index: int, why: str) -> Path:
    folder: Path = options.failures
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-seed{options.seed}-{index}-{why.replace(' ', '_')}"
    path.write_bytes(data)
    return path
