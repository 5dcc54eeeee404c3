"""Measures how well Unbraid and its peers separate a folder of clips: `python -m bench.quality FOLDER`.

The folder holds one folder per clip with a file per stem, speech, music, noise (`000/speech.flac`, ...); the mixture is
the sum of the stems present. Prints a Markdown table per kind of mixture, of means over its clips:

SI-SDR gain  zero-mean SI-SDR over that of the mixture, all channels as one vector: of audio resampled to 16 kHz, for
             there most peers end, and in full, at the clip's own rate
PESQ, STOI   wide-band PESQ and STOI of the speech, on the mean of its channels at 16 kHz
DNSMOS       overall quality, speech and background, of the same signal, without a reference
leak         the level of a stem that is not in the clip, over the mixture's
worst        Unbraid's worst clip by the first of SI-SDR gain, leak and PESQ that the row has

A peer hears each channel by itself at its own rate; its delay is taken out there: the lag, up to 100 ms, at which its
output correlates best with the clean speech (with the mixture where there is no speech). "mixture" is no separation.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soxr

import unbraid
from bench.peers import PEERS, Audio, Peer, open_peers, run_stream
from unbraid.training.evaluate import read_clip
from unbraid.training.metrics import METRIC_RATE, si_sdr, wide_band_pesq

UNBRAID = "Unbraid"
STEMS = ["speech", "music", "noise"]
MAX_LAG_SECONDS = 0.1
PEERS_ENV = "UNBRAID_PEERS"

# From the mixture (channels, samples), its rate, and the signal to align with, to the stems this system knows.
System = Callable[[Audio, int, Audio], Mapping[str, Audio]]
# From the clean and the estimated speech, (samples,) at METRIC_RATE, to scores by name.
Metric = Callable[[Audio, Audio], dict[str, float]]

# Name of a score: heading, digits. In the order of the columns.
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


@dataclass(frozen=True)
class Score:
    system: str
    clip: str
    kind: str  # the stems of the mixture, "speech+noise"
    stem: str
    metric: str  # a key of COLUMNS
    value: float


# --- systems --------------------------------------------------------------------------------------------------------


def resample(audio: Audio, rate: float, new_rate: float) -> Audio:
    return np.ascontiguousarray(soxr.resample(audio.T, rate, new_rate).T, np.float32)


def find_lag(output: Audio, reference: Audio, max_lag: int) -> int:
    """The samples, 0 … max_lag, by which `output` is most like `reference` late; both (channels, samples)."""
    size = output.shape[-1] + reference.shape[-1]
    products = np.fft.rfft(output, size) * np.conj(np.fft.rfft(reference, size))
    correlation = np.fft.irfft(products.sum(axis=0), size)
    return int(np.argmax(correlation[: max_lag + 1]))


def enhance(open_stream: Callable[[], Peer], mixture: Audio, rate: int, reference: Audio) -> dict[str, Audio]:
    """What a peer takes for speech, aligned with `reference`, at the rate and of the shape of the mixture."""
    streams = [open_stream() for _ in mixture]
    peer_rate = streams[0].sample_rate
    max_lag = round(MAX_LAG_SECONDS * peer_rate)
    heard = np.pad(resample(mixture, rate, peer_rate), [(0, 0), (0, max_lag)])
    output = np.stack([run_stream(stream, channel) for stream, channel in zip(streams, heard, strict=True)])
    lag = find_lag(output, resample(reference, rate, peer_rate), max_lag)
    speech = resample(output[:, lag : output.shape[1] - max_lag + lag], peer_rate, rate)
    missing = max(mixture.shape[1] - speech.shape[1], 0)  # a sample of rounding
    return {"speech": np.pad(speech, [(0, 0), (0, missing)])[:, : mixture.shape[1]]}


def open_systems(model: unbraid.Model, peers: Mapping[str, Callable[[], Peer]]) -> dict[str, System]:
    return {
        "mixture": lambda mixture, rate, reference: {"speech": mixture},
        **{name: partial(enhance, open_stream) for name, open_stream in peers.items()},
        UNBRAID: lambda mixture, rate, reference: unbraid.separate(mixture, rate, model),
    }


# --- metrics --------------------------------------------------------------------------------------------------------


def _pesq(pesq: Any, reference: Audio, estimate: Audio) -> dict[str, float]:
    value = wide_band_pesq(pesq, estimate, reference)
    return {} if value is None else {"pesq": value}


def _stoi(pystoi: Any, reference: Audio, estimate: Audio) -> dict[str, float]:
    return {"stoi": float(pystoi.stoi(reference, estimate, METRIC_RATE))}


def _dnsmos(dnsmos: Any, reference: Audio, estimate: Audio) -> dict[str, float]:
    scores = dnsmos.run(np.clip(estimate, -1, 1), METRIC_RATE)
    return {name: float(scores[f"{name}_mos"]) for name in ("ovrl", "sig", "bak")}


METRICS: dict[str, tuple[str, Callable[[Any, Audio, Audio], dict[str, float]]]] = {
    "PESQ": ("pesq", _pesq),
    "STOI": ("pystoi", _stoi),
    "DNSMOS": ("speechmos.dnsmos", _dnsmos),
}


def open_metrics() -> tuple[dict[str, Metric], dict[str, str]]:
    """The metrics of speech whose packages are installed, and why each of the others is missing."""
    found: dict[str, Metric] = {}
    missing: dict[str, str] = {}
    for name, (module, metric) in METRICS.items():
        try:
            found[name] = partial(metric, importlib.import_module(module))
        except ImportError as error:
            missing[name] = str(error)
    return found, missing


# --- scores ---------------------------------------------------------------------------------------------------------


def score_stems(
    estimates: Mapping[str, Audio], references: Mapping[str, Audio], rate: int, metrics: Mapping[str, Metric]
) -> Iterator[tuple[str, str, float]]:
    """(stem, metric, value) of one system's estimates for one clip."""
    mixture: Audio = np.asarray(sum(references.values(), np.float32(0)))
    low_mixture = resample(mixture, rate, METRIC_RATE)
    for stem, estimate in estimates.items():
        if stem not in references:
            level = np.mean(estimate**2) / (np.mean(mixture**2) + 1e-20)
            yield stem, "leak", float(10 * np.log10(level + 1e-12))
            continue
        reference = references[stem]
        low_estimate, low_reference = (resample(audio, rate, METRIC_RATE) for audio in (estimate, reference))
        if len(references) > 1:
            yield stem, "si_sdr_gain", si_sdr(low_estimate, low_reference) - si_sdr(low_mixture, low_reference)
            yield stem, "si_sdr_gain_full", si_sdr(estimate, reference) - si_sdr(mixture, reference)
        if stem == "speech":
            for metric in metrics.values():
                for name, value in metric(low_reference.mean(axis=0), low_estimate.mean(axis=0)).items():
                    yield stem, name, value


