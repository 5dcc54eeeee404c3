"""Mixtures taken apart with dictionaries."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .._checks import Audio, shown
from ..separator import whole_signal
from .dictionaries import Dictionaries
from .factorization import FLOOR, Matrix, factorize

STRETCH_SECONDS = 30.0  # bounds memory, and for how long the rest is taken to sound alike


def separate(
    audio: ArrayLike,
    sample_rate: float,
    dictionaries: Dictionaries,
    *,
    rest: str | None = None,
    rest_components: int = 8,
    iterations: int = 100,
    seed: int = 0,
) -> dict[str, Audio]:
    """Separates a whole signal: stem name to audio of the input's shape, aligned with the input.

    Parameters
    ----------
    audio
        (channels, samples), or 1-D for mono, float32 or float64, at `sample_rate` Hz, which must be the dictionaries'.
    rest
        The name of one stem more, for all that the dictionaries do not know; its spectra are learnt from the mixture
        itself, every half minute anew from where they were (semi-supervised). None: the dictionaries know everything.
    rest_components
        How many spectra the rest is made of; many can take over what is known, too.
    iterations
        Of multiplicative updates.
    seed
        Of where the rest's spectra begin.

    The stems are float32 and sum to the input, to rounding: each bin is shared out as the stems' models share it, the
    last stem, `rest` if there is one, is what the others leave. All channels have one mask. Silence stays silence.

    Raises TypeError or ValueError for audio that is not such an array or not finite, another rate than the
    dictionaries', a rest of a known name, and a single stem without a rest.

    Févotte, Vincent and Ozerov, "Single-channel audio source separation with NMF", 2018, section 2, is an introduction.
    """
    mixture = whole_signal(audio)
    if sample_rate != dictionaries.sample_rate:
        raise ValueError(
            f"the dictionaries are for {dictionaries.sample_rate:g} Hz, got {shown(sample_rate)}: resample the audio, "
            "or learn at its rate"
        )
    names = [*dictionaries.stem_names, *([] if rest is None else [rest])]
    if len(set(names)) < len(names):
        raise ValueError(f"rest must not be the name of a known stem, got {shown(rest)}")
    if len(names) < 2:
        raise ValueError(f"the only stem is {shown(names[0])}: name what is left, as in rest='speech'")
    for word, count in (("rest_components", rest_components), ("iterations", iterations)):
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"{word} must be a whole number of 1 and more, got {shown(count)}")

    rows = np.atleast_2d(mixture)
    stems = [np.zeros_like(rows) for _ in names[:-1]]
    frames = dictionaries.frames
    known = np.concatenate(list(dictionaries.templates.values()), axis=1)
    num_free = 0 if rest is None else rest_components
    free = np.random.default_rng(seed).random((frames.num_bins, num_free), np.float32)
    free /= free.sum(axis=0)
    stretch = max(1, round(STRETCH_SECONDS * sample_rate / frames.hop_length))
    last = frames.count(rows.shape[1]) if rows.shape[1] else 0
    for first in range(0, last, stretch):
        spectra = frames.analyse(rows, first, min(first + stretch, last))
        spectrogram = np.abs(spectra).mean(axis=0)
        scale = spectrogram.mean()
        if scale == 0.0:
            continue
        found, activations = factorize(spectrogram / scale, known, free, iterations)
        if num_free:
            free = np.maximum(found, FLOOR)  # what is zero would stay it
        for stem, mask in zip(stems, _masks(dictionaries, found, activations), strict=False):
            frames.add(spectra * mask, first, stem)
    stems.append(rows - sum(stems))
    return {name: stem.reshape(mixture.shape) for name, stem in zip(names, stems, strict=True)}


def _masks(dictionaries: Dictionaries, free: Matrix, activations: Matrix) -> list[Matrix]:
    """For each known stem (bins, frames): its share of the model."""
    models, start = [], 0
    for templates in [*dictionaries.templates.values(), free]:
        end = start + templates.shape[1]
        models.append(templates @ activations[start:end])
        start = end
    total = np.sum(models, axis=0) + FLOOR
    return [model / total for model in models[:-1]]
