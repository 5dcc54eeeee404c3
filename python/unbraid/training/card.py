"""Writes a model's card beside it: figures, limits, sources with hours and licences; and its run's curve and settings.

Everything but the limits comes from what other commands left: the corpus's `summary.json`,
the run's `config.json` and `log.jsonl`, and the scores that `unbraid.evaluation --json` wrote. No figure of the model
is typed by hand.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

import unbraid
from unbraid.evaluation.pairs import PairScore, pair_figures, worst_pair
from unbraid.evaluation.scores import Score, mixture_of, read_clip
from unbraid.evaluation.tables import figures
from unbraid.registry import describe, load_model
from unbraid.training.corpus.clips import hours_of
from unbraid.training.corpus.sources import Recipe

HEAD = """# {name}

Takes {task} apart: stems {stems}. {latency}, at any sample rate from
8 to 192 kHz; heard up to {top_khz:.0f} kHz. Licence of the weights: {license}.

Made by the pipeline in `unbraid.training` from the recipe `{recipe}` at commit `{commit}`: {step} steps in
the last run, {hours_heard} hours of mixtures heard in all, seed {seed}.
"""


FIGURES = """## Figures

On the public evaluation set, whose sources are reserved: never trained on, nor weights chosen by
(`python -m unbraid.evaluation`). The gain is that of zero-mean SI-SDR over the mixture, a mean over clips."""


PAIRS = """## Figures

On pairs of voices that are reserved: never trained on, nor weights chosen by (`python -m unbraid.evaluation`). The gain
is that of zero-mean SI-SDR over the mixture, a mean over both talkers, the stems in the order that gains most. Pairs
are of unlike pitch where the voices' are a quarter apart or more."""


@dataclass(frozen=True)
class Judged:
    """What a card says of scores: their table, and the one that is worst."""

    heading: str
    table: str
    clip: str
    stem: str
    gain: float
    what: str  # "the worst speech of a mixture of all stems"


def read_scores(path: Path, stem_names: Sequence[str]) -> Judged:
    """What `unbraid.evaluation --json` wrote, of stems or of pairs of talkers."""
    rows = json.loads(path.read_text())
    if "ideal" in rows[0]:
        pairs = [PairScore(**row) for row in rows]
        worst = worst_pair(pairs)
        return Judged(PAIRS, pair_figures(pairs), worst.clip, stem_names[0], worst.gain, "The worst pair")
    scores = [Score(**row) for row in rows]
    clip = worst_clip(scores)
    what = f"The worst {clip.stem} of a mixture of all stems"
    return Judged(FIGURES, figures(scores), clip.clip, clip.stem, clip.value, what)


def sources_table(summary: dict[str, Any]) -> str:
    """The corpus, a row per source."""
    lines = [
        "| source | for | hours | files | voices | licence | credit | origin |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in summary["sources"].items():
        voices = row["speakers"] + row["voices"] - 1 if row["speakers"] else ""
        lines.append(
            f"| {name} | {row['kind']} | {row['hours']:.2f} | {row['files']} | {voices} "
            f"| {row['license']} | {row['attribution']} | {row['origin']} |"
        )
    return "\n".join(lines) + f"\n\nIn all: {hours_of(summary)}."


def heard_by(model: unbraid.Model, summary: dict[str, Any]) -> dict[str, Any]:
    """The summary of what a model has heard: one that takes people apart learns from voices alone."""
    if not model.embedding:
        return summary
    return summary | {"sources": {name: row for name, row in summary["sources"].items() if row["kind"] == "speech"}}


def listed_clips(folder: Path) -> str:
    """The recordings of each source of a recipe's folder that has a table of them, with author and licence."""
    recipe = Recipe.load(folder / "recipe.toml")
    parts = []
    for source in recipe.sources:
        if source.listed:
            with (folder / source.listed).open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file, delimiter="\t"))
            lines = [f"| {row['clip']} | {row['author']} | {row['licence']} | {row['title']} |" for row in rows]
            table = "\n".join(["| clip | author | licence | title |", "|---|---|---|---|", *lines])
            parts.append(f"\n### {source.name}\n\n{recipe.selections.get(source.name, '')}\n\n{table}\n")
    return "\n".join(parts)


def _folder_of_sources(recipe: Path, name: str) -> Path:
    """Where recipe.toml lies: a second model of a corpus has a folder without one, beside that of the corpus's name."""
    return recipe if (recipe / "recipe.toml").exists() else recipe.parent / name


NO_GAINS = {"step", "hours_heard", "loss", "steps_per_second", "waited", "gain_db", "run"}  # in a row of a run's log