def score_folder(folder: Path, systems: Mapping[str, System], metrics: Mapping[str, Metric]) -> Iterator[Score]:
    clips = sorted(path for path in folder.iterdir() if path.is_dir())
    if not clips:
        raise ValueError(f"{folder}: expected a folder per clip, found none")
    for clip in clips:
        references, rate = read_clip(clip, STEMS)
        mixture: Audio = np.asarray(sum(references.values(), np.float32(0)))
        for name, system in systems.items():
            estimates = system(mixture, rate, references.get("speech", mixture))
            for stem, metric, value in score_stems(estimates, references, rate, metrics):
                yield Score(name, clip.name, "+".join(references), stem, metric, value)


# --- tables ---------------------------------------------------------------------------------------------------------


def worst(scores: Mapping[str, list[Score]]) -> str:
    """The worst of one row's clips."""
    for metric, sign in (("si_sdr_gain", 1), ("leak", -1), ("pesq", 1)):
        if metric in scores:
            score = min(scores[metric], key=lambda score: sign * score.value)
            return f"{score.value:.{COLUMNS[metric][1]}f} ({score.clip})"
    return ""


def markdown(lines: list[list[str]]) -> str:
    """A table of cells, the first line its header."""
    header, *rows = lines
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *rows))


def table(scores: list[Score]) -> str:
    """Means over clips: a row per stem and system, in the order in which the systems come."""
    systems = list(dict.fromkeys(score.system for score in scores))
    rows: dict[tuple[str, str], dict[str, list[Score]]] = defaultdict(lambda: defaultdict(list))
    for score in sorted(scores, key=lambda score: (score.kind, STEMS.index(score.stem), systems.index(score.system))):
        label = score.stem if "+" in score.kind else f"{score.kind} → {score.stem}"
        rows[label, score.system][score.metric].append(score)
    metrics = [metric for metric in COLUMNS if any(metric in row for row in rows.values())]
    lines = [["stem", "system", *(COLUMNS[metric][0] for metric in metrics), "worst (clip)"]]
    for (label, system), row in rows.items():
        means = {metric: np.mean([score.value for score in values]) for metric, values in row.items()}
        cells = [f"{means[metric]:.{COLUMNS[metric][1]}f}" if metric in means else "" for metric in metrics]
        lines.append([label, system, *cells, worst(row) if system == UNBRAID else ""])
    return markdown(lines)


