"""The page for a notebook: stems that are arrays, with their faders."""

from __future__ import annotations

import html
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from .._checks import Audio, as_audio, check_finite, check_sample_rate, shown
from ..files.outputs import OutputSet
from .downmix import downmix, playable_matrix
from .ogg import MAX_CHANNELS
from .report import write_page

BLOCK_SECONDS = 4
HEIGHT_PX, STEM_HEIGHT_PX = 440, 137  # of the page as such, and of each stem's row


class Player:
    """What `player` gives: a notebook shows it, `save` writes it."""

    def __init__(self, page: str, num_stems: int) -> None:
        self._page = page
        self._height = HEIGHT_PX + STEM_HEIGHT_PX * num_stems

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Writes the page to an .html file that needs nothing else; returns its path.

        Raises FileExistsError for a file that is there, unless `force`, another OSError for one that cannot be written.
        """
        target = Path(path)
        with OutputSet({"page": target}, force=force) as outputs:
            outputs.files["page"].write(self._page.encode())
        return target

    def _repr_html_(self) -> str:
        """In a frame of its own: it can do nothing to the notebook."""
        return (
            f'<iframe srcdoc="{html.escape(self._page)}" sandbox="allow-scripts" title="Stems with faders" '
            f'style="width: 100%; height: {self._height}px; border: 0"></iframe>'
        )


def player(stems: Mapping[str, ArrayLike], sample_rate: float, *, title: str = "stems") -> Player:
    """Plays stems in a notebook, each with a fader, mute and solo, where it is a cell's last line::

        unbraid.player(unbraid.separate(mixture, 48000), 48000)

    `stems` are those of `separate`: name to audio, (channels, samples) or 1-D for mono, all of one shape, float32 or
    float64, at `sample_rate` Hz. Their sum is the original that they are compared with. What is heard is compressed
    (Vorbis), and brought down to stereo, or to mono where the stems have more than 8 channels together.

    Raises TypeError or ValueError for audio that is not such arrays or not finite, for a rate that is out of range, and
    for no stem or more than 8.
    """
    rate = check_sample_rate(sample_rate)
    arrays = as_stems(stems)
    matrix = playable_matrix(len(arrays), len(arrays[0]), 0, MAX_CHANNELS)
    blocks = (downmix(matrix, block) for block in blocks_of(arrays, rate))
    page = io.BytesIO()
    write_page(page, title, [str(name) for name in stems], rate, arrays[0].shape[-1], blocks)
    return Player(page.getvalue().decode(), len(arrays))


def as_stems(stems: Mapping[str, ArrayLike]) -> list[Audio]:
    """Each as (channels, samples), checked to be of one shape, finite and not empty."""
    if not isinstance(stems, Mapping) or not stems:
        raise TypeError(f"stems must map names to audio, got {shown(stems)}")
    arrays: list[Audio] = []
    for name, audio in stems.items():
        array = np.atleast_2d(as_audio(audio))
        check_finite(array)
        if arrays and array.shape != arrays[0].shape:
            raise ValueError(f"stems must have one shape, got {arrays[0].shape} and {array.shape} for {shown(name)}")
        if not array.size:
            raise ValueError("stems must have samples, got none")
        arrays.append(array)
    return arrays


def blocks_of(arrays: list[Audio], sample_rate: float) -> Iterator[Audio]:
    """(stems, channels, samples) at a time."""
    length = int(BLOCK_SECONDS * sample_rate)
    for start in range(0, arrays[0].shape[-1], length):
        yield np.stack([array[:, start : start + length] for array in arrays])
