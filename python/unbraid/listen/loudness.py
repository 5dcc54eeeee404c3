"""The weighting of ITU-R BS.1770, by which loudness is measured."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Biquad = tuple[tuple[float, float, float], tuple[float, float, float]]


def k_weighting(sample_rate: float) -> tuple[Biquad, Biquad]:
    """The shelf and the high-pass, each as (numerator, denominator), at any rate.

    The standard tabulates them for 48 kHz; these are the analogue filters that the bilinear transform makes its tables
    of.
    """
    k, q = math.tan(math.pi * 1681.974450955533 / sample_rate), 0.7071752369554196
    high = 10.0 ** (3.999843853973347 / 20.0)
    band = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    shelf = (
        ((high + band * k / q + k * k) / a0, 2 * (k * k - high) / a0, (high - band * k / q + k * k) / a0),
        (1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0),
    )
    k, q = math.tan(math.pi * 38.13547087602444 / sample_rate), 0.5003270373238773
    a0 = 1 + k / q + k * k
    high_pass = ((1.0, -2.0, 1.0), (1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0))
    return shelf, high_pass


def k_weights(sample_rate: float, num_bins: int) -> NDArray[np.float64]:
    """(num_bins,): what the weighting makes of the power at each bin of a spectrum, from 0 Hz to half of the rate."""
    z = np.exp(-1j * np.linspace(0, np.pi, num_bins))
    response = np.ones(num_bins, complex)
    for numerator, denominator in k_weighting(sample_rate):
        response *= np.polyval(numerator[::-1], z) / np.polyval(denominator[::-1], z)
    return np.abs(response) ** 2
