"""Draws scores: `python -m bench.pictures SCORES.json PICTURE.svg`, scores as `bench.quality --json` wrote them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from unbraid.evaluation.scores import Score

plt.rcParams["svg.hashsalt"] = "unbraid"  # the same scores, the same file

BIN_DB = 4.0
LEAST_CLIPS = 3  # a mean of fewer tells nothing


def gain_over_input(
    scores: Sequence[Score], stem: str, system: str
) -> tuple[list[float], list[float], list[float], list[float]]:
    """A stem's SI-SDR in the mixture and a system's gain, clip by clip; then the middles of bins and their means."""
    before, gain = (
        {(s.clip, s.kind): s.value for s in scores if (s.system, s.stem, s.metric) == (system, stem, metric)}
        for metric in ("si_sdr_input", "si_sdr_gain")
    )
    clips = [clip for clip in gain if clip in before]
    x, y = (np.array([values[clip] for clip in clips]) for values in (before, gain))
    bins = np.floor(x / BIN_DB)
    full = [number for number in np.unique(bins) if np.count_nonzero(bins == number) >= LEAST_CLIPS]
    means = [float(y[bins == number].mean()) for number in full]
    return x.tolist(), y.tolist(), [float((number + 0.5) * BIN_DB) for number in full], means


def clips_of_all(scores: Sequence[Score], stem: str, systems: Sequence[str]) -> list[Score]:
    """The scores of a stem on the clips where every system has given it: others would not compare."""
    clips = [
        {(s.clip, s.kind) for s in scores if (s.system, s.stem, s.metric) == (system, stem, "si_sdr_gain")}
        for system in systems
    ]
    shared = set.intersection(*clips)
    return [score for score in scores if score.stem == stem and (score.clip, score.kind) in shared]


def draw(scores: Sequence[Score], path: Path, ours: str = "Unbraid") -> None:
    """The gain in speech, music and noise against what there was of them in the mixture, per system."""
    stems = [stem for stem in ("speech", "music", "noise") if any(s.stem == stem for s in scores)]
    systems = [name for name in dict.fromkeys(s.system for s in scores) if name != "mixture"]
    systems.sort(key=lambda name: name == ours)  # on top of the others
    figure, axes = plt.subplots(
        1, len(stems), figsize=(3.6 * len(stems), 3.4), sharey=True, squeeze=False, layout="constrained"
    )
    for axis, stem in zip(axes[0], stems, strict=True):
        of_all = clips_of_all(scores, stem, systems)
        for number, system in enumerate(systems):
            colour = "crimson" if system == ours else plt.colormaps["tab10"](number)
            x, y, middles, means = gain_over_input(of_all, stem, system)
            axis.plot(x, y, ".", color=colour, alpha=0.25, markersize=4)
            axis.plot(middles, means, color=colour, label=system, linewidth=2.5 if system == ours else 1.0)
        axis.set_title(stem, fontsize=10)
        axis.set_xlabel("SI-SDR in the mixture, dB")
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("SI-SDR gain, dB")
    axes[0][0].legend(fontsize=7)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scores", type=Path)
    parser.add_argument("picture", type=Path)
    args = parser.parse_args()
    draw([Score(**row) for row in json.loads(args.scores.read_text())], args.picture)


if __name__ == "__main__":
    main()
