"""Scores a model, through the installed package, on a folder of stems."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import unbraid
from unbraid.evaluation.metrics import open_metrics
from unbraid.evaluation.scores import score_folder, system_of
from unbraid.evaluation.tables import figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m unbraid.evaluation", description=__doc__)
    parser.add_argument("model", help="name of an installed model, or an .onnx file")
    parser.add_argument("folder", type=Path, help="a folder per clip, a file per stem")
    parser.add_argument("--json", type=Path, help="also write every score here")
    args = parser.parse_args()
    model = unbraid.load_model(args.model)
    metrics, missing = open_metrics()
    for name, reason in missing.items():
        print(f"{name} skipped: {reason}")
    scores = list(score_folder(args.folder, model.stem_names, {model.name: system_of(model)}, metrics))
    print(figures(scores))
    if args.json:
        args.json.write_text(json.dumps([asdict(score) for score in scores], indent=1))


if __name__ == "__main__":
    main()
