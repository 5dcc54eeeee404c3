"""k-means over embeddings, as the core does it: the centres of the talkers in a mixture."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unbraid.training.talkers.losses import point_weights

ITERATIONS = 20
RESTARTS = 4


def cluster(embeddings: Tensor, power: Tensor, count: int, seed: int = 0) -> Tensor:
    """Centres (count, embedding) of embeddings (frames, bands, embedding), weighted by the power of their points.

    Spherical k-means, with k-means++ to begin with (Arthur and Vassilvitskii, 2007); of some restarts the best. Zeros
    for silence.
    """
    weights = point_weights(power[None])[0].flatten()
    points = nn.functional.normalize(embeddings.flatten(0, 1), dim=-1)
    generator = torch.Generator().manual_seed(seed)
    points, weights = points[weights > 0], weights[weights > 0]
    best, best_score = points.new_zeros(count, points.shape[-1]), -torch.inf
    for _ in range(RESTARTS if len(points) else 0):
        centres = _seed(points, weights, count, generator)
        for _ in range(ITERATIONS):
            owners = nn.functional.one_hot((points @ centres.T).argmax(dim=1), count)
            centres = nn.functional.normalize((owners * weights[:, None]).T @ points, dim=-1)
        score = float(((points @ centres.T).amax(dim=1) * weights).sum())
        if score > best_score:
            best, best_score = centres, score
    return best


def _seed(points: Tensor, weights: Tensor, count: int, generator: torch.Generator) -> Tensor:
    centres = points[torch.multinomial(weights, 1, generator=generator)]
    while len(centres) < count:
        distance = (1 - (points @ centres.T).amax(dim=1)).clamp_min(1e-6)
        centres = torch.cat([centres, points[torch.multinomial(weights * distance, 1, generator=generator)]])
    return centres
