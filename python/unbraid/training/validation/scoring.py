"""Scores of systems on the mixtures of validation, clip by clip."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unbraid.evaluation.metrics import Metric, open_metrics
from unbraid.evaluation.scores import Audio, Score, System, mixture_of, score_stems, with_remainder
from unbraid.training.frames import SAMPLE_RATE, Spectra, spectra
from unbraid.training.validation.mixtures import ValidationMixture, ValidationMixtures, verify

SCORED_LEVEL = 0.1  # root mean square at which mixtures are scored; PESQ rounds quiet ones to nothing
PAUSE_DB = -40.0  # below the voice's loud frames
BLOCK_SECONDS = 0.02
LEAST_PAUSE_BLOCKS = 10
METRICS = {"si_sdr_gain": "gain dB", "pesq": "PESQ", "pause": "pauses dB", "lost": "lost %", "leak": "leak dB"}


def pause_level(estimate: Audio, reference: Audio, mixture: Audio, sample_rate: int) -> float | None:
    """The level in dB that an estimate keeps of the mixture where the voice pauses; None where it hardly does."""
    size = int(BLOCK_SECONDS * sample_rate)

    def block_power(audio: Audio) -> NDArray[np.float32]:
        blocks = audio[:, : audio.shape[1] // size * size].reshape(len(audio), -1, size)
        power: NDArray[np.float32] = np.mean(blocks**2, axis=(0, 2))
        return power

    voice, left, whole = map(block_power, (reference, estimate, mixture))
    pauses = voice < np.quantile(voice, 0.95) * 10 ** (PAUSE_DB / 10)
    if pauses.sum() < LEAST_PAUSE_BLOCKS or whole[pauses].mean() < 1e-4 * whole.mean():
        return None
    return float(10 * np.log10(left[pauses].sum() / whole[pauses].sum() + 1e-8))


def lost_share(estimate: Spectra, reference: Spectra) -> float:
    """The share of a voice's energy that is missing: Σ max(0, |S|² − |Ŝ|²) / Σ|S|² over (frames, bins), in percent."""
    power = np.square(np.abs(reference))
    return float(100 * np.maximum(power - np.square(np.abs(estimate)), 0).sum() / (power.sum() + 1e-20))


def score_mixture(
    mixture: ValidationMixture, systems: Mapping[str, System], metrics: Mapping[str, Metric]
) -> Iterator[Score]:
    """Scores of one mixture as each of the systems separates it; `metrics` are those of speech."""
    whole = mixture_of(mixture.stems)
    scale = np.float32(SCORED_LEVEL / (np.sqrt(np.mean(whole**2)) + 1e-12))
    references = {name: audio * scale for name, audio in mixture.stems.items()}
    kind = f"{mixture.kind} in a room" if mixture.reverberant else mixture.kind
    clip = clip_name(mixture)
    for name, system in systems.items():
        found = system(whole, SAMPLE_RATE, mixture.stems.get("speech", whole))
        found = with_remainder(found, whole, mixture.stems)
        estimates = {stem: np.asarray(audio * scale, np.float32) for stem, audio in found.items()}
        for stem, metric, value in score_stems(estimates, references, SAMPLE_RATE, metrics):
            if metric in METRICS or metric == "si_sdr_input":
                yield Score(name, clip, kind, stem, metric, value)
        if "speech" in references and "speech" in estimates:
            estimate, reference = estimates["speech"], references["speech"]
            level = pause_level(estimate, reference, whole * scale, SAMPLE_RATE)
            if level is not None:
                yield Score(name, clip, kind, "speech", "pause", level)
            low = [spectra(audio.mean(axis=0)) for audio in (estimate, reference)]
            yield Score(name, clip, kind, "speech", "lost", lost_share(*low))


def clip_name(mixture: ValidationMixture) -> str:
    """What a mixture is called in scores."""
    return f"{mixture.number:03}"


def score_all(mixtures: Iterable[ValidationMixture], systems: Mapping[str, System], pesq: bool = True) -> list[Score]:
    """Scores of every mixture as each of the systems, by name, separates it; PESQ where its package is installed."""
    metrics = {name: metric for name, metric in open_metrics()[0].items() if name == "PESQ" and pesq}
    return [score for mixture in mixtures for score in score_mixture(mixture, systems, metrics)]


class Curve:
    """The mean gains on every few mixtures of a corpus, for the curve of a run; drawn anew each time, to save memory.

    Raises ValueError if the mixtures are not those that were scored in this corpus before.
    """

    def __init__(self, corpus: Path, every: int = 4) -> None:
        self._mixtures = ValidationMixtures(corpus)
        self._numbers = range(0, len(self._mixtures), every)
        verify(corpus, list(self._drawn()))

    def _drawn(self) -> Iterator[ValidationMixture]:
        return (self._mixtures[number] for number in self._numbers)

    def gains(self, system: System) -> dict[str, float]:
        """Mean SI-SDR gain over the mixture in dB, as `kind/stem` → gain."""
        gains: dict[str, list[float]] = defaultdict(list)
        for score in score_all(self._drawn(), {"": system}, pesq=False):
            if score.metric == "si_sdr_gain":
                gains[f"{score.kind}/{score.stem}"].append(score.value)
        return {key: float(np.mean(values)) for key, values in sorted(gains.items())}
