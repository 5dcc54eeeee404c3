"""Scores checkpoints, or any separators, on the mixtures of validation, and their differences clip by clip.

    python -m unbraid.training.validation_v2 CORPUS CHECKPOINT [OTHER ...]

Prints, by kind of mixture and stem, means with their standard errors, and what each further checkpoint has over the
first: the paired difference, whose error is far smaller than that of either mean. Voices in rooms are rows of their
own: their reference is as reverberant as they are.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from unbraid.evaluation.metrics import Metric, open_metrics
from unbraid.evaluation.scores import Audio, Score, System, mixture_of, score_stems
from unbraid.evaluation.tables import markdown
from unbraid.training.bands import HOP_SECONDS, band_of_bin, band_sum
from unbraid.training.frames import HOP_LENGTH, SAMPLE_RATE, WIN_LENGTH, Spectra, spectra
from unbraid.training.mixtures.drawing import STEMS
from unbraid.training.model import Crnn, load_checkpoint
from unbraid.training.validation_mixtures import ValidationMixture, ValidationMixtures, verify
from unbraid.training.validation_set import synthesise

SCORED_LEVEL = 0.1  # root mean square at which mixtures are scored; PESQ rounds quiet ones to nothing
PAUSE_DB = -40.0  # below the voice's loud frames
BLOCK_SECONDS = 0.02
LEAST_PAUSE_BLOCKS = 10
METRICS = {"si_sdr_gain": "gain dB", "pesq": "PESQ", "pause": "pauses dB", "lost": "lost %", "leak": "leak dB"}

# The core's level normalizer, in the power whose sum over a frame is π²/4 for a mean square of one.
FULL_SCALE = np.log(np.pi**2 / 4)
NEPERS_PER_DB = np.log(10) / 10
KNEE_DB, SURPRISE_DB, LOWEST_DB, SILENCE = -40.0, 10.0, -20.0, 1.6e-12
ATTACK_SECONDS, RELEASE_SECONDS = 0.2, 1.0


def middle_power(channels: NDArray[np.complex64]) -> NDArray[np.float32]:
    """What the core's network hears of spectra (channels, frames, bins): (frames, bins).

    The power of the channels' mean; where they cancel, an eighth of the mean of their powers.
    """
    power: NDArray[np.float32] = np.square(np.abs(channels.mean(axis=0)))
    if len(channels) == 1:
        return power
    least: NDArray[np.float32] = np.square(np.abs(channels)).mean(axis=0) / np.float32(8)
    return np.asarray(np.maximum(power, least))


def level_gains(frame_power: NDArray[np.float32]) -> NDArray[np.float32]:
    """The gain on power with which the core lifts quiet audio, frame by frame: (frames,) → (frames,)."""
    attack, release = (-np.expm1(-HOP_SECONDS / seconds) for seconds in (ATTACK_SECONDS, RELEASE_SECONDS))
    gains = np.ones(len(frame_power), np.float32)
    running, counted = 0.0, 0
    for i, power in enumerate(frame_power):
        if power > SILENCE:
            level = float(np.log(power))
            share = attack if level > running + SURPRISE_DB * NEPERS_PER_DB else release
            if counted * release < 1:
                counted += 1
                share = max(share, 1 / counted)
            floor = running + LOWEST_DB * NEPERS_PER_DB
            running = level if counted == 1 else running + share * (max(level, floor) - running)
        if counted:
            gains[i] = np.exp(max(0.0, FULL_SCALE + KNEE_DB * NEPERS_PER_DB - running))
    return gains


def system_of_checkpoint(model: Crnn) -> System:
    """A network in training as a system at 48 kHz, heard and masked as the core does it.

    Raises ValueError for audio of another rate.
    """

    @torch.no_grad()
    def separate(mixture: Audio, sample_rate: int, reference: Audio) -> dict[str, Audio]:
        if sample_rate != SAMPLE_RATE:
            raise ValueError(f"expected audio at {SAMPLE_RATE} Hz, got {sample_rate}")
        length = mixture.shape[1]
        padded = np.pad(mixture, ((0, 0), (HOP_LENGTH, WIN_LENGTH + -length % HOP_LENGTH)))
        channels = np.stack([spectra(channel) for channel in padded])
        power = middle_power(channels)
        power = power * level_gains(power.sum(axis=1))[:, None]
        masks = model(torch.from_numpy(band_sum(power))[None])[0][0].numpy()[..., band_of_bin()]
        return {name: _overlap_add(channels * mask, length) for name, mask in zip(STEMS, masks, strict=True)}

    return separate


def _overlap_add(channels: NDArray[np.complex64], length: int) -> Audio:
    return np.stack([synthesise(frames)[HOP_LENGTH : HOP_LENGTH + length] for frames in channels])


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
    clip = f"{mixture.number:03}"
    for name, system in systems.items():
        found = system(whole, SAMPLE_RATE, mixture.stems.get("speech", whole))
        estimates = {stem: np.asarray(audio * scale, np.float32) for stem, audio in found.items()}
        for stem, metric, value in score_stems(estimates, references, SAMPLE_RATE, metrics):
            if metric in METRICS:
                yield Score(name, clip, kind, stem, metric, value)
        if "speech" in references and "speech" in estimates:
            estimate, reference = estimates["speech"], references["speech"]
            level = pause_level(estimate, reference, whole * scale, SAMPLE_RATE)
            if level is not None:
                yield Score(name, clip, kind, "speech", "pause", level)
            low = [spectra(audio.mean(axis=0)) for audio in (estimate, reference)]
            yield Score(name, clip, kind, "speech", "lost", lost_share(*low))


def score_all(mixtures: Sequence[ValidationMixture], systems: Mapping[str, System], pesq: bool = True) -> list[Score]:
    """Scores of every mixture as each of the systems, by name, separates it; PESQ where its package is installed."""
    metrics = {name: metric for name, metric in open_metrics()[0].items() if name == "PESQ" and pesq}
    return [score for mixture in mixtures for score in score_mixture(mixture, systems, metrics)]


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """The mean and its standard error; of a single value there is none, nan."""
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return float(np.mean(values)), float(error)


def paired(scores: Sequence[Score], first: str, other: str) -> dict[tuple[str, str, str], tuple[float, float]]:
    """(kind, stem, metric) → mean and standard error of what `other` has over `first`, over clips that both have."""
    values: dict[tuple[str, str, str], dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for score in scores:
        values[score.kind, score.stem, score.metric][score.system][score.clip] = score.value
    differences = {}
    for key, systems in values.items():
        if both := systems[first].keys() & systems[other].keys():
            differences[key] = mean_and_error([systems[other][clip] - systems[first][clip] for clip in sorted(both)])
    return differences


def report(scores: Sequence[Score], systems: Sequence[str]) -> str:
    """A Markdown table: a row per kind, stem and metric, a column per system, and what each has over the first."""
    values: dict[tuple[str, str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        values[score.kind, score.stem, score.metric][score.system].append(score.value)
    first, *others = systems
    over = [paired(scores, first, other) for other in others]
    lines = [["mixture", "stem", "metric", "clips", *systems, *(f"{other} − {first}" for other in others)]]
    for key, found in values.items():
        kind, stem, metric = key
        cells = [_cell(mean_and_error(found[system])) if system in found else "" for system in systems]
        differences = [_cell(table[key], "+") if key in table else "" for table in over]
        lines.append([kind, stem, METRICS[metric], str(max(map(len, found.values()))), *cells, *differences])
    head, *rows = lines
    return markdown([head, *sorted(rows, key=lambda row: (row[0].endswith("room"), -row[0].count("+"), row[0]))])


def _cell(value: tuple[float, float], sign: str = "") -> str:
    mean, error = value
    return f"{mean:{sign}.2f} ± {error:.2f}"


def main(args: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("checkpoints", type=Path, nargs="+", help="the first is what the others are held against")
    parser.add_argument("--every", type=int, default=1, help="score every so many mixtures, for a quick look")
    parser.add_argument("--no-pesq", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write every score here")
    parsed = parser.parse_args(args)
    torch.set_num_threads(parsed.threads)
    names = [f"{path.parent.name}/{path.stem}" for path in parsed.checkpoints]
    if len(set(names)) < len(names):
        names = [f"{i}:{name}" for i, name in enumerate(names, 1)]
    systems = {
        name: system_of_checkpoint(load_checkpoint(path)[0])
        for name, path in zip(names, parsed.checkpoints, strict=True)
    }
    whole = ValidationMixtures(parsed.corpus)
    mixtures = [whole[i] for i in range(0, len(whole), parsed.every)]
    print(f"{len(mixtures)} mixtures, sha256 {verify(parsed.corpus, mixtures)}\n")
    scores = score_all(mixtures, systems, pesq=not parsed.no_pesq)
    print(report(scores, names))
    if parsed.json:
        parsed.json.write_text(json.dumps([asdict(score) for score in scores], indent=1))


if __name__ == "__main__":
    main()
