"""Scores as Markdown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from unbraid.evaluation.scores import Score

# Name of a metric: heading, digits. In the order of the columns.
COLUMNS = {
    "si_sdr_gain": ("SI-SDR gain dB", 2),
    "si_sdr_gain_full": ("in full", 2),
    "pesq": ("PESQ", 2),
    "stoi": ("STOI", 3),
    "ovrl": ("DNSMOS OVRL", 2),
    "sig": ("SIG", 2),
    "bak": ("BAK", 2),
    "leak": ("leak dB", 1),
}
SUMMARY = {"si_sdr_gain": 1, "pesq": 2, "stoi": 2}  # metrics of the short table: digits


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """A table of cells, the first line its header."""
    header, *rows = lines
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *rows))


def worst(scores: Mapping[str, list[Score]]) -> str:
    """The worst of one row's clips, by the first of gain, leak and PESQ that the row has."""
    for metric, sign in (("si_sdr_gain", 1), ("leak", -1), ("pesq", 1)):
        if metric in scores:
            score = min(scores[metric], key=lambda score: sign * score.value)
            return f"{score.value:.{COLUMNS[metric][1]}f} ({score.clip})"
    return ""


def fullest_first(kind: str) -> tuple[int, str]:
    """Sorts mixtures of many stems before those of few."""
    return -kind.count("+"), kind


def table(scores: Sequence[Score], labels: Mapping[str, Callable[[Score], str]], worst_of: Sequence[str]) -> str:
    """Means over clips, a row for each combination of `labels` (heading: label of a score), in the order they come.

    Rows of the systems in `worst_of` end with their worst clip.
    """
    rows: dict[tuple[str, ...], dict[str, list[Score]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        rows[tuple(label(score) for label in labels.values())][score.metric].append(score)
    metrics = [metric for metric in COLUMNS if any(metric in row for row in rows.values())]
    lines = [[*labels, "clips", *(COLUMNS[metric][0] for metric in metrics), "worst (clip)"]]
    for cells, row in rows.items():
        means = {metric: np.mean([score.value for score in found]) for metric, found in row.items()}
        figures = [f"{means[metric]:.{COLUMNS[metric][1]}f}" if metric in means else "" for metric in metrics]
        judged = any(score.system in worst_of for found in row.values() for score in found)
        clips = str(max(map(len, row.values())))
        lines.append([*cells, clips, *figures, worst(row) if judged else ""])
    return markdown(lines)


def figures(scores: Sequence[Score]) -> str:
    """One system's scores: a row per kind of mixture and stem."""
    ordered = sorted(scores, key=lambda score: (*fullest_first(score.kind), score.stem))
    systems = list({score.system for score in scores})
    return table(ordered, {"mixture": lambda score: score.kind, "stem": lambda score: score.stem}, systems)


def report(scores: Sequence[Score], judged: str, stem_names: Sequence[str]) -> str:
    """Several systems beside each other: a table for each kind of mixture, and one for the clips of a single stem."""
    systems = list(dict.fromkeys(score.system for score in scores))

    def label(score: Score) -> str:
        return score.stem if "+" in score.kind else f"{score.kind} → {score.stem}"

    groups: dict[str, list[Score]] = defaultdict(list)
    for score in sorted(
        scores,
        key=lambda score: (*fullest_first(score.kind), stem_names.index(score.stem), systems.index(score.system)),
    ):
        groups[score.kind if "+" in score.kind else "a single stem"].append(score)
    labels = {"stem": label, "system": lambda score: score.system}
    return "\n\n".join(f"### {kind}\n\n{table(group, labels, [judged])}" for kind, group in groups.items())


def summary(scores: Sequence[Score]) -> str:
    """The speech alone: a row per system and a column per kind of mixture, in each the means of `SUMMARY`."""
    spoken = [score for score in scores if score.stem == "speech" and "+" in score.kind and score.metric in SUMMARY]
    values: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for score in spoken:
        values[score.system, score.kind, score.metric].append(score.value)
    kinds = sorted({score.kind for score in spoken}, key=fullest_first)
    lines = [["system", *kinds]]
    for system in dict.fromkeys(score.system for score in spoken):
        cells = [
            [
                f"{np.mean(found):.{digits}f}"
                for metric, digits in SUMMARY.items()
                if (found := values[system, kind, metric])
            ]
            for kind in kinds
        ]
        lines.append([system, *map(" / ".join, cells)])
    return markdown(lines)
