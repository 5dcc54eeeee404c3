"""Multiplicative updates that bring templates times activations near a magnitude spectrogram."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
_Any = TypeVar("_Any", bound=np.floating)

FLOOR = np.float32(1e-12)  # keeps quotients finite; spectrograms are scaled to a mean of one


def divergence(spectrogram: NDArray[_Any], model: NDArray[_Any]) -> float:
    """Generalised Kullback-Leibler divergence of two non-negative matrices of one shape, 0 where they are equal.

    Lee and Seung, "Algorithms for non-negative matrix factorization", NIPS 2000, eq. 3.
    """
    observed, expected = np.asarray(spectrogram, np.float64), np.asarray(model, np.float64) + float(FLOOR)
    logarithm = np.log(np.where(observed > 0, observed, 1.0) / expected)
    return float(np.sum(np.where(observed > 0, observed * logarithm, 0.0) - observed + expected))


def factorize(spectrogram: Matrix, known: Matrix, free: Matrix, iterations: int) -> tuple[Matrix, Matrix]:
    """Activations of all templates, and the templates that were free, fitted to a spectrogram.

    `spectrogram` is (bins, frames), `known` (bins, components) stays, `free` (bins, components), of no component for a
    supervised fit, is where the rest's begin. Gives the free templates, each with a sum of one, and the activations
    (known + free components, frames). Each update lowers the divergence, or leaves it (Lee and Seung 2000, theorem 2);
    known templates beside free ones are Smaragdis, Raj and Shashanka, "Supervised and semi-supervised separation of
    sounds from single-channel mixtures", ICA 2007.
    """
    num_known = known.shape[1]
    templates = np.concatenate([known, free], axis=1)
    # Alike in all components: what is zero stays zero.
    level = spectrogram.sum(axis=0) / max(1, templates.shape[1])
    activations = np.tile(level, (templates.shape[1], 1)).astype(np.float32)
    for _ in range(iterations):
        quotient = spectrogram / (templates @ activations + FLOOR)
        activations *= (templates.T @ quotient) / (templates.sum(axis=0)[:, None] + FLOOR)
        if num_known < templates.shape[1]:
            quotient = spectrogram / (templates @ activations + FLOOR)
            shares = (quotient @ activations[num_known:].T) / (activations[num_known:].sum(axis=1) + FLOOR)
            templates[:, num_known:] *= shares
            sums = templates[:, num_known:].sum(axis=0) + FLOOR
            templates[:, num_known:] /= sums
            activations[num_known:] *= sums[:, None]
    return templates[:, num_known:], activations


def learn_templates(spectrogram: Matrix, components: int, iterations: int, seed: int) -> Matrix:
    """Templates (bins, components) of a spectrogram (bins, frames) that is not silent, each with a sum of one.

    Raises ImportError without scikit-learn.
    """
    try:
        decomposition = import_module("sklearn.decomposition")
        exceptions = import_module("sklearn.exceptions")
    except ImportError:
        raise ImportError("unbraid.nmf.learn needs scikit-learn: pip install 'unbraid[nmf]'") from None
    solver = decomposition.NMF(
        components, init="random", solver="mu", beta_loss="kullback-leibler", max_iter=iterations, random_state=seed
    )
    with warnings.catch_warnings():  # that it may go on getting better is what `iterations` is for
        warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
        solver.fit(spectrogram.T / spectrogram.mean())
    templates: Matrix = np.asarray(solver.components_.T, np.float32)
    templates /= np.maximum(templates.sum(axis=0), np.finfo(np.float32).tiny)
    return templates
