"""Figures of a separation."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import unbraid
from helpers.audio import Audio, soft_noise
from unbraid.listen.analysis import NUM_BANDS
from unbraid.plotting import mel_place

RATE = 16000


def sine(hertz: float, seconds: float = 12.0) -> Audio:
    """In the first half of the time."""
    time = np.arange(int(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * hertz * time) * (time < seconds / 2)).astype(np.float32)


def test_each_stem_is_where_it_sounds() -> None:
    pytest.importorskip("matplotlib")
    low, high = sine(500), sine(4000)[::-1]
    figure = unbraid.plot({"low": low, "high": high}, RATE)
    titled = {axis.get_title(loc="left"): axis for axis in figure.axes if axis.get_title(loc="left")}
    assert list(titled) == ["mixture", "low", "mask of low", "high", "mask of high"]
    edges = (40.0, RATE / 2)
    bands = {"low": int(mel_place(500, edges)), "high": int(mel_place(4000, edges))}
    image = {name: np.asarray(axis.images[0].get_array()) for name, axis in titled.items()}
    frames = image["mixture"].shape[1]
    halves = {"low": slice(5, frames // 2 - 5), "high": slice(frames // 2 + 5, frames - 5)}
    for name in ("low", "high"):
        assert image["mixture"].shape[0] == NUM_BANDS
        place = (bands[name], halves[name])
        assert image[name][place].min() > -16  # half of full scale is -6 dB, less what a band's edges cut off
        assert image[f"mask of {name}"][place].min() > 0.99
        np.testing.assert_allclose(image["mixture"][place], image[name][place], atol=0.2)
    assert image["low"][bands["high"]].max() < -50
    np.testing.assert_allclose(image["mask of low"] + image["mask of high"], 1, atol=1e-9)


@pytest.mark.parametrize("shape", [(5000,), (2, 30000)])
def test_any_shape_and_no_masks(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    pytest.importorskip("matplotlib")
    stems = {str(index): soft_noise(rng, *shape) for index in range(9)}
    figure = unbraid.plot(stems, 44100, masks=False)
    assert len([axis for axis in figure.axes if axis.get_title(loc="left")]) == 10


def test_without_matplotlib_it_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['matplotlib'] = None; import numpy as np, unbraid\n"
        "try: unbraid.plot({'a': np.zeros(4800, 'f4')}, 48000)\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "plots need matplotlib: pip install 'unbraid[plot]'\n"
