"""What a model of talkers makes of people who talk at once, beside what the best masks would make of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.fft
from numpy.typing import NDArray

import unbraid
from unbraid.evaluation.metrics import si_sdr
from unbraid.evaluation.scores import Audio, clips_of, mixture_of, read_clip
from unbraid.evaluation.tables import markdown
from unbraid.nmf.frames import Frames

UNLIKE = 1.25  # ratio of pitches: a quarter apart
WIN_LENGTH = 1024


@dataclass(frozen=True)
class PairScore:
    """One mixture: gains in dB, means over its talkers of zero-mean SI-SDR over the mixture's."""

    clip: str
    gain: float  # in the order of the stems that gains most, for none is anyone's
    ideal: float  # of the best real masks of bins
    unlike: bool  # whether the pitches of the voices are a quarter apart or more


def score_pairs(folder: Path, model: unbraid.Model) -> Iterator[PairScore]:
    """Scores of every clip of a folder, which hold a file for each talker, named like the model's stems.

    Raises ValueError for a folder without clips.
    """
    for clip in clips_of(folder):
        talkers, sample_rate = read_clip(clip, model.stem_names)
        mixture = mixture_of(talkers)
        stems = unbraid.separate(mixture, sample_rate, model, talkers=len(talkers))
        low, *_, high = sorted(pitch(talker.mean(axis=0), sample_rate) for talker in talkers.values())
        yield PairScore(
            clip.name, order_gain(stems, talkers), order_gain(ideal_stems(talkers), talkers), high / low >= UNLIKE
        )


def order_gain(stems: Mapping[str, Audio], talkers: Mapping[str, Audio]) -> float:
    """The mean gain in dB of the best order of stems."""
    mixture = mixture_of(talkers)
    before = [si_sdr(mixture, talker) for talker in talkers.values()]
    after = [[si_sdr(stem, talker) for talker in talkers.values()] for stem in stems.values()]
    orders = itertools.permutations(range(len(stems)), len(talkers))
    return max(float(np.mean([after[i][k] - before[k] for k, i in enumerate(order)])) for order in orders)


def ideal_stems(talkers: Mapping[str, Audio]) -> dict[str, Audio]:
    """What the best real masks between 0 and 1 of each bin make of the mixture: Re(S X*) / |X|²."""
    frames = Frames(WIN_LENGTH)
    num_samples = mixture_of(talkers).shape[1]

    def spectra(audio: Audio) -> NDArray[np.complex64]:
        return frames.analyse(audio, 0, frames.count(num_samples))

    mixture = spectra(mixture_of(talkers))
    found = {}
    for name, talker in talkers.items():
        masks = np.clip((spectra(talker) * mixture.conj()).real / (np.abs(mixture) ** 2 + 1e-12), 0, 1)
        found[name] = np.zeros_like(talker)
        frames.add(masks * mixture, 0, found[name])
    return found


def pitch(audio: Audio, sample_rate: int) -> float:
    """The median, in Hz, of the strongest periods between 70 and 400 Hz of the louder frames: (samples,)."""
    length = sample_rate // 20
    frames = audio[: len(audio) // length * length].reshape(-1, length).astype(np.float64)
    energy = np.square(frames).sum(axis=1)
    loud = frames[energy > energy.max() * 0.05]
    power = np.abs(scipy.fft.rfft(loud - loud.mean(axis=1, keepdims=True), 2 * length)) ** 2
    correlation = scipy.fft.irfft(power)[:, :length]  # of fewer products the longer the period: no octave too low
    low, high = sample_rate // 400, sample_rate // 70
    periods = low + correlation[:, low:high].argmax(axis=1)
    return float(sample_rate / np.median(periods))


def worst_pair(scores: Sequence[PairScore]) -> PairScore:
    return min(scores, key=lambda score: score.gain)


def pair_figures(scores: Sequence[PairScore]) -> str:
    """Means as Markdown: all pairs, those of unlike and of like pitch, and the worst one."""
    worst = worst_pair(scores)
    groups = {
        "all": list(scores),
        "unlike pitch": [score for score in scores if score.unlike],
        "like pitch": [score for score in scores if not score.unlike],
        f"the worst, {worst.clip}": [worst],
    }
    lines = [["pairs", "count", "SI-SDR gain dB", "of ideal masks dB"]]
    for title, group in groups.items():
        if group:
            means = [float(np.mean(values)) for values in ([s.gain for s in group], [s.ideal for s in group])]
            lines.append([title, str(len(group)), *(f"{mean:.2f}" for mean in means)])
    return markdown(lines)
