"""Room impulse responses, simulated with the image source method (pyroomacoustics), kept as a bank on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyroomacoustics
from numpy.typing import NDArray

from unbraid.training.frames import SAMPLE_RATE

MAX_SECONDS = 0.5


def simulate_room(rng: np.random.Generator) -> NDArray[np.float32]:
    """One impulse response of a random shoebox room, direct sound first and of unit height: (samples,)."""
    size = rng.uniform([2.5, 2.5, 2.2], [9.0, 8.0, 4.0])
    rt60 = rng.uniform(0.12, 0.7)
    try:
        absorption, order = pyroomacoustics.inverse_sabine(rt60, size)
    except ValueError:  # a big room cannot be that dry
        absorption, order = 0.8, 8
    # The image source method is cubic in its order: the tail past the first 14 reflections is left to its decay.
    room = pyroomacoustics.ShoeBox(
        size, fs=16000, materials=pyroomacoustics.Material(absorption), max_order=min(order, 14)
    )
    source = rng.uniform(0.15, 0.85, 3) * size
    direction = rng.normal(size=3)
    microphone = source + direction / np.linalg.norm(direction) * rng.uniform(0.2, 2.0)
    room.add_source(source)
    room.add_microphone(np.clip(microphone, 0.1, size - 0.1))
    room.compute_rir()
    response = room.rir[0][0].astype(np.float64)
    response = np.interp(np.arange(len(response) * 3) / 3, np.arange(len(response)), response)
    peak = int(np.argmax(np.abs(response)))
    response = response[max(0, peak - 24) :][: int(MAX_SECONDS * SAMPLE_RATE)]
    scaled: NDArray[np.float32] = (response / np.abs(response).max()).astype(np.float32)
    return scaled


def load_bank(corpus: Path, count: int = 200, seed: int = 0) -> list[NDArray[np.float32]]:
    """Read the bank of a corpus; simulate and keep it on first use."""
    path = corpus / "rooms.npz"
    if not path.exists():
        rng = np.random.default_rng(seed)
        bank: dict[str, Any] = {f"{i:04}": simulate_room(rng) for i in range(count)}
        draft = path.with_suffix(".tmp.npz")
        np.savez_compressed(draft, **bank)
        draft.replace(path)
    with np.load(path) as kept:
        return [kept[name] for name in sorted(kept.files)]
