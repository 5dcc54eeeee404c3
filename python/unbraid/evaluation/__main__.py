"""Scores a model, through the installed package, on a folder of stems.

Those of a model of talkers may come in any order, and ideal masks stand beside it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import unbraid
from unbraid.evaluation.metrics import open_metrics
from unbraid.evaluation.pairs import PairScore, pair_figures, score_pairs
from unbraid.evaluation.scores import Score, score_folder, system_of
from unbraid.evaluation.tables import figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m unbraid.evaluation", description=__doc__)
    parser.add_argument("model", help="name of an installed model, or an .onnx file")
    parser.add_argument("folder", type=Path, help="a folder per clip, a file per stem")
    parser.add_argument("--json", type=Path, help="also write every score here")
    args = parser.parse_args()
    model = unbraid.load_model(args.model)
    scores = pairs(args.folder, model) if model.embedding else stems(args.folder, model)
    if args.json:
        args.json.write_text(json.dumps([asdict(score) for score in scores], indent=1))


def stems(folder: Path, model: unbraid.Model) -> Sequence[Score]:
    metrics, missing = open_metrics()
    for name, reason in missing.items():
        print(f"{name} skipped: {reason}")
    scores = list(score_folder(folder, model.stem_names, {model.name: system_of(model)}, metrics))
    print(figures(scores))
    return scores


def pairs(folder: Path, model: unbraid.Model) -> Sequence[PairScore]:
    scores = list(score_pairs(folder, model))
    print(pair_figures(scores))
    return scores


if __name__ == "__main__":
    main()
