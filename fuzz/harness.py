"""What a harness is."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np


class Harness(Protocol):
    """Made once for each process, in an empty folder of its own."""

    def __init__(self, folder: Path) -> None: ...
    def make(self, rng: np.random.Generator) -> bytes:
        """An input, which depends on nothing but `rng`."""

    def run(self, data: bytes) -> None:
        """Tries an input. Any exception is a failure: what the documentation promises is caught in here."""
