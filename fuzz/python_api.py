"""Calls of the Python interface with odd arguments: an answer that holds, or TypeError or ValueError in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import unbraid
from helpers.toy_model import save_toy_model

from .driver import main

SCALARS: tuple[Any, ...] = (
    None,
    True,
    0,
    1,
    2,
    8,
    9,
    -1,
    1.5,
    1e9,
    10**400,
    "nan",
    "inf",
    "1",
    "mute",
    "-12dB",
    "",
    [],
    [2],
    {},
)
RATES: tuple[Any, ...] = (8000, 16000, 44100, 48000.0, 192000)
SHAPES = ((2, 3000), (1, 1000), (3000,), (2, 0), (0, 5), (1,), (), (9, 100), (3000, 2), (1, 2, 50))
KINDS = ("float32", "float32", "float32", "float64", "int16", "complex64", "bool", "object", "float16")
FILLS = (0.0, 0.1, 1.0, 1e30, "nan", "inf")
CALLS = ("process", "process", "process", "flush", "reset", "set", "separate", "remix", "latency", "rack")


class PythonApi:
    def __init__(self, folder: Path) -> None:
        self._model = unbraid.load_model(save_toy_model(folder / "toy.onnx"))

    def make(self, rng: np.random.Generator) -> bytes:
        def some(of: Any) -> Any:
            return of[rng.integers(len(of))]

        def rate() -> Any:
            return some(RATES) if rng.random() < 0.8 else some(SCALARS)

        first = ["new", str(rng.choice(("Separator", "Remixer"))), rate(), int(rng.integers(1, 3)), some(SCALARS)]
        steps = [first]
        for _ in range(rng.integers(1, 8)):
            array = [some(SHAPES[:3] if rng.random() < 0.7 else SHAPES), some(KINDS), some(FILLS)]
            steps.append([some(CALLS), rate(), some(SCALARS), array])
        return json.dumps(steps).encode()

    def run(self, data: bytes) -> None:
        (_, kind, rate, channels, odd), *steps = json.loads(data)
        try:
            stream = getattr(unbraid, kind)(rate, channels, self._model)
        except (TypeError, ValueError):
            stream = unbraid.Separator(48000, 2, self._model)
        self._spoiled = False
        refused(getattr(unbraid, kind), 48000, number(odd), self._model)
        for call, rate, odd, array in steps:
            self._step(stream, call, number(rate), number(odd), audio(*array))

    def _step(self, stream: Any, call: str, rate: Any, odd: Any, audio: Any) -> None:
        match call:
            case "process":
                given = refused(stream.process, audio)
                # NaN and infinity pass through as they are, and spoil what follows.
                self._spoiled |= given is not None and not np.isfinite(audio).all()
                assert self._spoiled or held(given)
            case "flush":
                assert held(stream.flush()) or self._spoiled
                self._spoiled = False
            case "reset":
                stream.reset()
                self._spoiled = False
            case "set" if hasattr(stream, "set_gains"):
                refused(stream.set_gains, music_db=odd)
            case "separate":
                stems = refused(unbraid.separate, audio, rate, self._model)
                if stems is not None:
                    assert list(stems) == list(self._model.stem_names)
                    total = np.sum(list(stems.values()), axis=0)
                    scale = max(1.0, float(np.abs(audio).max(initial=0)))
                    np.testing.assert_allclose(total, audio, atol=1e-5 * scale)
            case "remix":
                assert held(refused(unbraid.remix, audio, rate, self._model, speech_db=odd))
            case "latency":
                refused(self._model.latency_samples, rate)
            case "rack":
                refused(unbraid.StemRack, odd)


def number(value: Any) -> Any:
    """JSON has no NaN."""
    return float(value) if value in ("nan", "inf") else value


def audio(shape: list[int], kind: str, fill: Any) -> Any:
    with np.errstate(all="ignore"):
        noise = np.random.default_rng(1).uniform(-1, 1, shape) * number(fill)
        return np.nan_to_num(noise).astype(kind) if kind in ("int16", "bool") else np.asarray(noise).astype(kind)


def refused(call: Any, *arguments: Any, **named: Any) -> Any:
    """What it gives; None where it refuses as documented."""
    try:
        return call(*arguments, **named)
    except (TypeError, ValueError) as error:
        if not str(error):
            raise RuntimeError("refused without a word") from error
        return None


def held(audio: Any) -> bool:
    return audio is None or bool(np.isfinite(audio).all())


if __name__ == "__main__":
    main(PythonApi)