def plot_curve(rows: list[dict[str, Any]], path: Path) -> None:
    """The SI-SDR gain on the validation set over the steps: the mean, and all that it is the mean of."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    steps = [row["step"] for row in rows]
    for key in (key for key in rows[-1] if key not in NO_GAINS):
        axes.plot(steps, [row[key] for row in rows], label=key, linewidth=1)
    axes.plot(steps, [row["gain_db"] for row in rows], "k", label="mean", linewidth=2)
    axes.set_xlabel("step")
    axes.set_ylabel("SI-SDR gain, dB")
    axes.set_title("Validation: what no run has heard", fontsize=9)
    axes.legend(fontsize=7, ncol=2)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def worst_clip(scores: list[Score]) -> Score:
    """The clip that gains least, by the model's first stem among mixtures of all stems."""
    gains = [score for score in scores if score.metric == "si_sdr_gain"]
    fullest = max(score.kind.count("+") for score in gains)
    first = gains[0].stem
    return min((s for s in gains if s.kind.count("+") == fullest and s.stem == first), key=lambda s: s.value)


def plot_worst(worst: Judged, folder: Path, model: unbraid.Model, path: Path) -> None:
    """Spectrograms of a clip's mixture, and of a stem as it should be and as it came out."""
    references, rate = read_clip(folder / worst.clip, list(model.stem_names))
    mixture = mixture_of(references)
    panels = {
        "mixture": mixture,
        f"{worst.stem}, clean": references[worst.stem],
        f"{worst.stem}, separated": unbraid.separate(mixture, rate, model=model)[worst.stem],
    }
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), sharex=True, sharey=True, layout="constrained")
    for axis, (title, audio) in zip(axes, panels.items(), strict=True):
        level = np.sqrt(np.mean(mixture**2)) + 1e-9
        *_, image = axis.specgram(
            audio.mean(axis=0) / level + 1e-9, NFFT=1024, Fs=rate, noverlap=512, vmin=-110, vmax=-25
        )
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("s")
    axes[0].set_ylabel("Hz")
    axes[0].set_ylim(0, min(8000, rate / 2))
    figure.colorbar(image, ax=axes, label="dB")
    figure.savefig(path, dpi=70)
    plt.close(figure)


def write_card(model_path: Path, recipe: Path, corpus: Path, run: Path, scores: Path, folder: Path) -> Path:
    """Write the card MODEL.md beside the model file, and what only its makers need into the recipe's folder.

    There, `limits.md` is part of the card; `training.md`, `curve.png` and `worst.png` are written. The recordings that
    its `recipe.toml` lists are credited; without one, those of the recipe beside it that made the corpus. Returns the
    path of the card.
    """
    model = load_model(model_path)
    info = describe(model, model_path, model.name)
    made = json.loads(info.metadata["training_run"])
    summary = heard_by(model, json.loads((corpus / "summary.json").read_text()))
    config = json.loads((run / "config.json").read_text())
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    plot_curve(rows, recipe / "curve.png")
    head = HEAD.format(
        name=info.name,
        task=info.task,
        stems=", ".join(info.stem_names),
        latency=latency(info),
        top_khz=float(info.metadata["bin_hz"]) * (int(info.metadata["num_bins"]) - 1) / 1000,
        license=info.license,
        recipe=summary["recipe"],
        **{key: made[key] for key in ("commit", "step", "hours_heard", "seed")},
    )
    judged = read_scores(scores, info.stem_names)
    plot_worst(judged, folder, model, recipe / "worst.png")
    card = model_path.with_suffix(".md")
    limits = (recipe / "limits.md").read_text().strip()
    card.write_text(
        f"{head}\n{judged.heading}\n\n{judged.table}\n\n{limits}\n\n## Sources\n\n{sources_table(summary)}\n"
        + ("" if model.embedding else listed_clips(_folder_of_sources(recipe, summary["recipe"])))
    )
    (recipe / "training.md").write_text(
        f"# The last run of {info.name}\n\n{settings(config)}.\n\n"
        f"![SI-SDR gain on the validation set](curve.png)\n\n"
        f"{judged.what}, clip {judged.clip}, gains {judged.gain:.1f} dB:\n\n"
        f"![Spectrograms of the worst clip](worst.png)\n"
    )
    return card


def latency(info: unbraid.ModelInfo) -> str:
    if not info.streams:
        return "It hears whole signals"
    return f"{info.latency_ms:.0f} ms latency, {info.lookahead_frames} frames of look-ahead"


def settings(config: dict[str, Any]) -> str:
    """What a run was made of, in a line."""
    known = config["model"] | config["train"]
    for key in ("start_from", "teacher"):
        known[key] = Path(known.get(key, "")).name  # where it lay is of no use to a reader
    return ", ".join(f"{key} {value}" for key, value in known.items() if value != "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--recipe", type=Path, required=True, help="the recipe's folder, with limits.md in it")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--scores", type=Path, required=True, help="what `python -m unbraid.evaluation --json` wrote")
    parser.add_argument("--folder", type=Path, required=True, help="the folder that was scored")
    args = parser.parse_args()
    print(write_card(args.model, args.recipe, args.corpus, args.run, args.scores, args.folder))


if __name__ == "__main__":
    main()
