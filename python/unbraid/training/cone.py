"""NMF in training: dictionaries of stems in bands, and the term that pulls estimates toward their cones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unbraid.training.mixtures.stems import Drawer

ITERATIONS = 100
UPDATES = 8  # of the activations; each goes through the network's gradient
FLOOR = 1e-8


def learn_dictionaries(
    corpus: Path, components: int = 48, stretches: int = 40, seconds: float = 6.0, seed: int = 0
) -> NDArray[np.float32]:
    """A dictionary per kind of sound, of stems as the network hears them: (kinds, bands, components).

    Learnt on magnitudes of the training split, each stretch as loud as the others. Raises ImportError without
    scikit-learn.
    """
    from unbraid.nmf.factorization import learn_templates  # training by itself needs no compiled core

    drawer = Drawer(corpus, "train", seconds, seed)
    dictionaries = []
    for kind in drawer.kinds:
        stems = [np.sqrt(drawer.stem(kind).power) for _ in range(stretches)]
        spectrogram = np.concatenate([stem / (stem.mean() + 1e-12) for stem in stems])
        dictionaries.append(learn_templates(spectrogram.T, components, ITERATIONS, seed))
    return np.stack(dictionaries)


def cone_divergence(masks: Tensor, mixture: Tensor, stems: Tensor, dictionaries: Tensor) -> Tensor:
    """How far estimates are from what their dictionaries can make: KL(V | WH) of magnitudes, over the mixture's sum.

    V is an estimate's magnitude in bands, W the dictionary of its stem, H what a few multiplicative updates (Lee and
    Seung, "Algorithms for non-negative matrix factorization", NIPS 2000) make of even activations: not negative by
    construction, and differentiable. The mean over the stems that are present.

    Args: masks, stems K: (batch, stems, frames, bands); mixture P: (batch, frames, bands); dictionaries: (stems, bands,
    components), each component with a sum of one.
    """
    whole = mixture.sqrt().unsqueeze(1)
    whole = whole / (whole.mean((2, 3), keepdim=True) + FLOOR)
    estimate = masks * whole
    components = dictionaries.shape[-1]
    activations = estimate.sum(-1, keepdim=True).expand(*estimate.shape[:-1], components) / components
    transposed = dictionaries.transpose(1, 2)
    for _ in range(UPDATES):
        activations = activations * ((estimate / (activations @ transposed + FLOOR)) @ dictionaries)
    model = activations @ transposed
    divergence = estimate * torch.log((estimate + FLOOR) / (model + FLOOR)) - estimate + model
    present = stems.sum((2, 3)) > 0
    return (divergence.mean((2, 3)) * present).sum() / present.sum().clamp_min(1)
