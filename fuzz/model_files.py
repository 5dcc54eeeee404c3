"""Model files, damaged or with odd metadata: each opens and runs, or is refused with ModelError."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from helpers.toy_model import METADATA, MID_AND_SIDE, save_model, toy_graph
from unbraid import _core

from .driver import main
from .mutate import mutated

VALUES = ("", "0", "-1", "1e6", "nan", "inf", "1e-9", "2700000", "4294967296", "a,a", ",", "../x", "x" * 40, "\x1b[31m",
          "0,10,100,400", "real", "16", "0.008", "mid,side", "mid")  # fmt: skip


class ModelFiles:
    def __init__(self, folder: Path) -> None:
        self._path = folder / "model.onnx"
        self._kinds = [
            (toy_graph(bands=4, planes=planes), {**METADATA, "band_edges": "0,10,100,400", "channels": channels})
            for planes, channels in (((), "mid"), ((2,), MID_AND_SIDE))
        ]
        self._seeds = [save_model(self._path, *kind).read_bytes() for kind in self._kinds]

    def make(self, rng: np.random.Generator) -> bytes:
        if rng.random() < 0.5:
            return mutated(rng, self._seeds)
        graph, sound = self._kinds[rng.integers(len(self._kinds))]
        metadata = dict(sound)
        for _ in range(rng.integers(1, 4)):
            key = list(sound)[rng.integers(len(sound))]
            metadata[key] = VALUES[rng.integers(len(VALUES))]
        return save_model(self._path, graph, metadata).read_bytes()

    def run(self, data: bytes) -> None:
        self._path.write_bytes(data)
        try:
            info = _core.read_model_info(self._path)
            info.latency_samples(48000)
            model = _core.Model(self._path)
        except _core.ModelError:
            assert _core.find_problems(self._path)  # as `unbraid check` reads it, to the end
            return
        assert not _core.find_problems(self._path)
        model.find_halves()
        try:
            stems = _core.Separator(48000, 2, model).process(np.ones((2, 4800), np.float32))
        except RuntimeError:  # the model fails as it runs, which its trial need not have seen
            return
        assert np.isfinite(stems).all()


if __name__ == "__main__":
    main(ModelFiles)
