"""Measures what the plug-in costs in pedalboard, block by block: `python -m bench.plugin [--model M] [--seconds S]`.

Prints a Markdown table: the time of one stereo block of 512 samples at 48 kHz, streamed with `reset=False`, for the
plug-in, for pedalboard's own effects, and for the same work done by `unbraid.Remixer` and `unbraid.Separator` in
Python. Medians and tails in microseconds; "of real time" is the mean time over the block's duration. A model's work
comes once per hop, so that some blocks have it and some have not.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pedalboard import Compressor, Gain, Pedalboard, Reverb

import unbraid
from unbraid.registry import DEFAULT_MODEL

Audio = NDArray[np.float32]
RATE, BLOCK = 48000, 512
WARM_UP = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL, help="an installed model, or an .onnx file")
    parser.add_argument("--seconds", type=float, default=60, help="of audio, for each row")
    arguments = parser.parse_args()
    model = unbraid.load_model(arguments.model)
    num_blocks = max(int(arguments.seconds * RATE / BLOCK), 1000)
    audio = 0.1 * np.random.default_rng(1).standard_normal((2, BLOCK * 64))
    blocks = np.split(audio.astype(np.float32), 64, axis=1)
    print(f"Stereo blocks of {BLOCK} samples at {RATE} Hz, {num_blocks} of them, model {model.name}\n")
    print("| effect | p50 µs | p99 µs | p99.9 µs | worst µs | of real time |")
    print("|---|---|---|---|---|---|")
    for name, process in effects(model).items():
        times = measure(process, blocks, num_blocks)
        figures = [f"{1e6 * figure:.1f}" for figure in (*np.quantile(times, (0.5, 0.99, 0.999)), times.max())]
        print(f"| {name} | {' | '.join(figures)} | {times.mean() * RATE / BLOCK:.4f} |")


def effects(model: unbraid.Model) -> dict[str, Callable[[Audio], object]]:
    plugin = unbraid.load_plugin(model=model, music_db=-12)
    unity = unbraid.load_plugin(model=model)
    chain = Pedalboard([unbraid.load_plugin(model=model, music_db=-12), Compressor(), Gain()])
    remixer = unbraid.Remixer(RATE, 2, model, music_db=-12)
    separator = unbraid.Separator(RATE, 2, model)
    native = {
        "plug-in, music at −12 dB": plugin,
        "plug-in, all faders at 0 dB": unity,
        "plug-in, Compressor and Gain in one board": chain,
        "Gain": Gain(-3),
        "Compressor": Compressor(),
        "Reverb": Reverb(),
    }
    streamed: dict[str, Callable[[Audio], object]] = {
        name: lambda block, effect=effect: effect.process(block, RATE, reset=False)  # type: ignore[misc]
        for name, effect in native.items()
    }
    return streamed | {"unbraid.Remixer": remixer.process, "unbraid.Separator": separator.process}


def measure(process: Callable[[Audio], object], blocks: list[Audio], count: int) -> NDArray[np.float64]:
    """Seconds per block."""
    times = np.empty(count)
    for index in range(-WARM_UP, count):
        block = blocks[index % len(blocks)]
        start = time.perf_counter()
        process(block)
        if index >= 0:
            times[index] = time.perf_counter() - start
    return times


if __name__ == "__main__":
    main()
