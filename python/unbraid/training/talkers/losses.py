"""Objectives of `talkers`. Lower is better. P, C, K as in `unbraid.training.bands`."""

from __future__ import annotations

from torch import Tensor, nn

from unbraid.training.losses import band_loss
from unbraid.training.talkers.model import lengths, masks_of

ACTIVE_DB = 40.0  # below the loudest point of a clip: what is quieter belongs to nobody
CLUSTERING = 20.0  # what the clustering objective weighs beside the dB of the masks


def point_weights(mixture: Tensor) -> Tensor:
    """What a point counts: its share of the magnitude, nothing where it is not active. (batch, frames, bands) → same.

    Magnitude ratio weights of Wang et al., "Alternative objective functions for deep clustering", ICASSP 2018, eq. 4.
    """
    loudest = mixture.amax(dim=(1, 2), keepdim=True)
    active = mixture > loudest * 10 ** (-ACTIVE_DB / 10)
    weights = mixture.sqrt() * active
    return weights / weights.sum(dim=(1, 2), keepdim=True).clamp_min(1e-12)


def deep_clustering_loss(embeddings: Tensor, owners: Tensor, weights: Tensor) -> Tensor:
    """‖VVᵀ − YYᵀ‖² over weighted points, in its low-rank form ‖VᵀV‖² − 2‖VᵀY‖² + ‖YᵀY‖² (Hershey et al., eq. 1 and 3).

    V are the embeddings scaled to unit length. Args: embeddings (batch, points, embedding); owners (batch, points,
    talkers), one-hot; weights (batch, points), which sum to one over the points of a clip. The mean over the batch.
    """
    root = weights.sqrt()
    v, y = embeddings * (root / lengths(embeddings)).unsqueeze(-1), owners * root.unsqueeze(-1)

    def norm(a: Tensor, b: Tensor) -> Tensor:
        return (a.transpose(1, 2) @ b).square().sum(dim=(1, 2))

    return (norm(v, v) - 2 * norm(v, y) + norm(y, y)).mean()


def ideal_centres(embeddings: Tensor, owners: Tensor, weights: Tensor) -> Tensor:
    """The mean direction of what each talker owns, unit length: (batch, talkers, embedding).

    The attractors of Chen et al., "Deep attractor network for single-microphone speaker separation", ICASSP 2017.
    """
    shares = owners * (weights / lengths(embeddings)).unsqueeze(-1)
    return nn.functional.normalize(shares.transpose(1, 2) @ embeddings, dim=-1)


def talkers_loss(embeddings: Tensor, sharpness: Tensor, mixture: Tensor, cross: Tensor, talkers: Tensor) -> Tensor:
    """Deep clustering, and the loss of the masks that the talkers' true centres give.

    The second term is what k-means leads to when it finds the centres (Isik et al., "Single-channel multi-speaker
    separation using deep clustering", Interspeech 2016, train through its soft assignment, too).

    Args: embeddings (batch, frames, bands, embedding); mixture P (batch, frames, bands); cross C and talkers K
    (batch, talkers, frames, bands).
    """
    count = talkers.shape[1]
    owners = owners_of(talkers)
    weights = point_weights(mixture).flatten(1)
    points = embeddings.flatten(1, 2)
    centres = ideal_centres(points, owners, weights)
    masks = masks_of(embeddings, centres, sharpness)
    clustering = deep_clustering_loss(points, owners, weights)
    return CLUSTERING * clustering + band_loss(masks, mixture, cross, talkers, mixture.new_ones(count))


def owners_of(talkers: Tensor) -> Tensor:
    """Who is loudest at a point, one-hot: (batch, talkers, frames, bands) → (batch, points, talkers)."""
    return (talkers == talkers.amax(dim=1, keepdim=True)).float().flatten(2).transpose(1, 2)
