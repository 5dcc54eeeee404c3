"""Scores checkpoints on the mixtures of validation, and their differences clip by clip.

    python -m unbraid.training.validation CORPUS CHECKPOINT [OTHER ...]

Prints, by kind of mixture and stem, means with their standard errors, and what each further checkpoint has over the
first: the paired difference, whose error is far smaller than that of either mean. Voices in rooms are rows of their
own: their reference is as reverberant as they are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from unbraid.training.corpus.clips import load_kinds
from unbraid.training.model import load_checkpoint
from unbraid.training.validation.checkpoints import system_of_checkpoint
from unbraid.training.validation.mixtures import ValidationMixtures, verify
from unbraid.training.validation.scoring import score_all
from unbraid.training.validation.tables import report


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
    kinds = load_kinds(parsed.corpus)
    systems = {
        name: system_of_checkpoint(load_checkpoint(path)[0], kinds)
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
