"""Scores of separated audio."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

METRIC_RATE = 16000  # of wide-band PESQ


def si_sdr(estimate: NDArray[np.floating], reference: NDArray[np.floating]) -> float:
    """Zero-mean scale-invariant signal-to-distortion ratio in dB, higher is better.

    Le Roux et al., "SDR – half-baked or well done?", ICASSP 2019, eq. 2–3, on (samples,) or (channels, samples), all
    channels as one vector after the mean of each is removed.
    """
    est = np.asarray(estimate, np.float64)
    ref = np.asarray(reference, np.float64)
    if est.shape != ref.shape:
        raise ValueError(f"expected an estimate of the reference's shape {ref.shape}, got {est.shape}")
    est = est - est.mean(axis=-1, keepdims=True)
    ref = ref - ref.mean(axis=-1, keepdims=True)
    target = ref * (np.vdot(ref, est) / (np.vdot(ref, ref) + 1e-30))
    error = est - target
    return float(10 * np.log10((np.vdot(target, target) + 1e-30) / (np.vdot(error, error) + 1e-30)))


def wide_band_pesq(pesq: ModuleType, estimate: NDArray[np.floating], reference: NDArray[np.floating]) -> float | None:
    """Wide-band PESQ (ITU-T P.862.2) of speech (samples,) at METRIC_RATE, as a MOS-LQO of 1 to 4.64.

    `pesq` is the package of that name. None where it finds no speech in the reference.
    """
    if not np.any(estimate):  # the bottom of the scale; the package divides by zero
        return 1.0
    try:
        return float(pesq.pesq(METRIC_RATE, reference, estimate, "wb"))
    except pesq.NoUtterancesError:
        return None
