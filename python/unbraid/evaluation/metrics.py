"""Scores of separated audio."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.floating]  # (samples,)
# From the clean and the estimated speech, (samples,) at METRIC_RATE, to scores by name.
Metric = Callable[[Signal, Signal], dict[str, float]]

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


def wide_band_pesq(pesq: Any, reference: Signal, estimate: Signal) -> dict[str, float]:
    """Wide-band PESQ (ITU-T P.862.2) as a MOS-LQO of 1 to 4.64, by the package of that name.

    Empty where it finds no speech in the reference.
    """
    if not np.any(estimate):  # the bottom of the scale; the package divides by zero
        return {"pesq": 1.0}
    try:
        return {"pesq": float(pesq.pesq(METRIC_RATE, reference, estimate, "wb"))}
    except pesq.NoUtterancesError:
        return {}


def stoi(pystoi: Any, reference: Signal, estimate: Signal) -> dict[str, float]:
    """Short-time objective intelligibility, 0 to 1 (Taal et al., IEEE TASLP 2011), by the package pystoi."""
    return {"stoi": float(pystoi.stoi(reference, estimate, METRIC_RATE))}


def dnsmos(model: Any, reference: Signal, estimate: Signal) -> dict[str, float]:
    """DNSMOS P.835, MOS of 1 to 5 without a reference (Reddy et al., ICASSP 2022), by the package speechmos."""
    scores = model.run(np.clip(estimate, -1, 1), METRIC_RATE)
    return {name: float(scores[f"{name}_mos"]) for name in ("ovrl", "sig", "bak")}


# Name of a metric of speech: the module it needs, and what it does with it.
METRICS: dict[str, tuple[str, Callable[[Any, Signal, Signal], dict[str, float]]]] = {
    "PESQ": ("pesq", wide_band_pesq),
    "STOI": ("pystoi", stoi),
    "DNSMOS": ("speechmos.dnsmos", dnsmos),
}


def open_metrics() -> tuple[dict[str, Metric], dict[str, str]]:
    """The metrics of speech whose packages are installed, and why each of the others is missing."""
    found: dict[str, Metric] = {}
    missing: dict[str, str] = {}
    for name, (module, metric) in METRICS.items():
        try:
            found[name] = partial(metric, importlib.import_module(module))
        except ImportError as error:
            missing[name] = str(error)
    return found, missing
