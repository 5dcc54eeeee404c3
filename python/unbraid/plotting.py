"""Pictures of a separation, with matplotlib (the extra `plot`)."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._checks import Audio, check_sample_rate
from .listen.analysis import LOWEST_DB, NUM_BANDS, Analysis
from .listen.player import as_stems, blocks_of

SHOWN_DB = 80.0  # below the loudest
TICKS_HZ = (300, 1000, 3000, 8000, 20000)
ROW_INCHES, WIDTH_INCHES = 1.6, 11.0


def plot(stems: Mapping[str, ArrayLike], sample_rate: float, *, masks: bool = True) -> Any:
    """Spectrograms of the mixture and of each stem, and beside them the stems' masks; returns a matplotlib `Figure`.

    `stems` are those of `separate`, name to audio of one shape, at `sample_rate` Hz; the mixture is their sum.
    Frequency is in mel from 40 Hz to 20 kHz, level in dB of full scale. A mask is a stem's part of the amplitude, 0 to
    1. A notebook shows the figure; `figure.savefig("stems.png")` writes it.

    Raises ImportError where matplotlib is missing, and what `player` does for stems, of which there may be any number.
    """
    rate = check_sample_rate(sample_rate)
    arrays = as_stems(stems)
    return draw([str(name) for name in stems], rate, arrays[0].shape[-1], blocks_of(arrays, rate), masks=masks)


def draw(names: Sequence[str], rate: float, num_samples: int, stems: Iterable[Audio], *, masks: bool = True) -> Any:
    """The figure for blocks of (stems, channels, samples), in constant memory."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError("plots need matplotlib: pip install 'unbraid[plot]'") from None

    decibels, edges = spectrograms(rate, len(names), num_samples, stems)
    amplitudes = 10 ** (decibels / 20)
    mixture = 20 * np.log10(amplitudes.sum(axis=1))
    top = float(mixture.max())
    figure = plt.figure(figsize=(WIDTH_INCHES, ROW_INCHES * (1 + len(names))), layout="constrained")
    plt.close(figure)  # it is the caller's, not pyplot's
    axes = figure.subplots(1 + len(names), 1 + masks, sharex=True, sharey=True, squeeze=False)
    extent = (0, num_samples / rate, 0, NUM_BANDS)
    look = {"origin": "lower", "aspect": "auto", "extent": extent, "interpolation": "nearest"}
    levels: Any = None
    parts: Any = None
    for row, name in enumerate(["mixture", *names]):
        shown = mixture if row == 0 else decibels[:, row - 1]
        levels = axes[row, 0].imshow(shown.T, vmin=top - SHOWN_DB, vmax=top, cmap="magma", **look)
        axes[row, 0].set_title(name, loc="left", fontsize="medium")
        if masks and row:
            mask = amplitudes[:, row - 1] / amplitudes.sum(axis=1)
            parts = axes[row, 1].imshow(mask.T, vmin=0, vmax=1, cmap="viridis", **look)
            axes[row, 1].set_title(f"mask of {name}", loc="left", fontsize="medium")
    ticks = [hertz for hertz in TICKS_HZ if edges[0] < hertz <= edges[1]]
    axes[0, 0].set_yticks([mel_place(hertz, edges) for hertz in ticks])
    axes[0, 0].set_yticklabels([f"{hertz / 1000:g} kHz" if hertz >= 1000 else f"{hertz} Hz" for hertz in ticks])
    for axis in axes[-1]:
        axis.set_xlabel("time in s")
    figure.colorbar(levels, ax=axes[:, 0].tolist(), label="dB")
    if masks:
        axes[0, 1].set_axis_off()
        figure.colorbar(parts, ax=axes[1:, 1].tolist(), label="part of the amplitude")
    return figure


def spectrograms(
    rate: float, num_stems: int, num_samples: int, stems: Iterable[Audio]
) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Levels in dB (frames, stems, bands), of some 500 to 1000 frames, and the bands' lowest and highest frequency."""
    with tempfile.TemporaryDirectory(prefix="unbraid-") as folder:
        analysis = Analysis(Path(folder), rate, num_stems, num_samples)
        try:
            for block in stems:
                analysis.add(block)
            analysis.end()
        finally:
            analysis.close()
        coarse = np.frombuffer(analysis.spectrogram[-1].path.read_bytes(), np.uint8)
    levels = LOWEST_DB * (1 - coarse.reshape(-1, num_stems, NUM_BANDS) / 255)
    return levels, analysis.band_edges_hz


def mel_place(hertz: float, edges: tuple[float, float]) -> float:
    """Where a frequency lies on an axis of bands."""
    mel, lowest, highest = (math.log10(1 + each / 700) for each in (hertz, *edges))
    return NUM_BANDS * (mel - lowest) / (highest - lowest)
