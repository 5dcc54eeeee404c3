"""What NMF does where a network has no stem: `python -m bench.nmf known CORPUS`; and dictionaries for `bench.quality`.

`known` learns each of some held-out disturbances (whole recordings of steady noise: rain, wind, engines, crowds) from
ten seconds of it alone, adds later seconds of it at 0 dB to held-out music and to held-out speech, and prints how far
each of NMF and the model takes the disturbance off them (SI-SDR gain dB).

`python -m bench.nmf learn CORPUS DICTIONARIES.npz` learns a dictionary per stem from clips of the training split;
`bench.quality --dictionaries` scores it beside the networks.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import unbraid
from bench.peers import Audio, at_length
from unbraid import nmf
from unbraid.evaluation.metrics import si_sdr
from unbraid.evaluation.scores import System, resample
from unbraid.evaluation.tables import markdown
from unbraid.training.corpus.clips import Clip
from unbraid.training.mixtures.clips import Clips
from unbraid.training.validation.mixtures import ValidationMixtures

RATE = 48000
ALONE_SECONDS = 10.0
MOST_SECONDS = 10.0
CLIP_SECONDS = 6.0


def stretches(clips: Clips, kind: str, seconds: float, rng: np.random.Generator) -> Iterator[Audio]:
    """Parts of clips of one kind, as a training draws them, until there are so many seconds."""
    missing = int(seconds * RATE)
    while missing > 0:
        drawn = clips.draw(kind, rng)
        part = clips.read(drawn[rng.integers(len(drawn))], max_samples=int(CLIP_SECONDS * RATE))
        if len(part) >= RATE // 10 and part.any():
            missing -= len(part)
            yield part


def learn(corpus: Path, minutes: float, components: int, seed: int) -> nmf.Dictionaries:
    clips, rng = Clips(corpus, "train", RATE), np.random.default_rng(seed)
    examples = {kind: list(stretches(clips, kind, 60 * minutes, rng)) for kind in clips.kinds}
    return nmf.learn(examples, RATE, components=components, iterations=100, seed=seed)


def known_disturbances(corpus: Path, count: int, seed: int) -> list[list[str]]:
    """A row per disturbance: its name, then for music and for speech the gain by NMF and by the model."""
    clips, rng = Clips(corpus, "validation", RATE), np.random.default_rng(seed)

    def whole(clip: Clip) -> Audio:
        return clips.read(clip, max_samples=int((ALONE_SECONDS + MOST_SECONDS) * RATE))

    hums = [c for c in ValidationMixtures(corpus).hums if c.length > (ALONE_SECONDS + 5) * c.sample_rate]
    rows = []
    for i in rng.permutation(len(hums))[:count]:
        disturbance = whole(hums[i])
        alone, later = np.split(disturbance, [int(ALONE_SECONDS * RATE)])
        dictionaries = nmf.learn({"noise": alone}, RATE)
        row = [hums[i].path.rpartition("/")[2]]
        for kind in ("music", "speech"):
            wanted = np.concatenate(list(stretches(clips, kind, len(later) / RATE, rng)))[: len(later)]
            noise = later * np.float32(np.sqrt(np.mean(wanted**2) / np.mean(later**2)))
            before = si_sdr(wanted + noise, wanted)
            for stems in (
                nmf.separate(wanted + noise, RATE, dictionaries, rest=kind),
                unbraid.separate(wanted + noise, RATE),
            ):
                row.append(f"{si_sdr(stems[kind], wanted) - before:.1f}")
        rows.append(row)
    return rows


def dictionary_system(path: Path) -> System:
    """Dictionaries in a file as a system of `bench.quality`."""
    dictionaries = nmf.Dictionaries.load(path)

    def separate(mixture: Audio, rate: float, reference: Audio) -> dict[str, Audio]:
        heard = resample(mixture, rate, dictionaries.sample_rate)
        stems = nmf.separate(heard, dictionaries.sample_rate, dictionaries)
        return {
            name: at_length(resample(stem, dictionaries.sample_rate, rate), mixture.shape[1])
            for name, stem in stems.items()
        }

    return separate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    known = commands.add_parser("known", help="known disturbances, beside the model")
    known.add_argument("corpus", type=Path)
    known.add_argument("--count", type=int, default=16, help="of disturbances (default: 16)")
    learning = commands.add_parser("learn", help="dictionaries from the training split")
    learning.add_argument("corpus", type=Path)
    learning.add_argument("dictionaries", type=Path)
    learning.add_argument("--minutes", type=float, default=6.0, help="of each stem (default: 6)")
    learning.add_argument("--components", type=int, default=64, help="of each stem (default: 64)")
    for command in (known, learning):
        command.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.command == "learn":
        learn(args.corpus, args.minutes, args.components, args.seed).save(args.dictionaries)
        return
    rows = known_disturbances(args.corpus, args.count, args.seed)
    means = [f"{np.mean([float(row[i]) for row in rows]):.1f}" for i in range(1, 5)]
    head = ["disturbance", "music: NMF", "music: dialogue", "speech: NMF", "speech: dialogue"]
    print(markdown([head, *rows, ["mean", *means]]))


if __name__ == "__main__":
    main()
