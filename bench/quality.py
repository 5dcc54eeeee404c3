"""Measures how well Unbraid and its peers separate clips: `python -m bench.quality FOLDER`, or `--corpus CORPUS`.

The folder holds one folder per clip with a file per stem, speech, music, noise (`000/speech.flac`, ...); the mixture is
the sum of the stems present. Of a corpus that a recipe built, the mixtures of validation are scored. Prints a Markdown
table per kind of mixture, of means over its clips, and of the latter one per voice, track and noise, by source:

SI-SDR gain  zero-mean SI-SDR over that of the mixture, all channels as one vector: of audio resampled to 16 kHz, for
             there most peers end, and in full, at the clip's own rate
PESQ, STOI   wide-band PESQ and STOI of the speech, on the mean of its channels at 16 kHz
DNSMOS       overall quality, speech and background, of the same signal, without a reference
leak         the level of a stem that is not in the clip, over the mixture's
worst        Unbraid's worst clip by the first of SI-SDR gain, leak and PESQ that the row has

A peer hears each channel by itself at its own rate; its delay is taken out there: the lag, up to 100 ms, at which its
output correlates best with the clean speech (with the mixture where there is no speech). Of a mixture of two, what its
speech leaves counts as its other stem. "mixture" is no separation.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

import unbraid
from bench.peers import PEERS, Audio, Peer, at_length, open_peers, run_stream
from unbraid.evaluation.metrics import METRICS, Metric, open_metrics
from unbraid.evaluation.scores import Score, System, resample, score_folder, system_of
from unbraid.evaluation.tables import COLUMNS, SUMMARY, markdown, report, summary

UNBRAID = "Unbraid"
MAX_LAG_SECONDS = 0.1
PEERS_ENV = "UNBRAID_PEERS"


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
    return {"speech": at_length(speech, mixture.shape[1])}


def open_systems(model: unbraid.Model, peers: Mapping[str, Callable[[], Peer]]) -> dict[str, System]:
    return {
        "mixture": lambda mixture, rate, reference: {"speech": mixture},
        **{name: partial(enhance, open_stream) for name, open_stream in peers.items()},
        UNBRAID: system_of(model),
    }


def shown(scores: Iterator[Score]) -> Iterator[Score]:
    """Says on the way which clip it is at."""
    clip = ""
    for score in scores:
        if score.clip != clip:
            clip = score.clip
            print(f"clip {clip}: {score.kind}", file=sys.stderr)
        yield score


def score_corpus(
    corpus: Path, every: int, systems: Mapping[str, System], metrics: Mapping[str, Metric]
) -> tuple[list[Score], dict[tuple[str, str], str]]:
    """Scores on the mixtures of validation, and the source of each (clip, stem)."""
    from unbraid.training.validation.mixtures import ValidationMixtures, verify
    from unbraid.training.validation.scoring import clip_name, score_mixture

    mixtures = ValidationMixtures(corpus)
    drawn = [mixtures[number] for number in range(0, len(mixtures), every)]
    print(f"{len(drawn)} mixtures of validation, sha256 {verify(corpus, drawn)}\n")
    sources = {(clip_name(m), stem): name.split("/")[0] for m in drawn for stem, name in m.sources.items()}
    found = shown(score for mixture in drawn for score in score_mixture(mixture, systems, metrics))
    return list(found), sources


def kept_peers(path: Path, scores: Sequence[Score]) -> list[Score]:
    """The peers' scores in a file, of the clips that were scored now.

    Raises ValueError for a file that lacks one of these clips.
    """
    clips = {(score.clip, score.kind) for score in scores}
    again = {score.system for score in scores}
    kept = [Score(**row) for row in json.loads(path.read_text())]
    if missing := clips - {(score.clip, score.kind) for score in kept}:
        raise ValueError(f"{path}: expected scores of the same clips, clip {min(missing)[0]} is not among them")
    return [score for score in kept if score.system not in again and (score.clip, score.kind) in clips]


def by_source(scores: Sequence[Score], stem: str, sources: Mapping[tuple[str, str], str]) -> str:
    """The mean gain of a stem, a row per source that it came from and a column per system."""
    gains: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        if (score.stem, score.metric) == (stem, "si_sdr_gain"):
            gains[sources[score.clip, stem]][score.system].append(score.value)
    systems = list(dict.fromkeys(system for row in gains.values() for system in row))
    lines = [["source", "clips", *systems]]
    for source, row in sorted(gains.items(), key=lambda item: -max(map(len, item[1].values()))):
        cells = [f"{np.mean(row[system]):.2f}" if system in row else "" for system in systems]
        lines.append([source, str(max(map(len, row.values()))), *cells])
    return markdown(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("folder", type=Path, nargs="?", help="a folder per clip, a file per stem")
    given.add_argument("--corpus", type=Path, help="a built corpus, whose mixtures of validation are scored")
    parser.add_argument("--every", type=int, default=1, help="of a corpus, score every so many mixtures")
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
    parser.add_argument("--dictionaries", type=Path, help="of `bench.nmf learn`: NMF is scored, too")
    parser.add_argument("--json", type=Path, help="also write every score here")
    parser.add_argument("--peers-from", type=Path, help="scores of the peers, as --json wrote them; none is run anew")
    args = parser.parse_args()
    model = unbraid.load_model(args.model)
    peers, missing_peers = open_peers(args.peers_dir)
    metrics, missing_metrics = open_metrics()
    print(f"unbraid {unbraid.__version__}, model {model.name}, {(args.folder or args.corpus).resolve().name}\n")
    unwanted = dict.fromkeys(args.skip, "not wanted")
    for name, reason in (missing_peers | missing_metrics | unwanted).items():
        print(f"{name} skipped: {reason}\n")
        peers.pop(name, None)
        metrics.pop(name, None)
    systems = open_systems(model, {} if args.peers_from else peers)
    if args.dictionaries:
        from bench.nmf import dictionary_system  # needs the extras [nmf] and [train]

        systems |= {"NMF": dictionary_system(args.dictionaries)}
    if args.folder:
        scores = list(shown(score_folder(args.folder, model.stem_names, systems, metrics)))
    else:
        scores, sources = score_corpus(args.corpus, args.every, systems, metrics)
    if args.peers_from:
        scores = sorted([*kept_peers(args.peers_from, scores), *scores], key=lambda score: score.system != "mixture")
    print(report(scores, UNBRAID, model.stem_names))
    if args.corpus:
        for stem in model.stem_names:
            print(f"\n### {stem} by source\n\n{by_source(scores, stem, sources)}")
    print(f"\n### In short: speech, {', '.join(COLUMNS[metric][0] for metric in SUMMARY)}\n\n{summary(scores)}")
    if args.json:
        args.json.write_text(json.dumps([asdict(score) for score in scores], indent=1))


if __name__ == "__main__":
    main()