def report(scores: list[Score]) -> str:
    """A table for each kind of mixture, and one for the clips of a single stem."""
    groups = defaultdict(list)
    for score in sorted(scores, key=lambda score: -score.kind.count("+")):
        groups[score.kind if "+" in score.kind else "a single stem"].append(score)
    return "\n\n".join(
        f"### {kind}, clips: {len({score.clip for score in group})}\n\n{table(group)}" for kind, group in groups.items()
    )


def summary(scores: list[Score]) -> str:
    """The speech alone: a row per system and a column per kind of mixture, in each the means of `SUMMARY`."""
    spoken = [score for score in scores if score.stem == "speech" and "+" in score.kind and score.metric in SUMMARY]
    values: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for score in spoken:
        values[score.system, score.kind, score.metric].append(score.value)
    kinds = sorted({score.kind for score in spoken}, key=lambda kind: (-kind.count("+"), kind))
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a folder per clip, a file per stem")
    parser.add_argument("--model", default="dialogue", help="an installed model, or an .onnx file (default: dialogue)")
    parser.add_argument(
        "--peers-dir",
        type=Path,
        default=os.environ.get(PEERS_ENV),
        help=f"folder of the peers' ONNX files (default: ${PEERS_ENV})",
    )
    parser.add_argument(
        "--skip",
        action="append",
        default=[],
        choices=[*PEERS, *METRICS],
        help="leave out a peer or a metric; may be repeated",
    )
    parser.add_argument("--json", type=Path, help="also write every score here")
    args = parser.parse_args()
    model = unbraid.load_model(args.model)
    peers, missing_peers = open_peers(args.peers_dir)
    metrics, missing_metrics = open_metrics()
    print(f"unbraid {unbraid.__version__}, model {model.name}, {args.folder.resolve().name}\n")
    unwanted = dict.fromkeys(args.skip, "not wanted")
    for name, reason in (missing_peers | missing_metrics | unwanted).items():
        print(f"{name} skipped: {reason}\n")
        peers.pop(name, None)
        metrics.pop(name, None)
    scores: list[Score] = []
    for score in score_folder(args.folder, open_systems(model, peers), metrics):
        if not scores or scores[-1].clip != score.clip:
            print(f"clip {score.clip}: {score.kind}", file=sys.stderr)
        scores.append(score)
    print(report(scores))
    print(f"\n### In short: speech, {', '.join(COLUMNS[metric][0] for metric in SUMMARY)}\n\n{summary(scores)}")
    if args.json:
        args.json.write_text(json.dumps([asdict(score) for score in scores], indent=1))


if __name__ == "__main__":
    main()
