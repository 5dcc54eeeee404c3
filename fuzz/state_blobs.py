"""States of the plug-in, damaged: taken or refused, and every parameter stays in its range."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .clap_plugin import check_values, toy_host
from .driver import main
from .mutate import mutated


class StateBlobs:
    def __init__(self, folder: Path) -> None:
        self._host = toy_host(folder)
        self._seeds = [self._host.save()]
        self._host.flush([(0, "Music", -12.3), (0, "Solo", 2.0), (0, "Bypass", 1.0)])
        self._seeds.append(self._host.save())
        self._seeds.append(self._seeds[0] + b"vocals_db=-3.0\nmusic_db=nan\nmusic_db=1e999\nsolo=\xff\n\n=\n")

    def make(self, rng: np.random.Generator) -> bytes:
        return mutated(rng, self._seeds)

    def run(self, data: bytes) -> None:
        before = self._host.save()
        if not self._host.load(data):
            assert self._host.save() == before
        check_values(self._host)
        assert self._host.load(self._host.save())


if __name__ == "__main__":
    main(StateBlobs)
