"""Losses in the band domain. P, C, K as in bands.py; lower is better."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

COMPRESSION = 0.65  # error is divided by P^0.65, so that quiet bands count
PLAIN = 0.7  # of the loss is on plain spectra, what is left on compressed ones
WEIGHTS = {"speech": 2.0}  # what is sure to be speech tells the other stems, too, what they are; theirs are 1
FLOOR = 1e-3  # 30 dB below the mixture: no more is asked of a stem
MAGNITUDE_EXPONENT = 0.5  # of magnitude_loss


def _neg_snr_db(error: Tensor, target: Tensor, reference: Tensor) -> Tensor:
    """Negative SNR in dB of (batch, stems) energies, with a soft floor relative to the mixture's energy."""
    floor = FLOOR * reference + 1e-20
    return 10 * torch.log10((error + floor) / (target + floor))


def _mean_of_present(loss: Tensor, stems: Tensor, weights: Tensor) -> Tensor:
    """The mean of (batch, stems) losses over the stems that are there, weighed by `weights`."""
    weights = (stems.sum((2, 3)) > 0) * weights
    return (loss * weights).sum() / weights.sum().clamp_min(1)


def stem_weights(kinds: Sequence[str]) -> Tensor:
    """What the stems of these kinds weigh in the loss: (stems,)."""
    return torch.tensor([WEIGHTS.get(kind, 1.0) for kind in kinds])


def band_loss(masks: Tensor, mixture: Tensor, cross: Tensor, stems: Tensor, weights: Tensor) -> Tensor:
    """Mean negative SNR in dB of the stems present, weighed by `weights`, part of it on compressed spectra.

    The plain part is what SI-SDR measures; the compressed part weighs each band and frame by P^-0.65, for the ear.
    Thresholded SNR follows Wisdom et al., "What's all the fuss about free universal sound separation data?",
    ICASSP 2021, eq. 3. A stem that is absent has no term: as masks sum to one, what leaks into it is missing from
    the others, and a term of its own teaches the network to leave the rarest stem silent.

    Args: masks, cross C, stems K: (batch, stems, frames, bands); mixture P: (batch, frames, bands);
    weights: (stems,).
    """
    power = mixture.unsqueeze(1)
    error = (masks.square() * power - 2 * masks * cross + stems).clamp_min(0)
    axes = (2, 3)
    plain = _neg_snr_db(error.sum(axes), stems.sum(axes), power.sum(axes))
    weight = (power + 1e-12) ** -COMPRESSION
    compressed = _neg_snr_db((error * weight).sum(axes), (stems * weight).sum(axes), (power * weight).sum(axes))
    return _mean_of_present(PLAIN * plain + (1 - PLAIN) * compressed, stems, weights)


def magnitude_loss(masks: Tensor, mixture: Tensor, stems: Tensor, weights: Tensor) -> Tensor:
    """Mean negative SNR in dB of compressed magnitudes |X|^0.5 of the stems present, weighed by `weights`.

    Deaf to phase, and to nothing that is quiet: closer to what PESQ measures than band_loss is (Ephrat et al., "Looking
    to listen at the cocktail party", SIGGRAPH 2018, and Braun & Tashev, "A consolidated view of loss functions for
    supervised deep learning-based speech enhancement", TSP 2021, compress alike).

    Args: as those of band_loss.
    """
    axes = (2, 3)
    power = mixture.unsqueeze(1)

    def compressed(power: Tensor) -> Tensor:  # steep at nothing, so masks count from -60 dB
        return (power + 1e-12) ** (MAGNITUDE_EXPONENT / 2)

    target, whole = compressed(stems), compressed(power)
    error = compressed(power * (masks.square() + 1e-6)) - target
    loss = _neg_snr_db(error.square().sum(axes), target.square().sum(axes), whole.square().sum(axes))
    return _mean_of_present(loss, stems, weights)


def distillation_loss(masks: Tensor, mixture: Tensor, teacher: Tensor, weights: Tensor) -> Tensor:
    """band_loss against a teacher's stems instead of the true ones (Hinton et al., "Distilling the knowledge in a
    neural network", 2015): with its mask t a stem is Y = tX, so C = tP and K = t²P.

    Args: masks, teacher: (batch, stems, frames, bands); mixture P: (batch, frames, bands); weights: (stems,).
    """
    power = mixture.unsqueeze(1)
    return band_loss(masks, mixture, teacher * power, teacher.square() * power, weights)
