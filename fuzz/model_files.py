"""Model files, damaged or with odd metadata: each opens and runs, or is refused with ModelError."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from helpers.toy_model import METADATA, save_model, toy_graph
from unbraid import _core

from .driver import main
from .mutate import mutated

VALUES = ("", "0", "-1", "1e6", "nan", "inf", "1e-9", "2700000", "4294967296", "a,a", ",", "../x", "x" * 40, "\x1b[31m",
          "0,10,100,400", "real", "16", "0.008")  # fmt: skip


class ModelFiles:
    def __init__(self, folder: Path) -> None:
        self._path = folder / "model.onnx"
        graph = toy_graph(bands=4)
        self._metadata = {**METADATA, "band_edges": "0,10,100,400"}
        self._graph = graph
        self._seeds = [save_model(self._path, graph, self._metadata).read_bytes()]

    def make(self, rng: np.random.Generator) -> bytes:
        if rng.random() < 0.5:
            return mutated(rng, self._seeds)
        metadata = dict(self._metadata)
        for _ in range(rng.integers(1, 4)):
            key = list(self._metadata)[rng.integers(len(self._metadata))]
            metadata[key] = VALUES[rng.integers(len(VALUES))]
        return save_model(self._path, self._graph, metadata).read_bytes()

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
            stems = _core.Separator(48000, 1, model).process(np.ones((1, 4800), np.float32))
        except RuntimeError:  # the model fails as it runs, which its trial need not have seen
            return
        assert np.isfinite(stems).all()


if __name__ == "__main__":
    main(ModelFiles)
