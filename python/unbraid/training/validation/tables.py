"""Means with their standard errors, and paired differences, whose errors are far smaller than those of either mean."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from unbraid.evaluation.scores import Score
from unbraid.evaluation.tables import markdown
from unbraid.training.validation.scoring import METRICS


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
        if score.metric in METRICS:
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
