"""Writes scores where readers look: `python -m bench.publish SCORES.json`, scores as `bench.quality --json` wrote them.

Rewrites the tables and figures between the marks in README.md and bench/README.md, and docs/peers.svg. No figure of
quality in them is typed by hand.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.pictures import draw
from bench.quality import UNBRAID
from unbraid.evaluation.scores import Score
from unbraid.evaluation.tables import COLUMNS, SUMMARY, report, summary

ROOT = Path(__file__).resolve().parent.parent
STEMS = ("speech", "music", "noise")


def replace_between(path: Path, name: str, content: str) -> None:
    """Puts `content` between the marks `<!-- NAME: written by bench.publish -->` and `<!-- NAME: end -->` of a file.

    Raises ValueError for a file without them.
    """
    begin, end = f"<!-- {name}: written by bench.publish -->", f"<!-- {name}: end -->"
    text = path.read_text()
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError(f"{path}: expected {begin!r} and {end!r} once")
    path.write_text(pattern.sub(lambda _: f"{begin}\n{content}\n{end}", text))


def mean_gain(scores: Sequence[Score], kind: str, stem: str) -> float:
    found = [s.value for s in scores if (s.system, s.kind, s.stem, s.metric) == (UNBRAID, kind, stem, "si_sdr_gain")]
    return float(np.mean(found))


def besides(scores: Sequence[Score]) -> str:
    """What it gives besides the speech, in a sentence."""
    gain = {
        (kind, stem): f"{mean_gain(scores, kind, stem):.1f}"
        for stem in ("music", "noise")
        for kind in ("speech+music+noise", f"speech+{stem}", "music+noise")
    }
    return (
        f"What it gives besides is the music (a gain of {gain['speech+music+noise', 'music']} dB where all three "
        f"sound, {gain['speech+music', 'music']} with speech,\n{gain['music+noise', 'music']} with noise) and the "
        f"noise ({gain['speech+music+noise', 'noise']} dB, {gain['speech+noise', 'noise']} with speech, "
        f"{gain['music+noise', 'noise']} with music)."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path)
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout to write to")
    args = parser.parse_args()
    scores = [Score(**row) for row in json.loads(args.scores.read_text())]
    short = summary(scores)
    replace_between(args.root / "README.md", "besides", besides(scores))
    replace_between(args.root / "README.md", "speech", f"\n{short}\n")
    columns = ", ".join(COLUMNS[metric][0] for metric in SUMMARY)
    whole = f"\n{report(scores, UNBRAID, STEMS)}\n\n### In short: speech, {columns}\n\n{short}\n"
    replace_between(args.root / "bench" / "README.md", "quality", whole)
    draw(scores, args.root / "docs" / "peers.svg", UNBRAID)


if __name__ == "__main__":
    main()
