"""Dictionaries: learnt from examples, saved, and loaded."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._checks import as_audio, check_finite, check_sample_rate, shown
from .factorization import learn_templates
from .frames import OVERLAP, Frames

FORMAT = "unbraid.nmf 1"


@dataclass(frozen=True, eq=False)
class Dictionaries:
    """For each stem the spectra that it is made of; `learn` makes them.

    Raises TypeError or ValueError where they do not fit one another.
    """

    sample_rate: float
    """Of the audio they were learnt from, and are good for, in Hz."""
    win_length: int
    """The length of a frame in samples; frames lie a quarter of it apart."""
    templates: Mapping[str, NDArray[np.float32]]
    """By stem (bins, components), not negative; each component sums to one."""

    def __post_init__(self) -> None:
        check_sample_rate(self.sample_rate)
        if self.win_length < 8 or self.win_length % 4:
            raise ValueError(f"win_length must be a multiple of 4, 8 or more, got {shown(self.win_length)}")
        if not self.templates:
            raise ValueError("expected the templates of one stem at least, got none")
        for name, templates in self.templates.items():
            if templates.ndim != 2 or templates.shape[0] != self.frames.num_bins or not templates.shape[1]:
                raise ValueError(
                    f"templates of {shown(name)} must be ({self.frames.num_bins}, components), got {templates.shape}"
                )
            if templates.dtype != np.float32:
                raise TypeError(f"templates of {shown(name)} must be float32, got {templates.dtype}")
            if not (np.isfinite(templates).all() and (templates >= 0).all()):
                raise ValueError(f"templates of {shown(name)} must be finite and not negative")

    @property
    def stem_names(self) -> tuple[str, ...]:
        """The stems, in the order in which they were learnt."""
        return tuple(self.templates)

    @property
    def frames(self) -> Frames:
        return Frames(self.win_length)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes an .npz file, under a name of its own first, so that there is no half of one."""
        arrays: dict[str, Any] = {f"templates.{name}": templates for name, templates in self.templates.items()}
        draft = Path(f"{os.fspath(path)}.part")
        try:
            with draft.open("xb") as file:
                np.savez_compressed(
                    file, format=FORMAT, sample_rate=self.sample_rate, win_length=self.win_length, **arrays
                )
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Dictionaries:
        """Reads what `save` wrote; nothing in the file is run. Raises ValueError for any other file."""
        try:
            with np.load(path, allow_pickle=False) as file:
                if str(file["format"]) != FORMAT:
                    raise ValueError(f"its format is {shown(str(file['format']))}")
                begin = "templates."
                templates = {name.removeprefix(begin): file[name] for name in file if name.startswith(begin)}
                return cls(float(file["sample_rate"]), int(file["win_length"]), templates)
        except (ValueError, TypeError, KeyError, AttributeError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{os.fspath(path)}: no dictionaries of unbraid.nmf: {error}") from None


def learn(
    examples: Mapping[str, ArrayLike | Iterable[ArrayLike]],
    sample_rate: float,
    *,
    components: int | Mapping[str, int] = 16,
    iterations: int = 200,
    win_seconds: float = 0.064,
    seed: int = 0,
) -> Dictionaries:
    """Learns a dictionary per stem from examples of it alone.

    Parameters
    ----------
    examples
        By stem one signal or several, each (channels, samples) or (samples,), float32 or float64, at `sample_rate` Hz.
        Seconds are enough for what sounds always alike; minutes of many for all that is speech.
    components
        How many spectra a stem is made of, for all of them or by stem: few for a hum, some dozens for voices.
    iterations
        Of multiplicative updates, by scikit-learn's `NMF`, at most.
    win_seconds
        The length of a frame.
    seed
        Of the start; one seed gives one result.

    Raises ImportError without scikit-learn, TypeError or ValueError for examples that are not such signals, that are
    silent, or shorter than a frame, and for numbers below one.

    Magnitudes under the generalised Kullback-Leibler divergence: Févotte, Bertin and Durrieu, "Nonnegative matrix
    factorization with the Itakura-Saito divergence", Neural Computation 2009, section 2, compare it with others.
    """
    check_sample_rate(sample_rate)
    if not isinstance(examples, Mapping) or not examples:
        raise ValueError("expected examples by stem, as in {'drill': audio}")
    wanted = components if isinstance(components, Mapping) else dict.fromkeys(examples, components)
    if wanted.keys() != examples.keys():
        raise ValueError(f"components are for {shown(list(wanted))}, examples of {shown(list(examples))}")
    for name, count in {**wanted, "iterations": iterations}.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"expected a whole number of 1 and more ({name}), got {shown(count)}")
    frames = Frames.of(sample_rate, win_seconds)
    templates = {}
    for name, given in examples.items():
        spectrogram = np.concatenate([_magnitudes(name, signal, frames) for signal in _signals(given)], axis=1)
        if not spectrogram.any():
            raise ValueError(f"the examples of {shown(name)} are silent")
        templates[name] = learn_templates(spectrogram, wanted[name], iterations, seed)
    return Dictionaries(float(sample_rate), frames.win_length, templates)


def _signals(given: Any) -> list[Any]:
    if isinstance(given, np.ndarray):
        return [given]
    signals = list(given)
    if not signals:
        raise ValueError("expected a signal or several for each stem, got an empty list")
    return signals


def _magnitudes(name: str, signal: ArrayLike, frames: Frames) -> NDArray[np.float32]:
    """(bins, frames) of the whole frames of all channels, one after the other."""
    audio = np.atleast_2d(as_audio(signal))
    check_finite(audio)
    if audio.shape[1] < frames.win_length:
        raise ValueError(
            f"an example of {shown(name)} has {audio.shape[1]} samples; a frame alone has {frames.win_length}"
        )
    whole = (audio.shape[1] - frames.win_length) // frames.hop_length + 1
    magnitudes: list[NDArray[np.float32]] = list(np.abs(frames.analyse(audio, OVERLAP - 1, OVERLAP - 1 + whole)))
    return np.concatenate(magnitudes, axis=1)
