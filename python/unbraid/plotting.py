"""Pictures of a separation, with matplotlib (the extra `plot`)."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._checks import Audio, check_sample_rate
from .listen.analysis import LOWEST_DB, NUM_BANDS, TOP_FRAMES, Analysis
from .listen.player import as_stems, blocks_of

if TYPE_CHECKING:
    from typing import Self

MOST_SECONDS = 24 * 3600  # of what does not say how long it is, for as coarse a picture
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
    with Picture([str(name) for name in stems], rate, arrays[0].shape[-1]) as picture:
        for block in blocks_of(arrays, rate):
            picture.add(block)
        return picture.draw(masks=masks)


def pyplot() -> Any:
    """ImportError, which says how to get it, where matplotlib is missing."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError("plots need matplotlib: pip install 'unbraid[plot]'") from None
    return plt


class Picture:
    """The figure of stems that come block by block, in constant memory; `num_samples` is 0 where it is not known."""

    def __init__(self, names: Sequence[str], rate: float, num_samples: int = 0) -> None:
        self._plt = pyplot()
        self._names = names
        self._rate = rate
        self._num_samples = 0
        self._folder = tempfile.TemporaryDirectory(prefix="unbraid-")
        self._analysis = Analysis(Path(self._folder.name), rate, len(names), num_samples or int(MOST_SECONDS * rate))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._analysis.close()
        self._folder.cleanup()

    def add(self, stems: Audio) -> None:
        """The next block, (stems, channels, samples)."""
        self._num_samples += stems.shape[-1]
        self._analysis.add(stems)

    def save(self, file: BinaryIO) -> None:
        """Writes it as PNG."""
        self.draw().savefig(file, format="png")

    def draw(self, *, masks: bool = True) -> Any:
        """The figure, once all has been added."""
        self._analysis.end()
        seconds = max(1, self._num_samples) / self._rate
        return draw(self._plt, self._names, seconds, self._levels(), self._analysis.band_edges_hz, masks=masks)

    def _levels(self) -> NDArray[np.float64]:
        """In dB (frames, stems, bands): about a thousand frames, or all that there are."""
        shape = (-1, len(self._names), NUM_BANDS)
        kinds = [np.fromfile(file.path, np.uint8).reshape(shape) for file in reversed(self._analysis.spectrogram)]
        levels = next((kind for kind in kinds if len(kind) >= TOP_FRAMES), kinds[-1])
        return LOWEST_DB * (1 - (levels if len(levels) else np.zeros((1, *shape[1:]))) / 255)


def draw(
    plt: Any,
    names: Sequence[str],
    seconds: float,
    decibels: NDArray[np.float64],
    edges: tuple[float, float],
    *,
    masks: bool,
) -> Any:
    """The figure for levels in dB (frames, stems, bands), between the bands' lowest and highest frequency."""
    amplitudes = 10 ** (decibels / 20)
    mixture = 20 * np.log10(amplitudes.sum(axis=1))
    top = float(mixture.max())
    figure = plt.figure(figsize=(WIDTH_INCHES, ROW_INCHES * (1 + len(names))), layout="constrained")
    plt.close(figure)  # it is the caller's, not pyplot's
    axes = figure.subplots(1 + len(names), 1 + masks, sharex=True, sharey=True, squeeze=False)
    extent = (0, seconds, 0, NUM_BANDS)
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


def mel_place(hertz: float, edges: tuple[float, float]) -> float:
    """Where a frequency lies on an axis of bands."""
    mel, lowest, highest = (math.log10(1 + each / 700) for each in (hertz, *edges))
    return NUM_BANDS * (mel - lowest) / (highest - lowest)
