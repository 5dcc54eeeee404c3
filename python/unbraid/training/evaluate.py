"""Scores a model, through the installed package, on a folder of stems.

The folder holds one folder per clip with a file per stem (`000/speech.flac`, `000/music.flac`, ...); the mixture is
the sum of the stems present. Prints a table per kind of mixture: the gain of zero-mean SI-SDR over the mixture, its
worst clip, and PESQ and STOI of the speech where those packages are installed; for clips of a single stem, how far
the other stems stay below it.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

import unbraid
from unbraid.training.metrics import METRIC_RATE, si_sdr, wide_band_pesq


@dataclass(frozen=True)
class Score:
    """One stem of one clip. `value` is in dB but for pesq (MOS-LQO) and stoi (0 … 1)."""

    clip: str
    kind: str  # the stems of the mixture, "speech+noise"
    stem: str
    metric: str  # "si_sdr_gain", "si_sdr", "leak", "pesq", "stoi"
    value: float


def read_clip(folder: Path, stem_names: list[str]) -> tuple[dict[str, NDArray[np.float32]], int]:
    """The stems (channels, samples) of a clip's folder, cut to the shortest, and their sample rate."""
    stems, rates = {}, set()
    for name in stem_names:
        if found := sorted(folder.glob(f"{name}.*")):
            audio, rate = soundfile.read(found[0], dtype="float32", always_2d=True)
            stems[name] = np.ascontiguousarray(audio.T)
            rates.add(rate)
    if len(rates) != 1:
        raise ValueError(f"{folder}: expected stems {stem_names} at one sample rate, found {sorted(stems)} at {rates}")
    length = min(audio.shape[1] for audio in stems.values())
    return {name: audio[:, :length] for name, audio in stems.items()}, rates.pop()


def _speech_scores(
    estimate: NDArray[np.float32], reference: NDArray[np.float32], rate: int
) -> Iterator[tuple[str, float]]:
    try:
        import pesq
        import pystoi
    except ImportError:
        return
    est, ref = (soxr.resample(x.mean(axis=0), rate, METRIC_RATE) for x in (estimate, reference))
    if (value := wide_band_pesq(pesq, est, ref)) is not None:
        yield "pesq", value
    yield "stoi", float(pystoi.stoi(ref, est, METRIC_RATE))


def score_clip(folder: Path, model: unbraid.Model) -> Iterator[Score]:
    """Separate the sum of a clip's stems and score each of them."""
    references, rate = read_clip(folder, list(model.stem_names))
    mixture = sum(references.values(), np.float32(0))
    kind = "+".join(references)
    estimates = unbraid.separate(mixture, rate, model=model)
    if len(references) == 1:
        power = np.mean(mixture**2) + 1e-20
        for stem in set(estimates) - set(references):
            leak_db = float(10 * np.log10(np.mean(estimates[stem] ** 2) / power + 1e-12))
            yield Score(folder.name, kind, stem, "leak", leak_db)
    for stem, reference in references.items():
        value = si_sdr(estimates[stem], reference)
        yield Score(folder.name, kind, stem, "si_sdr", value)
        if len(references) > 1:
            yield Score(folder.name, kind, stem, "si_sdr_gain", value - si_sdr(mixture, reference))
        if stem == "speech":
            for metric, number in _speech_scores(estimates[stem], reference, rate):
                yield Score(folder.name, kind, stem, metric, number)


def score_folder(folder: Path, model: unbraid.Model) -> list[Score]:
    """Score every clip of a folder."""
    clips = sorted(path for path in folder.iterdir() if path.is_dir())
    if not clips:
        raise ValueError(f"{folder}: expected a folder per clip, found none")
    return [score for clip in clips for score in score_clip(clip, model)]


def table(scores: list[Score]) -> str:
    """A Markdown table: mean and worst of each metric by kind of mixture and stem."""
    cells: dict[tuple[str, str], dict[str, list[Score]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        cells[score.kind, score.stem][score.metric].append(score)
    lines = [
        "| mixture | stem | clips | SI-SDR gain dB | worst (clip) | PESQ | STOI | leak dB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (kind, stem), metrics in sorted(cells.items(), key=lambda item: (-item[0][0].count("+"), item[0])):
        count = max(len(rows) for rows in metrics.values())

        def mean(metric: str, digits: int, metrics: dict[str, list[Score]] = metrics) -> str:
            rows = metrics.get(metric)
            return f"{np.mean([row.value for row in rows]):.{digits}f}" if rows else ""

        gains = metrics.get("si_sdr_gain")
        worst = min(gains, key=lambda row: row.value) if gains else None
        low = f"{worst.value:.1f} ({worst.clip})" if worst else ""
        lines.append(
            f"| {kind} | {stem} | {count} | {mean('si_sdr_gain', 2)} | {low} "
            f"| {mean('pesq', 2)} | {mean('stoi', 3)} | {mean('leak', 1)} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="name of an installed model, or an .onnx file")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path, help="also write every score here")
    args = parser.parse_args()
    scores = score_folder(args.folder, unbraid.load_model(args.model))
    print(table(scores))
    if args.json:
        args.json.write_text(json.dumps([asdict(score) for score in scores], indent=1))


if __name__ == "__main__":
    main()
