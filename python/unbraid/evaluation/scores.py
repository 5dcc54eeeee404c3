"""What a separator makes of a folder of clips, stem by stem."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

import unbraid
from unbraid.evaluation.metrics import METRIC_RATE, Metric, si_sdr

Audio = NDArray[np.float32]  # (channels, samples)

# From the mixture, its sample rate in Hz, and what to align with, to the stems that this system knows, by name.
System = Callable[[Audio, int, Audio], Mapping[str, Audio]]


@dataclass(frozen=True)
class Score:
    """One figure for one stem of one clip, as one system separated it."""

    system: str
    clip: str
    kind: str  # the stems of the mixture, "speech+noise"
    stem: str
    metric: str  # a key of tables.COLUMNS
    value: float


def system_of(model: unbraid.Model) -> System:
    """A model of ours as a system."""
    return lambda mixture, sample_rate, reference: unbraid.separate(mixture, sample_rate, model)


def resample(audio: Audio, sample_rate: float, new_rate: float) -> Audio:
    return np.ascontiguousarray(soxr.resample(audio.T, sample_rate, new_rate).T, np.float32)


def clips_of(folder: Path) -> list[Path]:
    """The folders of the clips in a folder; raises ValueError for one without."""
    clips = sorted(path for path in folder.iterdir() if path.is_dir())
    if not clips:
        raise ValueError(f"{folder}: expected a folder per clip, found none")
    return clips


def read_clip(folder: Path, stem_names: Sequence[str]) -> tuple[dict[str, Audio], int]:
    """The stems (channels, samples) of a clip's folder, cut to the shortest, and their sample rate.

    Raises ValueError for a folder without stems, or whose stems are not all at one rate.
    """
    stems, rates = {}, set()
    for name in stem_names:
        if found := sorted(folder.glob(f"{name}.*")):
            audio, rate = soundfile.read(found[0], dtype="float32", always_2d=True)
            stems[name] = np.ascontiguousarray(audio.T)
            rates.add(rate)
    if len(rates) != 1:
        raise ValueError(
            f"{folder}: expected stems {list(stem_names)} at one sample rate, found {sorted(stems)} at {rates}"
        )
    length = min(audio.shape[1] for audio in stems.values())
    return {name: audio[:, :length] for name, audio in stems.items()}, rates.pop()


def mixture_of(stems: Mapping[str, Audio]) -> Audio:
    return np.asarray(sum(stems.values(), np.float32(0)))


def score_stems(
    estimates: Mapping[str, Audio], references: Mapping[str, Audio], sample_rate: int, metrics: Mapping[str, Metric]
) -> Iterator[tuple[str, str, float]]:
    """(stem, metric, value) of one system's estimates for one clip.

    Of a stem that is in the clip, the gain of zero-mean SI-SDR over the mixture, all channels as one vector: of audio
    resampled to METRIC_RATE, for there most speech enhancers end ("si_sdr_gain"), what it had in the mixture
    ("si_sdr_input"), and the gain at the clip's own rate ("si_sdr_gain_full"); of speech, `metrics` of the mean of its
    channels. Of a stem that is not, its level over the
    mixture's ("leak").
    """
    mixture = mixture_of(references)
    low_mixture = resample(mixture, sample_rate, METRIC_RATE)
    for stem, estimate in estimates.items():
        if stem not in references:
            level = np.mean(estimate**2) / (np.mean(mixture**2) + 1e-20)
            yield stem, "leak", float(10 * np.log10(level + 1e-12))
            continue
        reference = references[stem]
        low_estimate, low_reference = (resample(audio, sample_rate, METRIC_RATE) for audio in (estimate, reference))
        if len(references) > 1:
            before = si_sdr(low_mixture, low_reference)
            yield stem, "si_sdr_input", before
            yield stem, "si_sdr_gain", si_sdr(low_estimate, low_reference) - before
            yield stem, "si_sdr_gain_full", si_sdr(estimate, reference) - si_sdr(mixture, reference)
        if stem == "speech":
            for metric in metrics.values():
                for name, value in metric(low_reference.mean(axis=0), low_estimate.mean(axis=0)).items():
                    yield stem, name, value


def with_remainder(estimates: Mapping[str, Audio], mixture: Audio, stems: Collection[str]) -> Mapping[str, Audio]:
    """What a system that knows but one of the two stems of a mixture leaves of it is its other stem.

    Unless it leaves nothing, as no separation does.
    """
    others = [stem for stem in stems if stem not in estimates]
    if len(estimates) != 1 or len(stems) != 2 or len(others) != 1:
        return estimates
    (estimate,) = estimates.values()
    remainder = mixture - estimate
    return {**estimates, others[0]: remainder} if np.any(remainder) else estimates


def score_folder(
    folder: Path, stem_names: Sequence[str], systems: Mapping[str, System], metrics: Mapping[str, Metric]
) -> Iterator[Score]:
    """Scores of every clip of a folder, as each of the systems separates it.

    Raises ValueError for a folder without clips.
    """
    for clip in clips_of(folder):
        references, sample_rate = read_clip(clip, stem_names)
        mixture = mixture_of(references)
        for name, system in systems.items():
            estimates = system(mixture, sample_rate, references.get("speech", mixture))
            estimates = with_remainder(estimates, mixture, references)
            for stem, metric, value in score_stems(estimates, references, sample_rate, metrics):
                yield Score(name, clip.name, "+".join(references), stem, metric, value)
